"""What is asked again, after which pause, and how errors look: as boto3's, whose own parsers are the oracle."""

import asyncio
from typing import Any

import pytest
from botocore import parsers
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.session import Session
from wire_fakes import Scripted, caller_of

from distributary.credentials import SessionCredentials
from distributary.faults import classify
from distributary.wire.answers import Answer
from distributary.wire.calls import LONGEST_PAUSE_SECONDS, STALE, Call, ReadError
from distributary.wire.protocols import json_error, xml_error

CREDENTIALS = SessionCredentials("AKIAEXAMPLE", "very-secret", "very-secret-token")
OK = Answer(200, {}, b"{}")


def error(code: str, status: int = 400, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, told, f'{{"__type": "com.amazonaws#{code}", "message": "why"}}'.encode())


def ask(
    *answers: Answer | Exception, attempts: int = 3, read_error: ReadError = json_error
) -> tuple[Answer | ClientError, list[float], list[bytes]]:
    """What comes of a call, the pauses in it, and what was sent."""
    pauses: list[float] = []
    connections = Scripted(*answers)
    call = Call("dynamodb", "us-east-1", "BatchGetItem", body=b"{}", attempts=attempts)
    try:
        answer: Answer | ClientError = asyncio.run(caller_of(connections, pauses).call(call, CREDENTIALS, read_error))
    except ClientError as raised:
        answer = raised
    return answer, pauses, connections.requests


@pytest.mark.parametrize(
    "trouble",
    [
        error("InternalServerError", 500),
        error("ThrottlingException"),
        error("ProvisionedThroughputExceededException"),
        Answer(503, {}, b""),
        Answer(502, {}, b"<html>Bad Gateway</html>"),
        Answer(429, {}, b""),
        ConnectionClosedError(endpoint_url="https://example.com"),
        ReadTimeoutError(endpoint_url="https://example.com"),
        ConnectTimeoutError(endpoint_url="https://example.com"),
        EndpointConnectionError(endpoint_url="https://example.com", error="refused"),
        SSLError(endpoint_url="https://example.com", error=OSError("alert")),
    ],
    ids=str,
)
def test_what_may_pass_is_asked_again_after_a_pause(trouble: Answer | Exception) -> None:
    answer, pauses, requests = ask(trouble, trouble, OK)
    assert answer == OK
    assert len(requests) == 3
    assert 0 <= pauses[0] <= 1
    assert 0 <= pauses[1] <= 2


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException", *sorted(STALE)]
)
def test_what_would_be_refused_again_is_not_asked_again(code: str) -> None:
    answer, pauses, requests = ask(error(code), OK)
    assert isinstance(answer, ClientError)
    assert answer.response["Error"] == {"Code": code, "Message": "why"}
    assert (pauses, len(requests)) == ([], 1)


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_it_is_asked_as_often_as_the_call_says_and_the_last_error_raised(attempts: int) -> None:
    errors = [error("InternalServerError", 500 + number) for number in range(attempts)]
    answer, pauses, requests = ask(*errors, attempts=attempts)
    assert isinstance(answer, ClientError)
    assert answer.response["ResponseMetadata"]["HTTPStatusCode"] == 500 + attempts - 1
    assert (len(pauses), len(requests)) == (attempts - 1, attempts)


def test_the_network_s_last_error_is_raised() -> None:
    with pytest.raises(ReadTimeoutError):
        ask(ConnectionClosedError(endpoint_url="x"), ReadTimeoutError(endpoint_url="x"), attempts=2)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("0", 0.0), ("2", 2.0), ("86400", LONGEST_PAUSE_SECONDS), ("9" * 400, LONGEST_PAUSE_SECONDS)],
    ids=["none", "two seconds", "a day", "for ever"],
)
def test_a_pause_that_the_service_asks_for_is_kept_up_to_the_longest(asked: str, kept: float) -> None:
    _, pauses, _ = ask(error("ThrottlingException", retry_after=asked), OK)
    assert pauses == [kept]


@pytest.mark.parametrize("asked", ["", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "\xb2", "nan"])
def test_a_pause_that_is_no_number_is_our_own(asked: str) -> None:
    _, pauses, _ = ask(error("ThrottlingException", retry_after=asked), OK)
    assert 0 <= pauses[0] <= 1


