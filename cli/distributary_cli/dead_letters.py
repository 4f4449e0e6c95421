"""Dead letters: messages that were tried too often or that nobody can read. What each is about, and why it is dead.

No I/O but `Graveyard`'s. Source:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from distributary.events import ObjectCreated, UnreadableEventError, read_message
from distributary.keys import KeyLayout, parse_key

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HELD_SECONDS = 600
"""How long a letter that is being looked at is hidden from others; released when the command ends."""
PER_REQUEST = 10
UNTOLD = "not told: the function crashed or ran out of time each time; its log says more"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a dead-letter queue."""

    message_id: str
    receipt_handle: str
    body: str
    sent: datetime
    fault: str
    reason: str
    keys: tuple[str, ...]
    """None of them where nobody can read it."""
    account_ids: frozenset[str]
    """Of the keys that name one."""


@dataclass(frozen=True, slots=True)
class Group:
    """The dead letters that have accounts, fault and reason in common."""

    account_ids: tuple[str, ...]
    fault: str
    reason: str
    letters: tuple[DeadLetter, ...]

    def to_json(self) -> dict[str, Any]:
        """The form of `dead-letters list --json`."""
        return {
            "account_ids": list(self.account_ids),
            "fault": self.fault,
            "reason": self.reason,
            "count": len(self.letters),
            "oldest": min(letter.sent for letter in self.letters).isoformat(),
            "keys": [key for letter in self.letters for key in letter.keys],
        }


def group(letters: Iterable[DeadLetter]) -> list[Group]:
    """Letters by account, fault and reason, the most frequent first."""
    groups: dict[tuple[tuple[str, ...], str, str], list[DeadLetter]] = {}
    for letter in letters:
        key = (tuple(sorted(letter.account_ids)), letter.fault, _without_keys(letter))
        groups.setdefault(key, []).append(letter)
    made = [Group(*key, letters=tuple(found)) for key, found in groups.items()]
    return sorted(made, key=lambda one: (-len(one.letters), one.account_ids, one.fault, one.reason))


def selected(letters: Iterable[DeadLetter], account_ids: Collection[str], faults: Collection[str]) -> list[DeadLetter]:
    """The letters about one of the accounts (any, if none is named) that died of one of the faults (any)."""
    return [
        letter
        for letter in letters
        if (not account_ids or letter.account_ids & set(account_ids)) and (not faults or letter.fault in faults)
    ]


@dataclass(slots=True)
class Graveyard:
    """A dead-letter queue while somebody looks at it. What is neither sent on nor dropped is released at the end."""

    client: "SQSClient"
    url: str
    layout: KeyLayout

    def dig(self) -> Iterator[DeadLetter]:
        """Every letter that is there, hidden from others until it is released."""
        seen: set[str] = set()
        while True:
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=PER_REQUEST,
                VisibilityTimeout=HELD_SECONDS,
                WaitTimeSeconds=2,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            for message in messages:
                if message["MessageId"] not in seen:
                    seen.add(message["MessageId"])
                    yield read_letter(message, self.layout)

    def release(self, letters: Sequence[DeadLetter]) -> None:
        """Let others see them again."""
        for page in _pages(letters):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": letter.receipt_handle, "VisibilityTimeout": 0}
                for number, letter in enumerate(page)
            ]
            self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

    def send(self, letters: Sequence[DeadLetter], queue_url: str) -> Iterator[DeadLetter]:
        """Put letters into another queue, and only then drop them here; each that is, is yielded."""
        for page in _pages(letters):
            entries: list[Any] = [{"Id": str(number), "MessageBody": one.body} for number, one in enumerate(page)]
            answer = self.client.send_message_batch(QueueUrl=queue_url, Entries=entries)
            yield from self.drop([page[int(entry["Id"])] for entry in answer.get("Successful", [])])

    def drop(self, letters: Sequence[DeadLetter]) -> Iterator[DeadLetter]:
        """Delete letters; each that is, is yielded."""
        for page in _pages(letters):
            entries: list[Any] = [
                {"Id": str(number), "ReceiptHandle": one.receipt_handle} for number, one in enumerate(page)
            ]
            answer = self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)
            yield from (page[int(entry["Id"])] for entry in answer.get("Successful", []))


def read_letter(message: Mapping[str, Any], layout: KeyLayout) -> DeadLetter:
    """A received message as a dead letter."""
    told = {name: one.get("StringValue", "") for name, one in message.get("MessageAttributes", {}).items()}
    keys: tuple[str, ...] = ()
    fault, reason = told.get("fault", "unknown"), told.get("reason", UNTOLD)
    try:
        keys = tuple(notice.key for notice in read_message(message["Body"]) if isinstance(notice, ObjectCreated))
    except UnreadableEventError as error:
        fault, reason = "unreadable", str(error)
    accounts = (parse_key(key, layout).account_id for key in keys)
    sent = datetime.fromtimestamp(int(message.get("Attributes", {}).get("SentTimestamp", "0")) / 1000, UTC)
    return DeadLetter(
        message["MessageId"],
        message["ReceiptHandle"],
        message["Body"],
        sent,
        fault,
        reason,
        keys,
        frozenset(account for account in accounts if account),
    )


def _without_keys(letter: DeadLetter) -> str:
    reason = letter.reason
    for key in letter.keys:
        reason = reason.replace(key, "…")
    return reason


def _pages(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    return (letters[start : start + PER_REQUEST] for start in range(0, len(letters), PER_REQUEST))
