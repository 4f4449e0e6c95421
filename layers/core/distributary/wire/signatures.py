"""Signature Version 4. Pure: the same request, credentials and time give the same signature as botocore's.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

from distributary.credentials import SessionCredentials

ALGORITHM = "AWS4-HMAC-SHA256"
NOTHING = sha256(b"").hexdigest()


def signed_headers(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: SessionCredentials,
    service: str,
    region: str,
    time: str,
) -> dict[str, str]:
    """A request's headers with the ones that sign it.

    Args:
        method: such as `PUT`.
        path: the path as sent, encoded already; a query is not supported, as no request here has one.
        headers: by their lower-case names, `host` included, without spaces around the values; all are signed.
        body: what is sent after them.
        credentials: those of the principal that asks.
        service: as in the credential scope, such as `s3`.
        region: such as `us-east-1`.
        time: UTC, in the form `20261121T060000Z`.
    """
    payload = sha256(body).hexdigest() if body else NOTHING
    signed = {**headers, "x-amz-date": time}
    if service == "s3":
        signed["x-amz-content-sha256"] = payload
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = sorted(signed)
    lines = "\n".join([f"{name}:{signed[name]}" for name in names])
    listed = ";".join(names)
    canonical = f"{method}\n{path}\n\n{lines}\n\n{listed}\n{payload}"
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    text = f"{ALGORITHM}\n{time}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(credentials.secret_key, time[:8], region, service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    signed["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={listed}, Signature={signature}"
    )
    return signed


@lru_cache(maxsize=16_384)  # of more sessions than an environment has
def _signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """Four of a signature's five digests, good for a day."""
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
