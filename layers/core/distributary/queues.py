"""The function's own queue: what isn't done comes back when it should, alone, or goes to the dead letters with why.

What is left of a message becomes a message of its own that is delayed. It says again, in EventBridge's form, that the
object was created, and names the subscriptions that are still to be served; `events.read_message` reads it. Sources:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from distributary.events import Addressee, ObjectCreated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ENTRIES_PER_REQUEST = 10
"""The limit of SQS's batch operations."""
REQUESTS_AT_ONCE = 8
"""Of a batch that failed as a whole hundreds of messages are left, and perhaps five seconds."""
BYTES_PER_REQUEST = 250_000
"""Below SQS's limit for all messages of a request together, with room for their attributes."""


def redelivery(created: ObjectCreated, subscriptions: Sequence[Addressee], *, attempts: int = 0, since: int = 0) -> str:
    """The message that announces an object again.

    Args:
        created: the object.
        subscriptions: those that are still to be served; all of its scope if there are none.
        attempts: how often that has been tried.
        since: when it was first announced, in seconds since the epoch.
    """
    described = {"key": created.key, "size": created.size, "etag": created.etag, "version-id": created.version_id}
    event: dict[str, Any] = {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": created.event_time,
        "detail": {
            "bucket": {"name": created.bucket},
            "object": {name: value for name, value in described.items() if value is not None},
        },
        "distributary": {
            "subscriptions": [one.name for one in subscriptions],
            "account_ids": [one.account_id for one in subscriptions],
            "attempts": attempts,
            "since": since,
        },
    }
    return json.dumps({name: value for name, value in event.items() if value is not None})


class Letter(NamedTuple):
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
        return self._in_pages(letters, self.url)

    def bury(self, letters: Sequence[Letter]) -> list[str | None]:
        """Put messages into the dead-letter queue; for each, in order, None or why that failed."""
        return self._in_pages(letters, self.dead_letter_url)

    def _try(self, client: "SQSClient", url: str, letters: Sequence[Letter]) -> list[str | None]:
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
        try:
            return _problems(client.send_message_batch(QueueUrl=url, Entries=entries), len(letters))
        except (ClientError, BotoCoreError) as error:  # the caller knows what to do without
            return [str(error)] * len(letters)

    def _in_pages(self, letters: Sequence[Letter], url: str) -> list[str | None]:
        if not letters:
            return []
        if self._client is None:
            self._client = self.make_client()
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            return [one for page in pool.map(partial(self._try, self._client, url), _pages(letters)) for one in page]


def _problems(answer: Mapping[str, Any], count: int) -> list[str | None]:
    done = {entry["Id"] for entry in answer.get("Successful", [])}
    refused = {entry["Id"]: str(entry.get("Message", entry["Code"])) for entry in answer.get("Failed", [])}
    ids = [str(number) for number in range(count)]
    return [None if one in done else refused.get(one, "SQS's answer doesn't name the message") for one in ids]


def _pages(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """As many to a request as SQS takes, by number and by size; one that is too large goes alone, to fail alone."""
    page: list[Letter] = []
    size = 0
    for letter in letters:
        length = len(letter.body.encode())
        if page and (len(page) == ENTRIES_PER_REQUEST or size + length > BYTES_PER_REQUEST):
            yield page
            page, size = [], 0
        page.append(letter)
        size += length
    if page:
        yield page
