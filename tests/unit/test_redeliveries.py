"""What is left of a message, said again."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from samples import CENTRAL_BUCKET, cloudtrail_key

from distributary.events import ObjectCreated, UnreadableEventError, read_message
from distributary.redeliveries import RedeliveryQueue, redelivery

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/111111111111/queue"
CREATED = ObjectCreated(CENTRAL_BUCKET, cloudtrail_key(), "v1", 5, "e", "2026-11-21T06:00:00Z")


@pytest.mark.parametrize(
    "created",
    [CREATED, ObjectCreated(CENTRAL_BUCKET, "a key +%20=&☃"), ObjectCreated(CENTRAL_BUCKET, "k", size=0)],
)
@pytest.mark.parametrize("names", [(), ("auditor",), ("auditor", "siem")])
def test_it_is_read_back_as_it_was(created: ObjectCreated, names: tuple[str, ...]) -> None:
    [read] = read_message(redelivery(created, names))
    assert isinstance(read, ObjectCreated)
    assert read.subscriptions == names
    assert {name: getattr(read, name) for name in created.__slots__ if name != "subscriptions"} == {
        name: getattr(created, name) for name in created.__slots__ if name != "subscriptions"
    }


@pytest.mark.parametrize("names", ["auditor", [1], None, {"auditor": 1}])
def test_names_of_another_form_are_unreadable_not_everybody(names: Any) -> None:
    """To take them for nobody in particular would serve all subscriptions again."""
    body = redelivery(CREATED, ()).replace('{"subscriptions": []}', __import__("json").dumps({"subscriptions": names}))
    with pytest.raises(UnreadableEventError, match="list of names"):
        read_message(body)


def test_each_message_has_an_answer_of_its_own() -> None:
    client = boto3.client("sqs", region_name="us-east-1")
    with Stubber(client) as stubber:
        entries = [{"Id": str(n), "MessageBody": str(n), "DelaySeconds": 60} for n in range(10)]
        stubber.add_response(
            "send_message_batch",
            {
                "Successful": [{"Id": str(n), "MessageId": "m", "MD5OfMessageBody": ""} for n in range(8)],
                "Failed": [{"Id": "8", "SenderFault": False, "Code": "InternalError", "Message": "later"}],
            },
            {"QueueUrl": QUEUE_URL, "Entries": entries},
        )
        stubber.add_client_error("send_message_batch", "RequestThrottled", "slow down")
        problems = RedeliveryQueue(QUEUE_URL, lambda: client).send([str(n) for n in range(11)])
    assert problems[:8] == [None] * 8
    assert problems[8] == "later"
    assert problems[9] == "SQS's answer doesn't name the message"
    assert "slow down" in str(problems[10])
