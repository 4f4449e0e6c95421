"""The function's own queue: what isn't done comes back when it should, alone, or goes to the dead letters with why.

What is left of a half-done message becomes a message of its own, so that what is done is not done again. It says again,
in EventBridge's form, that the object was created, and names the subscriptions that are still to be served;
`events.read_message` reads it. Sources:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from distributary.events import ObjectCreated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ENTRIES_PER_REQUEST = 10
"""The limit of SQS's batch operations."""


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


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to send."""

    body: str
    delay_seconds: int = 0
    """At most 900."""
    attributes: Mapping[str, str] | None = None


@dataclass(slots=True)
class FunctionQueue:
    """The queue that feeds the function, and its dead-letter queue; the client is made when it is first needed."""

    url: str
    dead_letter_url: str
    make_client: Callable[[], "SQSClient"]
    _client: "SQSClient | None" = None

    def send(self, letters: Sequence[Letter]) -> list[str | None]:
        """Put messages into the queue; for each, in order, None or why that failed."""
        return self._in_batches(letters, lambda page: self._send(self.url, page))

    def bury(self, letters: Sequence[Letter]) -> list[str | None]:
        """Put messages into the dead-letter queue; for each, in order, None or why that failed."""
        return self._in_batches(letters, lambda page: self._send(self.dead_letter_url, page))

    def postpone(self, delays: Sequence[tuple[str, int]]) -> list[str | None]:
        """Let messages, by receipt handle, rest for some seconds; for each, in order, None or why that failed."""
        return self._in_batches(delays, self._postpone)

    def _send(self, url: str, letters: Sequence[Letter]) -> Any:
        entries: list[Any] = [
            {
                "Id": str(number),
                "MessageBody": letter.body,
                "DelaySeconds": letter.delay_seconds,
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in (letter.attributes or {}).items()
                },
            }
            for number, letter in enumerate(letters)
        ]
        return self._sqs().send_message_batch(QueueUrl=url, Entries=entries)

    def _postpone(self, delays: Sequence[tuple[str, int]]) -> Any:
        entries: list[Any] = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for number, (handle, seconds) in enumerate(delays)
        ]
        return self._sqs().change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

    def _in_batches(self, entries: Sequence[Any], call: Callable[[Sequence[Any]], Any]) -> list[str | None]:
        problems: list[str | None] = []
        for start in range(0, len(entries), ENTRIES_PER_REQUEST):
            page = entries[start : start + ENTRIES_PER_REQUEST]
            try:
                problems += _problems(call(page), len(page))
            except (ClientError, BotoCoreError) as error:  # the caller knows what to do without
                problems += [str(error)] * len(page)
        return problems

    def _sqs(self) -> "SQSClient":
        if self._client is None:
            self._client = self.make_client()
        return self._client


def _problems(answer: Mapping[str, Any], count: int) -> list[str | None]:
    done = {entry["Id"] for entry in answer.get("Successful", [])}
    refused = {entry["Id"]: str(entry.get("Message", entry["Code"])) for entry in answer.get("Failed", [])}
    ids = [str(number) for number in range(count)]
    return [None if one in done else refused.get(one, "SQS's answer doesn't name the message") for one in ids]
