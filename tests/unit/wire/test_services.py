"""STS and DynamoDB on the wire; boto3, asked for the same, is the oracle."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from wire_fakes import Scripted, caller_of

from distributary.credentials import SessionCredentials
from distributary.faults import Fault, classify
from distributary.wire.answers import Answer
from distributary.wire.engine import own_credentials
from distributary.wire.services import WireServices

ASKED = {
    "RoleArn": "arn:aws:iam::222222222222:role/distributary-delivery",
    "RoleSessionName": "deliver_to_owner",
    "ExternalId": "external id & more+=",
    "DurationSeconds": 3600,
    "Policy": '{"Statement": [{"Resource": "arn:aws:s3:::b/é*"}]}',
}
KEYS = {"RequestItems": {"table": {"Keys": [{"scope": {"S": "222222222222"}}, {"scope": {"S": "all"}}]}}}
TOLD = {"Responses": {"table": [{"scope": {"S": "all"}, "n": {"N": "1"}}]}, "UnprocessedKeys": {}}


def assumed(expiration: str = "2026-11-21T07:00:00Z") -> Answer:
    told = "<SessionToken>token==</SessionToken><SecretAccessKey>secret/+</SecretAccessKey>"
    return Answer(
        200,
        {},
        f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
        <AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::2:x</Arn></AssumedRoleUser>
        <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>{told}<Expiration>{expiration}</Expiration></Credentials>
        </AssumeRoleResult></AssumeRoleResponse>""".encode(),
    )


Build = Callable[..., tuple[WireServices, Scripted]]


@pytest.fixture
def build() -> Iterator[Build]:
    """Services whose event loop runs in another thread, as they are asked from any but its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def built(*answers: Answer | Exception) -> tuple[WireServices, Scripted]:
        connections = Scripted(*answers)
        own = SessionCredentials("AKIAEXAMPLE", "secret", "token")
        return WireServices(caller_of(connections), loop, "eu-west-3", lambda: own), connections

    yield built
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def asked_by_boto3(service: str, operation: str, asked: dict[str, Any]) -> Any:
    session = boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    client: Any = session.client(service, region_name="eu-west-3")  # type: ignore[call-overload]
    sent = []

    def note(request: Any, **_: Any) -> None:
        sent.append(request)
        raise InterruptedError

    client.meta.events.register("before-send", note)
    with pytest.raises(InterruptedError):
        getattr(client, operation)(**asked)
    return sent[0]


def parts(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_a_role_is_assumed_with_boto3s_request(build: Build) -> None:
    services, connections = build(assumed())
    services.assume_role(**ASKED)
    theirs = asked_by_boto3("sts", "assume_role", ASKED)
    first, headers, body = parts(connections.requests[0])
    assert first == "POST / HTTP/1.1"
    assert theirs.url == f"https://{headers['host']}/"
    assert headers["content-type"] == theirs.headers["Content-Type"].decode()
    their_body = theirs.body.decode() if isinstance(theirs.body, bytes) else theirs.body
    assert sorted(parse_qsl(body.decode())) == sorted(parse_qsl(their_body))


def test_items_are_asked_for_with_boto3s_request(build: Build) -> None:
    services, connections = build(Answer(200, {}, json.dumps(TOLD).encode()))
    assert services.batch_get_item(**KEYS) == TOLD
    theirs = asked_by_boto3("dynamodb", "batch_get_item", KEYS)
    first, headers, body = parts(connections.requests[0])
    assert first == "POST / HTTP/1.1"
    for name in ("x-amz-target", "content-type"):
        value = theirs.headers[name]
        assert headers[name] == (value.decode() if isinstance(value, bytes) else value)
    assert json.loads(body) == json.loads(theirs.body)


PLUS_TWO = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-21T07:00:00Z", datetime(2026, 11, 21, 7, tzinfo=UTC)),
        ("2026-11-21T07:00:00.125Z", datetime(2026, 11, 21, 7, 0, 0, 125000, tzinfo=UTC)),
        ("2026-11-21T09:00:00+02:00", datetime(2026, 11, 21, 9, tzinfo=PLUS_TWO)),
        ("20261121T070000Z", datetime(2026, 11, 21, 7, tzinfo=UTC)),
        ("2026-11-21T07:00:00", datetime(2026, 11, 21, 7, tzinfo=UTC)),
    ],
)
def test_the_session_is_read_and_its_time_is_always_of_a_zone(build: Build, written: str, read: datetime) -> None:
    services, _ = build(assumed(written))
    told = services.assume_role(**ASKED)["Credentials"]
    assert told == {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "secret/+",
        "SessionToken": "token==",
        "Expiration": read,
    }
    assert told["Expiration"] > datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "answer",
    [assumed("soon"), Answer(200, {}, b""), Answer(200, {}, b"<html>"), Answer(200, {}, b"<AssumeRoleResponse/>")],
)
def test_a_session_that_is_not_told_is_asked_for_later(build: Build, answer: Answer) -> None:
    services, _ = build(answer)
    with pytest.raises(Exception, match=r".") as raised:
        services.assume_role(**ASKED)
    assert classify(raised.value) is Fault.TRANSIENT
    assert "secret/+" not in str(raised.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"x"', b"\xff"])
def test_items_that_are_not_told_are_asked_for_later(build: Build, body: bytes) -> None:
    services, _ = build(Answer(200, {}, body))
    with pytest.raises(Exception, match="BatchGetItem answered") as raised:
        services.batch_get_item(**KEYS)
    assert classify(raised.value) is Fault.TRANSIENT


def test_errors_reach_the_thread_that_asks(build: Build) -> None:
    refusal = Answer(
        403, {}, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
    )
    services, connections = build(refusal)
    with pytest.raises(ClientError, match=r"\(AccessDenied\) when calling the AssumeRole operation: no"):
        services.assume_role(**ASKED)
    assert len(connections.requests) == 1


def test_the_functions_credentials_are_lambdas() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    assert own_credentials(environ) == SessionCredentials("key", "secret", "token")


def test_elsewhere_they_are_what_boto3_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_credentials({}) == SessionCredentials("testing", "testing", None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(NoCredentialsError):
        own_credentials({})
