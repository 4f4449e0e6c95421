"""What the tests put in place of the deliverer's outer parts; each says what it does not do."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
from botocore.credentials import ReadOnlyCredentials
from samples import SETTINGS, B, C, subscription

from distributary.batches import Deliverer
from distributary.copies import Copy
from distributary.credentials import DeliverySessions
from distributary.delivery import Carrier
from distributary.reports import Reporter, Result
from distributary.subscription_table import SubscriptionTable, to_item


class Engine:
    """A copy engine that keeps copies in memory; `trouble` may raise, or wait, for a copy."""

    def __init__(self) -> None:
        self.copies: list[Copy] = []
        self.trouble: Callable[[Copy], None] = lambda _: None
        self._lock = threading.Lock()

    def copy(self, copy: Copy, credentials: ReadOnlyCredentials) -> bool:  # noqa: ARG002 - the engine's interface
        self.trouble(copy)
        with self._lock:
            there = any((one.bucket, one.key) == (copy.bucket, copy.key) for one in self.copies)
            self.copies.append(copy)
        return not there


class RecordingReporter(Reporter):
    """Keeps the results instead of writing them."""

    def __init__(self) -> None:
        self.results: list[Result] = []

    def report(self, result: Result, message_id: str | None) -> None:  # noqa: ARG002 - the reporter's interface
        self.results.append(result)

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


@dataclass(frozen=True, slots=True)
class MadeDeliverer:
    """A deliverer, and the two of its parts that tests look into."""

    deliverer: Deliverer
    engine: Engine
    reporter: RecordingReporter


@contextmanager
def make_deliverer() -> Iterator[MadeDeliverer]:
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
    engine, reporter = Engine(), RecordingReporter()
    table = SubscriptionTable(client, SETTINGS.subscriptions_table)
    deliverer = Deliverer(SETTINGS, table, Carrier(SETTINGS, sessions, engine), reporter)
    yield MadeDeliverer(deliverer, engine, reporter)
    deliverer.pool.shutdown()
