"""The function's own queue, with answers of SQS's form and against moto."""

import json
import threading
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from samples import CENTRAL_BUCKET, Z, cloudtrail_key

from distributary.events import Addressee, ObjectCreated, UnreadableEventError, read_message
from distributary.queues import REQUESTS_AT_ONCE, FunctionQueue, Letter, redelivery

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/111111111111/queue"
DEAD_LETTER_QUEUE_URL = f"{QUEUE_URL}-dead-letters"
CREATED = ObjectCreated(CENTRAL_BUCKET, cloudtrail_key(), "v1", 5, "e", "2026-11-21T06:00:00Z")


@pytest.mark.parametrize(
    "created",
    [CREATED, ObjectCreated(CENTRAL_BUCKET, "a key +%20=&☃"), ObjectCreated(CENTRAL_BUCKET, "k", size=0)],
)
@pytest.mark.parametrize("left", [(), (Addressee("auditor", Z),), (Addressee("auditor", Z), Addressee("siem"))])
def test_it_is_read_back_as_it_was(created: ObjectCreated, left: tuple[Addressee, ...]) -> None:
    [read] = read_message(redelivery(created, left, attempts=3, since=1_700_000_000))
    assert isinstance(read, ObjectCreated)
    assert read == created._replace(subscriptions=left, attempts=3, since=1_700_000_000)


def test_what_older_versions_have_put_into_the_queue_is_read() -> None:
    told = json.loads(redelivery(CREATED, [Addressee("auditor", Z)]))
    del told["distributary"]["account_ids"]
    assert read_message(told) == (CREATED._replace(subscriptions=(Addressee("auditor"),)),)


@pytest.mark.parametrize("names", ["auditor", [1], None, {"auditor": 1}])
def test_names_of_another_form_are_unreadable_not_everybody(names: Any) -> None:
    """To take them for nobody in particular would serve all subscriptions again."""
    body = redelivery(CREATED, ()).replace('"subscriptions": []', f'"subscriptions": {json.dumps(names)}')
    with pytest.raises(UnreadableEventError, match="list of names"):
        read_message(body)


@pytest.mark.parametrize("account_ids", [Z, [1], None, [], [Z, Z]])
def test_account_ids_that_fit_no_names_are_unreadable(account_ids: Any) -> None:
    told = json.loads(redelivery(CREATED, [Addressee("auditor", Z)]))
    told["distributary"]["account_ids"] = account_ids
    with pytest.raises(UnreadableEventError, match="account_ids"):
        read_message(told)


class Client:
    """Answers each request as SQS does, as soon as so many are under way."""

    def __init__(self, at_once: int, answer: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> None:
        self._all_there = threading.Barrier(at_once)
        self._answer = answer

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: ARG002, N803
        self._all_there.wait(10)
        return self._answer(Entries)


def test_each_message_has_an_answer_of_its_own() -> None:
    def answer(entries: list[dict[str, Any]]) -> dict[str, Any]:
        if len(entries) == 1:
            raise ClientError({"Error": {"Code": "RequestThrottled", "Message": "slow down"}}, "SendMessageBatch")
        failed = {"Id": "8", "SenderFault": False, "Code": "InternalError", "Message": "later"}
        return {"Successful": [{"Id": str(number)} for number in range(8)], "Failed": [failed]}

    client: Any = Client(2, answer)
    problems = FunctionQueue(QUEUE_URL, DEAD_LETTER_QUEUE_URL, lambda: client).send([Letter(str(n)) for n in range(11)])
    assert problems[:8] == [None] * 8
    assert problems[8] == "later"
    assert problems[9] == "SQS's answer doesn't name the message"
    assert "slow down" in str(problems[10])


def test_requests_do_not_wait_for_one_another() -> None:
    client: Any = Client(REQUESTS_AT_ONCE, lambda entries: {"Successful": [{"Id": one["Id"]} for one in entries]})
    letters = [Letter(str(number)) for number in range(10 * REQUESTS_AT_ONCE)]
    assert FunctionQueue(QUEUE_URL, DEAD_LETTER_QUEUE_URL, lambda: client).send(letters) == [None] * len(letters)


def test_messages_go_where_they_are_said_to_and_rest_as_long(aws: None) -> None:  # noqa: ARG001
    client = boto3.client("sqs")
    urls = [client.create_queue(QueueName=name)["QueueUrl"] for name in ("queue", "dead-letters")]
    queue = FunctionQueue(urls[0], urls[1], lambda: client)
    assert queue.send([Letter(str(n)) for n in range(12)]) == [None] * 12
    assert queue.send([Letter("later", delay_seconds=900)]) == [None]
    assert queue.bury([Letter("dead", attributes={"reason": "why"})]) == [None]
    [dead] = client.receive_message(QueueUrl=urls[1], MessageAttributeNames=["All"])["Messages"]
    assert (dead["Body"], dead["MessageAttributes"]["reason"]["StringValue"]) == ("dead", "why")
    assert sum(len(_receive(client, urls[0])) for _ in range(3)) == 12


def test_large_messages_go_in_requests_of_their_own_and_one_that_is_too_large_fails_alone(aws: None) -> None:  # noqa: ARG001
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="queue")["QueueUrl"]
    bodies = ["x" * 130_000] * 3 + ["small"] * 9 + ["x" * 2_000_000]
    problems = FunctionQueue(url, url, lambda: client).bury([Letter(body) for body in bodies])
    assert problems[:12] == [None] * 12
    assert problems[12] is not None


def _receive(client: Any, url: str) -> list[Any]:
    return client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])  # type: ignore[no-any-return]
