"""What is asked of S3 and what is made of its answers; boto3, asked for the same copies, is the oracle."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import signed_by_botocore
from samples import A, B
from wire_fakes import Scripted, caller_of

from distributary.copies import LARGEST_BYTES, Copy
from distributary.credentials import SessionCredentials
from distributary.faults import Fault, classify
from distributary.objects import Source, StoredObject
from distributary.sdk.copies import SdkCopier
from distributary.wire.answers import Answer
from distributary.wire.copies import WireCopier

CREDENTIALS = SessionCredentials("AKIAEXAMPLE", "secret", "token")
RESULT = b"""<?xml version="1.0" encoding="UTF-8"?>
<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LastModified>2026-11-21T06:00:00.000Z</LastModified>\
<ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag></CopyObjectResult>"""
MADE = StoredObject("0cc175b9c0f1b6a831c399e269772661", None, 4, datetime(2026, 11, 21, 6, tzinfo=UTC))
PIECES = [
    " ",
    "+",
    "=",
    "&",
    "?",
    "#",
    "%",
    "~",
    "(",
    ")",
    "!",
    "*",
    "'",
    "//",
    "..",
    "/../",
    "/./",
    ";",
    ":",
    "@",
    ",",
    "$",
]
PIECES += [
    "%2F",
    "%zz",
    '"',
    "<",
    ">",
    "\\",
    "|",
    "^",
    "`",
    "{",
    "}",
    "[",
    "]",
    "\x7f",
    "snow☃",
    "é",
    "e\u0301",
    "🌊",
    "AWSLogs/",
]
KEYS = (
    st.lists(
        st.sampled_from(PIECES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=12
    )
    .map("".join)
    .filter(bool)
)
VERSIONS = st.none() | st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True)


def copy_of(key: str = "log", version_id: str | None = None, **changes: Any) -> Copy:
    described: dict[str, Any] = {"size": 4, "region": "us-east-1", "version_id": version_id}
    source = Source(bucket="central", owner=A, key=key, **described | changes)
    return Copy(source, bucket="owner", bucket_owner=B, region="eu-west-3", key=f"prefix/{key}")


class Boto3:
    """boto3, whose requests go nowhere."""

    def __init__(self) -> None:
        self.requests: list[AWSPreparedRequest] = []
        self._copier = SdkCopier(1)
        events: Any = self._copier.client("eu-west-3").meta.events
        events.register("before-send.s3.CopyObject", self._note)

    def _note(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self.requests.append(request)
        return AWSResponse(request.url, 200, {}, Body(RESULT))  # type: ignore[arg-type]

    def request(self, copy: Copy) -> AWSPreparedRequest:
        self._copier.copy(copy, CREDENTIALS)
        return self.requests.pop()


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> list[bytes]:
        return [self._content]


class NoOther:
    """Stands where the other engine is not to be asked."""

    def __call__(self) -> Any:
        raise AssertionError("the other engine was asked")


class Other:
    """The other engine, asked for once."""

    def __init__(self) -> None:
        self.copies: list[Copy] = []

    def __call__(self) -> Any:
        return self

    async def copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject:
        assert credentials is CREDENTIALS
        self.copies.append(copy)
        return MADE


def sent(copy: Copy) -> tuple[str, str, dict[str, str]]:
    """Method, path and headers of what the wire sends."""
    connections = Scripted(Answer(200, {}, RESULT))
    asyncio.run(WireCopier(caller_of(connections), NoOther()).copy(copy, CREDENTIALS))
    head, _, body = connections.requests[0].partition(b"\r\n\r\n")
    assert body == b""
    first, *lines = head.decode().split("\r\n")
    method, path, version = first.split(" ")
    assert version == "HTTP/1.1"
    headers = [line.split(": ", 1) for line in lines]
    assert len({name for name, _ in headers}) == len(headers)
    return method, path, dict(headers)


def told(headers: Any) -> dict[str, str]:
    """The headers that say what is to be done; times and signatures are looked at alone."""
    lower = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()
    }
    return {
        name: value
        for name, value in lower.items()
        if (name.startswith("x-amz-") and name != "x-amz-date") or name in ("if-none-match", "content-length")
    }


BOTO3 = Boto3()


@settings(max_examples=2000)
@given(key=KEYS, version_id=VERSIONS)
def test_the_request_is_boto3s(key: str, version_id: str | None) -> None:
    copy = copy_of(key, version_id)
    method, path, headers = sent(copy)
    theirs = BOTO3.request(copy)
    assert (method, f"https://s3.eu-west-3.amazonaws.com{path}") == (theirs.method, theirs.url)
    assert headers["host"] == "s3.eu-west-3.amazonaws.com"
    assert told(headers) == told(theirs.headers)


@settings(max_examples=500)
@given(key=KEYS, version_id=VERSIONS)
def test_the_signature_is_botocores_for_the_same_headers(key: str, version_id: str | None) -> None:
    method, path, headers = sent(copy_of(key, version_id))
    unsigned = (
        "authorization",
        "user-agent",
        "content-length",
        "x-amz-content-sha256",
        "x-amz-security-token",
        "x-amz-date",
    )
    kept = {name: value for name, value in headers.items() if name not in unsigned}
    request = AWSRequest(method, f"https://s3.eu-west-3.amazonaws.com{path}", kept)
    theirs = signed_by_botocore(request, CREDENTIALS, "s3", "eu-west-3", headers["x-amz-date"])
    assert headers["authorization"] == theirs["authorization"]


@pytest.mark.parametrize(
    "copy",
    [
        copy_of(version_id="v1\r\nx-amz-metadata-directive: REPLACE"),
        copy_of(version_id="v1\r\n\r\nDELETE /owner/log HTTP/1.1\r\nhost: s3\r\n\r\n"),
        copy_of(version_id="v1\n"),
        copy_of(version_id="v\x00"),
    ],
    ids=["a header", "a request", "a line", "a null"],
)
def test_nothing_that_an_event_says_ends_a_header(copy: Copy) -> None:
    connections = Scripted(Answer(200, {}, RESULT))
    with pytest.raises(ValueError, match="header"):
        asyncio.run(WireCopier(caller_of(connections), NoOther()).copy(copy, CREDENTIALS))
    assert connections.requests == []


def run(*answers: Answer | Exception, other: Any = None, copy: Copy | None = None) -> StoredObject | None:
    copier = WireCopier(caller_of(Scripted(*answers)), other or NoOther())
    return asyncio.run(copier.copy(copy or copy_of(), CREDENTIALS))


def error(code: str, status: int = 200) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>why</Message></Error>'
    return Answer(status, {}, body.encode())


@pytest.mark.parametrize("body", [RESULT, b" \r\n \n" + RESULT, RESULT.partition(b"\n")[2], RESULT + b"\n"])
def test_a_copy_is_described(body: bytes) -> None:
    assert run(Answer(200, {}, body)) == MADE


@pytest.mark.parametrize(("version_id", "is_told"), [("v1", "v1"), ("null", None), (None, None)])
def test_its_version_is_told_where_there_is_one(version_id: str | None, is_told: str | None) -> None:
    made = run(Answer(200, {"x-amz-version-id": version_id} if version_id else {}, RESULT))
    assert made is not None
    assert made.version_id == is_told


@pytest.mark.parametrize("quote", [b"&quot;", b'"', b"&#34;", b"&#x22;", b""])
def test_its_etag_is_told_without_quotes(quote: bytes) -> None:
    assert run(Answer(200, {}, RESULT.replace(b"&quot;", quote))) == MADE


def test_an_etag_of_parts_keeps_their_number() -> None:
    made = run(Answer(200, {}, RESULT.replace(b"661&quot;", b"661-3&quot;")))
    assert made is not None
    assert made.etag == "0cc175b9c0f1b6a831c399e269772661-3"


@pytest.mark.parametrize(
    "answer",
    [error("PreconditionFailed", 412), error("PreconditionFailed"), Answer(412, {}, b"")],
    ids=["as ever", "inside a 200", "without a body"],
)
def test_a_key_that_is_taken_is_no_error(answer: Answer) -> None:
    assert run(answer) is None


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey", "KMS.DisabledException"])
def test_an_error_inside_a_200_is_an_error(code: str) -> None:
    with pytest.raises(ClientError) as raised:
        run(error(code))
    assert raised.value.response["Error"] == {"Code": code, "Message": "why"}
    assert raised.value.operation_name == "CopyObject"


@pytest.mark.parametrize("code", ["InternalError", "SlowDown"])
def test_an_error_inside_a_200_is_repeated_as_any_other(code: str) -> None:
    assert run(error(code), Answer(200, {}, RESULT)) == MADE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n ",
        b"<html>Sign in</html>",
        b"<CopyObjectResult/>",
        RESULT[:-60],
        RESULT.replace(b"2026", b"soon"),
        b'<?xml version="1.0" encoding="none"?><Error/>',
        b"\xff\xfe<ETag>\xff</ETag><LastModified>\xff</LastModified>",
        b"<Error",
        b'<?xml version="1.0" encoding="big5"?><Error/>',
    ],
)
def test_a_200_that_describes_no_copy_is_tried_again_later(body: bytes) -> None:
    with pytest.raises(Exception, match=r"CopyObject answered") as raised:
        run(Answer(200, {}, body), Answer(200, {}, body))
    assert classify(raised.value) is Fault.TRANSIENT


@pytest.mark.parametrize(
    "answer",
    [
        error("PermanentRedirect", 301),
        error("AuthorizationHeaderMalformed", 400),
        error("IllegalLocationConstraintException", 400),
        Answer(301, {}, b""),
    ],
)
def test_a_bucket_in_another_region_than_its_subscription_says_is_the_receivers_trouble(answer: Answer) -> None:
    """To follow S3 there would announce the copy with a Region where it isn't."""
    other = Other()
    with pytest.raises(ClientError, match="is in ap-south-2, and its subscription says eu-west-3") as raised:
        run(answer._replace(headers={"x-amz-bucket-region": "ap-south-2"}), other=other)
    assert classify(raised.value) is Fault.RECEIVER_BROKEN
    assert other.copies == []


def test_where_s3_does_not_know_the_way_yet_is_tried_again_later() -> None:
    with pytest.raises(ClientError) as raised:
        run(*[error("TemporaryRedirect", 307)] * 2)
    assert classify(raised.value) is Fault.TRANSIENT


def test_what_is_too_large_for_one_request_is_the_other_engines() -> None:
    other, large = Other(), copy_of(size=LARGEST_BYTES + 1)
    assert run(other=other, copy=large) is MADE
    assert other.copies == [large]
    assert run(Answer(200, {}, RESULT), copy=copy_of(size=LARGEST_BYTES)) is not None


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "NoSuchKey", "InvalidRequest"])
def test_every_other_error_is_raised_at_once(code: str) -> None:
    with pytest.raises(ClientError, match=code):
        run(error(code, 403))
