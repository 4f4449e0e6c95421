"""botocore is the oracle: for every Region that it knows, and whatever the variables say."""

import subprocess
import sys
from functools import cache
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.endpoint_provider import EndpointProvider

from distributary.wire.calls import Caller
from distributary.wire.connections import Connections
from distributary.wire.endpoints import endpoint_url

PARTITIONS = ["aws", "aws-us-gov", "aws-cn", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"]
SERVICES = {
    "s3": ("copy_object", {"Bucket": "bucket", "Key": "key", "CopySource": "bucket/key"}),
    "sts": ("get_caller_identity", {}),
    "sns": ("publish", {"TopicArn": "arn:aws:sns:us-east-1:111111111111:topic", "Message": "message"}),
    "dynamodb": ("list_tables", {}),
}
VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT")


@cache
def regions() -> list[tuple[str, str]]:
    """Every service with every Region that botocore knows of it."""
    session = boto3.Session()
    return [
        (service, region)
        for service in SERVICES
        for partition in PARTITIONS
        for region in session.get_available_regions(service, partition)
    ]


def asked_by_boto3(service: str, region: str) -> str:
    """Where boto3 sends a request to, without the path."""
    # In us-east-1, boto3 left to itself takes S3's old global endpoint.
    config = Config(s3={"addressing_style": "path", "us_east_1_regional_endpoint": "regional"})
    session = boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    client: Any = session.client(service, region_name=region, config=config)  # type: ignore[call-overload]
    sent: list[str] = []

    def note(request: Any, **_: Any) -> None:
        sent.append(request.url)
        raise InterruptedError

    client.meta.events.register("before-send", note)
    operation, parameters = SERVICES[service]
    with pytest.raises(InterruptedError):
        getattr(client, operation)(**parameters)
    scheme, _, rest = sent[0].partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def by_the_rules(service: str, region: str) -> str:
    """What the rules that botocore follows say; asking boto3 itself takes a tenth of a second each time."""
    return str(rules_of(service).resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False).url)


@cache
def rules_of(service: str) -> Any:
    loader: Any = botocore.session.get_session().get_component("data_loader")
    return EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), loader.load_data("partitions"))


def test_botocore_knows_every_kind_of_region() -> None:
    known = {region for _, region in regions()}
    assert known >= {"us-east-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1", "mx-central-1"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_region_has_boto3s_endpoint(service: str) -> None:
    ours = {region: endpoint_url(one, region, {}) for one, region in regions() if one == service}
    assert ours == {region: by_the_rules(service, region) for region in ours}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("variable", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
@pytest.mark.parametrize("region", ["us-east-1", "ca-central-1", "us-gov-west-1"])
def test_fips_and_dual_stack_endpoints_are_boto3s(
    service: str, variable: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "true")
    url = endpoint_url(service, region, {variable: "true"})
    assert url == asked_by_boto3(service, region)
    assert (url != endpoint_url(service, region, {})) or (service, region) in {
        ("sts", "us-gov-west-1"),
        ("sns", "us-gov-west-1"),
        ("dynamodb", "us-gov-west-1"),
    }


CONFIGURED = {
    "for all": {"AWS_ENDPOINT_URL": "http://localhost:4566"},
    "for all, with a slash": {"AWS_ENDPOINT_URL": "http://localhost:4566/"},
    "for S3 alone": {"AWS_ENDPOINT_URL_S3": "https://s3.internal"},
    "for both": {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_S3": "http://localhost:9000"},
    "ignored": {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    "not ignored": {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
    "empty": {"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": ""},
    "FIPS, and configured": {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_USE_FIPS_ENDPOINT": "true"},
}


@pytest.mark.parametrize("service", ["s3", "sts"])
@pytest.mark.parametrize("environ", CONFIGURED.values(), ids=CONFIGURED)
def test_configured_endpoints_are_boto3s(
    service: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert endpoint_url(service, "eu-west-1", environ) == asked_by_boto3(service, "eu-west-1")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://localhost:4566", "localhost:4566"),
        ("http://localhost:80", "localhost"),
        ("https://localhost:443", "localhost"),
        ("https://localhost:4443", "localhost:4443"),
        ("https://localhost:80", "localhost:80"),
    ],
)
def test_the_host_header_names_the_port_only_where_it_is_not_the_schemes(url: str, host: str) -> None:
    class Nowhere(Connections):
        def __init__(self) -> None: ...

    assert Caller({"AWS_ENDPOINT_URL": url}, Nowhere())._endpoint("s3", "us-east-1") == (url, host)


def test_the_plain_case_does_without_boto3() -> None:
    program = (
        "import sys; from distributary.wire.endpoints import endpoint_url;"
        "print(endpoint_url('s3', 'us-east-1', {}), 'boto3' in sys.modules, 'botocore.client' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert told.stdout.split() == ["https://s3.us-east-1.amazonaws.com", "False", "False"]
