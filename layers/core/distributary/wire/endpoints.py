"""Where a service is asked: the SDK's own rules, of which the plain case is known here and all others are the SDK's.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_PLAIN = re.compile(r"(?:af|ap|ca|eu|il|me|mx|sa|us)-(?:gov-)?(?:[a-z]+)-[0-9]", re.ASCII)
"""The Regions whose endpoints end with amazonaws.com; China's, the isolated ones and new kinds are the SDK's matter."""
_CHOICES = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_STS_REGIONAL_ENDPOINTS")
"""Variables that change the rules."""
_HARMLESS = {"s3": "list_buckets", "sts": "get_caller_identity", "sns": "list_topics", "dynamodb": "list_tables"}
"""An operation of each service without parameters; it is never called."""


def endpoint_url(service: str, region: str, environ: Mapping[str, str]) -> str:
    """The URL of a service in a Region, without a path.

    Args:
        service: `s3`, `sts`, `sns` or `dynamodb`.
        region: such as `us-east-1`.
        environ: where `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`, `AWS_USE_FIPS_ENDPOINT` and the like are.
    """
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        configured = environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL")
        if configured:
            return configured.rstrip("/")
    if _PLAIN.fullmatch(region) and not any(environ.get(name) for name in _CHOICES):
        return f"https://{service}.{region}.amazonaws.com"
    return _of_the_sdk(service, region)


def _of_the_sdk(service: str, region: str) -> str:
    import boto3
    from botocore.config import Config

    regional = Config(s3={"us_east_1_regional_endpoint": "regional", "addressing_style": "path"})
    client = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none").client(  # type: ignore[call-overload]  # noqa: S106
        service, region_name=region, config=regional
    )
    # Not its meta.endpoint_url, which comes of older rules than its requests: of FIPS in GovCloud, for one.
    asked = urlsplit(client.generate_presigned_url(_HARMLESS[service]))
    return f"{asked.scheme}://{asked.netloc}"
