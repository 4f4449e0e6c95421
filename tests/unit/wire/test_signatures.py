"""botocore signs the same requests: it is the oracle."""

from datetime import datetime

from botocore.awsrequest import AWSRequest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import signed_by_botocore

from distributary.credentials import SessionCredentials
from distributary.wire.signatures import signed_headers

PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
HEADERS = st.dictionaries(st.from_regex(r"(x-amz-|content-)[a-z]{1,9}", fullmatch=True), PRINTABLE, max_size=5)
PATHS = st.text("abcXYZ019-._~/%20%2B+=&!*'()", max_size=60)
CREDENTIALS = st.builds(SessionCredentials, PRINTABLE, PRINTABLE, st.none() | PRINTABLE)
REGIONS = st.sampled_from(["us-east-1", "eu-west-3", "us-gov-west-1", "cn-north-1"])
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(lambda time: time.strftime("%Y%m%dT%H%M%SZ"))


@settings(max_examples=1000)
@given(path=PATHS, headers=HEADERS, body=st.binary(max_size=50), credentials=CREDENTIALS, region=REGIONS, time=TIMES)
def test_s3s_requests_are_signed_alike(
    path: str, headers: dict[str, str], body: bytes, credentials: SessionCredentials, region: str, time: str
) -> None:
    request = AWSRequest("PUT", f"https://s3.example.com/bucket/{path}", {"host": "s3.example.com"} | headers, body)
    ours = signed_headers(
        "PUT",
        f"/bucket/{path}",
        {"host": "s3.example.com"} | headers,
        body,
        credentials=credentials,
        service="s3",
        region=region,
        time=time,
    )
    assert ours == signed_by_botocore(request, credentials, "s3", region, time)


@settings(max_examples=1000)
@given(
    headers=HEADERS,
    body=st.binary(max_size=50),
    credentials=CREDENTIALS,
    service=st.sampled_from(["sts", "sns", "dynamodb"]),
    region=REGIONS,
    time=TIMES,
)
def test_the_others_requests_are_signed_alike(
    headers: dict[str, str], body: bytes, credentials: SessionCredentials, service: str, region: str, time: str
) -> None:
    request = AWSRequest("POST", "https://sts.example.com:4566/", {"host": "sts.example.com:4566"} | headers, body)
    ours = signed_headers(
        "POST",
        "/",
        {"host": "sts.example.com:4566"} | headers,
        body,
        credentials=credentials,
        service=service,
        region=region,
        time=time,
    )
    assert ours == signed_by_botocore(request, credentials, service, region, time)
