"""What is left of a message, sent to the queue anew: so that what is done of it is not done again.

The message says again, in EventBridge's form, that the object was created, and names the subscriptions that are still
to be served; `events.read_message` reads it.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from distributary.events import ObjectCreated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MESSAGES_PER_REQUEST = 10
"""SendMessageBatch's limit."""
DELAY_SECONDS = 60
"""Whoever was in trouble is not asked again at once."""


def redelivery(created: ObjectCreated, subscriptions: Sequence[str]) -> str:
    """The message that announces an object again, to the named subscriptions; to all of its scope if none is named."""
    described = {"key": created.key, "size": created.size, "etag": created.etag, "version-id": created.version_id}
    event: dict[str, Any] = {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": created.event_time,
        "detail": {
            "bucket": {"name": created.bucket},
            "object": {name: value for name, value in described.items() if value is not None},
        },
        "distributary": {"subscriptions": list(subscriptions)},
    }
    return json.dumps({name: value for name, value in event.items() if value is not None})


@dataclass(slots=True)
class RedeliveryQueue:
    """The function's own queue, to send to; its client is made when it is first needed."""

    url: str
    make_client: Callable[[], "SQSClient"]
    _client: "SQSClient | None" = None

    def send(self, bodies: Sequence[str]) -> list[str | None]:
        """Send messages; for each of them, in their order, None or why it could not be sent. Never raises."""
        problems: list[str | None] = []
        for start in range(0, len(bodies), MESSAGES_PER_REQUEST):
            page = bodies[start : start + MESSAGES_PER_REQUEST]
            try:
                problems += self._send(page)
            except (ClientError, BotoCoreError) as error:  # the caller hands the whole message back instead
                problems += [str(error)] * len(page)
        return problems

    def _send(self, bodies: Sequence[str]) -> list[str | None]:
        if self._client is None:
            self._client = self.make_client()
        entries: list[Any] = [
            {"Id": str(number), "MessageBody": body, "DelaySeconds": DELAY_SECONDS}
            for number, body in enumerate(bodies)
        ]
        answer = self._client.send_message_batch(QueueUrl=self.url, Entries=entries)
        sent = {entry["Id"] for entry in answer.get("Successful", [])}
        refused = {entry["Id"]: entry.get("Message", entry["Code"]) for entry in answer.get("Failed", [])}
        ids = [str(number) for number in range(len(bodies))]
        return [None if one in sent else refused.get(one, "SQS's answer doesn't name the message") for one in ids]
