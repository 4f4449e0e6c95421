"""What botocore makes of the same requests and answers."""

from collections.abc import Mapping
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from distributary.credentials import SessionCredentials


def signed_by_botocore(
    request: AWSRequest, credentials: SessionCredentials, service: str, region: str, time: str
) -> Mapping[str, str]:
    """The request's headers once it is signed, by their lower-case names."""
    request.context["timestamp"] = time
    signer: Any = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(*credentials), service, region)
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return {name.lower(): value for name, value in request.headers.items()}
