"""What the tests put in place of the deliverer's outer parts; each says what it does not do."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from samples import SETTINGS, B, C, subscription

from distributary.batches import Deliverer
from distributary.copies import Copy
from distributary.credentials import DeliverySessions, SessionCredentials
from distributary.delivery import Carrier
from distributary.keys import LogFile
from distributary.objects import Source, StoredObject
from distributary.publishing import Notification
from distributary.queues import FunctionQueue, Letter
from distributary.reports import Reporter, Result
from distributary.rounds import STOP_WAITING_MILLISECONDS
from distributary.subscription_table import SubscriptionTable, to_item
from distributary.subscriptions import NotifyTarget

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


class Engine:
    """A copy engine that keeps copies in memory; `trouble` may raise, or wait, for a copy: it has threads, as boto3."""

    def __init__(self) -> None:
        self.copies: list[Copy] = []
        self.looks: list[str] = []
        self.trouble: Callable[[Copy], None] = lambda _: None
        self._lock = threading.Lock()

    async def copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject | None:  # noqa: ARG002 - its interface
        await asyncio.to_thread(self.trouble, copy)
        with self._lock:
            there = any((one.bucket, one.key) == (copy.bucket, copy.key) for one in self.copies)
            self.copies.append(copy)
        return None if there else StoredObject("of-the-copy", "v2", copy.source.size, NOW)

    async def find_copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject:  # noqa: ARG002
        self.looks.append(f"copy {copy.key}")
        return StoredObject("of-the-copy", "v2", 5, NOW)

    async def find_source(self, source: Source, credentials: SessionCredentials) -> StoredObject:  # noqa: ARG002
        self.looks.append(f"source {source.key}")
        return StoredObject("of-the-source", "v1", 5, NOW)


class Topic:
    """Takes notifications for all topics; `trouble` may raise, or answer with errors of its own."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[Notification]]] = []
        self.trouble: Callable[[Sequence[Notification]], list[Exception | None]] = lambda asked: [None] * len(asked)

    async def publish(
        self,
        target: NotifyTarget,
        notifications: Sequence[Notification],
        credentials: SessionCredentials,  # noqa: ARG002 - the announcer's interface
    ) -> list[Exception | None]:
        errors = await asyncio.to_thread(self.trouble, notifications)
        self.requests.append((target.topic_arn, list(notifications)))
        return errors

    @property
    def messages(self) -> list[str]:
        return [one.message for _, notifications in self.requests for one in notifications]


class Queue(FunctionQueue):
    """Keeps what is asked of it; does nothing while `is_broken`. Time doesn't pass in it."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.buried: list[Letter] = []
        self.is_broken = False

    def send(self, letters: Sequence[Letter]) -> list[str | None]:
        return self._take(self.sent, letters)

    def bury(self, letters: Sequence[Letter]) -> list[str | None]:
        return self._take(self.buried, letters)

    def _take(self, kept: list[Any], asked: Sequence[Any]) -> list[str | None]:
        if self.is_broken:
            return ["broken"] * len(asked)
        kept += asked
        return [None] * len(asked)


class RecordingReporter(Reporter):
    """Keeps the results instead of writing them."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.notes: list[tuple[str, str | None, str | None]] = []

    def report(self, result: Result, message_id: str | None) -> None:  # noqa: ARG002 - the reporter's interface
        self.results.append(result)

    def note(self, what: str, message_id: str | None, reason: str | None) -> None:
        self.notes.append((what, message_id, reason))

    def flush(self) -> None:
        """Nothing waits to be written."""

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(str(result.outcome) for result in self.results)


class Context:
    """Lambda's context with a clock that tests set."""

    def __init__(self, *milliseconds: int) -> None:
        self._left = iter(milliseconds)
        self._last = 60_000

    def get_remaining_time_in_millis(self) -> int:
        self._last = next(self._left, self._last)
        return self._last


class NearlyDone(Context):
    """Time enough to start deliveries, but to who waits for them only half a second more than its reserve."""

    def get_remaining_time_in_millis(self) -> int:
        task = asyncio.current_task()
        waits = task is not None and task.get_coro().__name__ == Deliverer._deliver.__name__  # type: ignore[union-attr]
        return STOP_WAITING_MILLISECONDS + 500 if waits else 60_000


@dataclass(frozen=True, slots=True)
class MadeDeliverer:
    """A deliverer, and the parts of it that tests look into."""

    deliverer: Deliverer
    engine: Engine
    reporter: RecordingReporter
    topic: Topic
    queue: Queue


@contextmanager
def make_deliverer(scope_of: Callable[[LogFile], str] = lambda file: file.account_id) -> Iterator[MadeDeliverer]:
    """A deliverer with the real table and sessions, against moto, which checks nothing; B and C are subscribed."""
    client = boto3.client("dynamodb")
    client.create_table(
        TableName=SETTINGS.subscriptions_table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "scope", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "scope", "KeyType": "HASH"}],
    )
    for owner in (B, C):
        client.put_item(TableName=SETTINGS.subscriptions_table, Item=to_item(owner, [subscription(owner)]))
    sessions = DeliverySessions(boto3.client("sts"), "test", lambda _: "{}")
    engine, reporter, topic, queue = Engine(), RecordingReporter(), Topic(), Queue()
    table = SubscriptionTable(client, SETTINGS.subscriptions_table)
    carrier = Carrier(SETTINGS, sessions, engine, topic)
    deliverer = Deliverer(SETTINGS, scope_of, table, carrier, reporter, queue)
    with closing(deliverer):
        yield MadeDeliverer(deliverer, engine, reporter, topic, queue)
