"""What is asked of SNS and what is made of its answers; boto3, asked for the same, is the oracle."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_fakes import Scripted, caller_of

from distributary.credentials import SessionCredentials
from distributary.faults import Fault, classify
from distributary.publishing import Notification
from distributary.subscriptions import NotifyTarget
from distributary.wire.answers import Answer
from distributary.wire.publishing import WirePublisher

CREDENTIALS = SessionCredentials("AKIAEXAMPLE", "secret", "token")
TARGET = NotifyTarget("arn:aws:sns:eu-west-3:222222222222:log-files")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
NOTIFICATIONS = st.lists(
    st.builds(
        Notification,
        TEXTS,
        st.dictionaries(
            st.sampled_from(["account_id", "log_type", "region"]),
            st.builds(lambda value: {"DataType": "String", "StringValue": value}, TEXTS),
        ),
    ),
    min_size=1,
    max_size=10,
)


def answer(successful: str = "", failed: str = "") -> Answer:
    entries = f"<Successful>{successful}</Successful><Failed>{failed}</Failed>"
    body = (
        '<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
        f"<PublishBatchResult>{entries}</PublishBatchResult>"
        "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishBatchResponse>"
    )
    return Answer(200, {}, body.encode())


def member(identifier: str, more: str = "<MessageId>m</MessageId>") -> str:
    return f"<member><Id>{identifier}</Id>{more}</member>"


def publish(notifications: list[Notification], *answers: Answer) -> tuple[list[ClientError | None], list[bytes]]:
    connections = Scripted(*answers)
    publisher = WirePublisher(caller_of(connections))
    return asyncio.run(publisher.publish(TARGET, notifications, CREDENTIALS)), connections.requests


class Boto3:
    """boto3, whose requests go nowhere."""

    def __init__(self) -> None:
        self._client: Any = boto3.client(
            "sns", region_name="eu-west-3", aws_access_key_id="key", aws_secret_access_key="secret"
        )
        self._client.meta.events.register("before-send", self._note)
        self._sent: list[Any] = []

    def _note(self, request: Any, **_: Any) -> None:
        self._sent.append(request)
        raise InterruptedError

    def request(self, notifications: list[Notification]) -> Any:
        entries = [
            {"Id": str(number), "Message": one.message, "MessageAttributes": one.attributes}
            for number, one in enumerate(notifications)
        ]
        with pytest.raises(InterruptedError):
            self._client.publish_batch(TopicArn=TARGET.topic_arn, PublishBatchRequestEntries=entries)
        return self._sent.pop()


BOTO3 = Boto3()


@settings(max_examples=150)
@given(notifications=NOTIFICATIONS)
def test_the_request_is_boto3s(notifications: list[Notification]) -> None:
    _, (sent,) = publish(notifications, answer())
    theirs = BOTO3.request(notifications)
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert (first, theirs.method, theirs.url) == ("POST / HTTP/1.1", "POST", f"https://{headers['host']}/")
    assert headers["content-type"] == theirs.headers["Content-Type"].decode()
    assert headers["content-length"] == str(len(body))
    assert sorted(form(body)) == sorted(form(theirs.body))


def form(body: bytes | str) -> list[tuple[str, str]]:
    text = body.decode() if isinstance(body, bytes) else body
    return parse_qsl(text, keep_blank_values=True, strict_parsing=True)


FIVE = [Notification(f"message {number}", {}) for number in range(5)]


def test_each_entry_has_its_own_outcome() -> None:
    refused = member("1", "<Code>KMSAccessDenied</Code><Message>why &amp; how</Message><SenderFault>true</SenderFault>")
    silent = member("4", "<Code>InternalError</Code><SenderFault>false</SenderFault>")
    outcomes, _ = publish(FIVE, answer(member("3") + member("0"), refused + silent))
    codes = [one and one.response["Error"]["Code"] for one in outcomes]
    assert codes == [None, "KMSAccessDenied", "InternalError", None, "InternalError"]
    assert outcomes[1] is not None
    assert outcomes[1].response["Error"]["Message"] == "why & how"
    assert [classify(one) for one in outcomes if one] == [Fault.RECEIVER_BROKEN, Fault.TRANSIENT, Fault.TRANSIENT]


def test_an_entry_that_the_answer_leaves_out_is_not_published() -> None:
    outcomes, _ = publish(FIVE, answer())
    assert [classify(one) for one in outcomes if one] == [Fault.TRANSIENT] * 5


def test_a_refused_request_is_raised() -> None:
    body = b"<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>"
    with pytest.raises(ClientError, match=r"\(AuthorizationError\) when calling the PublishBatch operation: no"):
        publish(FIVE, Answer(403, {}, body))


def test_a_request_that_meets_trouble_is_sent_anew() -> None:
    everyone = answer("".join(member(str(number)) for number in range(5)))
    outcomes, requests = publish(FIVE, Answer(503, {}, b""), everyone)
    assert (outcomes, len(requests)) == ([None] * 5, 2)


@pytest.mark.parametrize("body", [b"", b"<html>Sign in<br></html>", b"{}", answer(member("")).body])
def test_a_200_that_is_not_sns_s_is_tried_again_later(body: bytes) -> None:
    with pytest.raises(Exception, match="answer") as raised:
        publish(FIVE, Answer(200, {}, body))
    assert classify(raised.value) is Fault.TRANSIENT