def test_pauses_differ() -> None:
    trouble = [error("ThrottlingException")]
    assert len({ask(*trouble, OK)[1][0] for _ in range(20)}) > 1


def test_no_error_tells_a_secret() -> None:
    for trouble in (error("AccessDeniedException"), Answer(403, {}, b""), Answer(400, {}, b"<html/>")):
        answer, _, _ = ask(trouble)
        assert "very-secret" not in repr(vars(answer)) + str(answer)


XML = "<ErrorResponse><Error><Code>{0}</Code><Message>why</Message></Error><RequestId>r</RequestId></ErrorResponse>"
S3 = "<Error><Code>{0}</Code><Message>why</Message><Resource>/owner/log</Resource><RequestId>r</RequestId></Error>"
ANSWERS = {
    "s3": [
        Answer(403, {}, S3.format("AccessDenied").encode()),
        Answer(404, {}, S3.format("NoSuchKey").encode()),
        Answer(503, {"retry-after": "1"}, b'<?xml version="1.0"?>\n' + S3.format("SlowDown").encode()),
        Answer(409, {"x-amz-request-id": "r"}, S3.format("ConditionalRequestConflict").encode()),
        Answer(400, {}, b""),
        Answer(403, {}, b""),
        Answer(429, {}, b""),
        Answer(503, {}, b""),
        Answer(502, {}, b"<html><body>Bad Gateway</body></html>"),
        Answer(403, {}, b"<html>Sign in<br></html>"),
    ],
    "sts": [
        Answer(403, {"x-amzn-requestid": "r"}, XML.format("AccessDenied").encode()),
        Answer(400, {}, XML.format("PackedPolicyTooLarge").encode()),
        Answer(400, {}, XML.format("Throttling").encode()),
        Answer(500, {}, XML.format("InternalFailure").encode()),
        Answer(503, {}, b""),
        Answer(502, {}, b"<html><body>Bad Gateway</body></html>"),
    ],
    "dynamodb": [
        error("ResourceNotFoundException"),
        error("ProvisionedThroughputExceededException"),
        error("AccessDeniedException", x_amzn_requestid="r"),
        error("InternalServerError", 500),
        Answer(400, {}, b'{"__type": "ValidationException", "Message": "why"}'),
        Answer(400, {"x-amzn-errortype": "ThrottlingException:http://internal/"}, b'{"message": "why"}'),
        Answer(400, {}, b'{"code": "UnrecognizedClientException", "message": "why"}'),
        Answer(400, {}, b"{}"),
        Answer(503, {}, b""),
        Answer(502, {}, b"<html><body>Bad Gateway</body></html>"),
    ],
}
OPERATIONS = {"s3": "CopyObject", "sts": "AssumeRole", "dynamodb": "BatchGetItem"}


def as_botocore_has_it(service: str, answer: Answer) -> ClientError:
    """The error that boto3 raises for an answer."""
    model = Session().get_service_model(service)
    operation = model.operation_model(OPERATIONS[service])
    parser: Any = parsers.create_parser(model.resolved_protocol)
    response: Any = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    return ClientError(parser.parse(response, operation.output_shape), operation.name)


@pytest.mark.parametrize(
    ("service", "answer"),
    [(service, answer) for service, some in ANSWERS.items() for answer in some],
    ids=lambda given: given if isinstance(given, str) else f"{given.status} {given.body[:60]!r}",
)
def test_an_error_looks_as_boto3s(service: str, answer: Answer) -> None:
    call = Call(service, "us-east-1", OPERATIONS[service], attempts=1)
    reader = json_error if service == "dynamodb" else xml_error
    with pytest.raises(ClientError) as raised:
        asyncio.run(caller_of(Scripted(answer)).call(call, CREDENTIALS, reader))
    ours, theirs = raised.value, as_botocore_has_it(service, answer)
    assert str(ours) == str(theirs)
    assert ours.operation_name == theirs.operation_name
    assert classify(ours) is classify(theirs)
    for name in ("HTTPStatusCode", "HTTPHeaders"):
        assert ours.response["ResponseMetadata"][name] == theirs.response["ResponseMetadata"][name]
