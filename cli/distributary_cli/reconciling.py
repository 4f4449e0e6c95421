"""Asks Account A's `reconcile` function to compare, part by part, and adds the parts up.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.session import Session
from botocore.config import Config

from distributary.errors import DistributaryError
from distributary.subscription_table import StoredSubscriptionError, SubscriptionTable
from distributary.subscriptions import Subscription
from distributary.windows import Window
from distributary_cli import stacks, tables

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# An invocation takes up to a quarter of an hour, and a second one beside it would put everything into the queue twice.
CONFIG = Config(connect_timeout=5, read_timeout=920, retries={"mode": "standard", "total_max_attempts": 1})
COUNTS = ("present", "missing", "different", "extra", "repaired")
LISTS = ("missing_keys", "different_keys")


T = TypeVar("T", Subscription, StoredSubscriptionError)


class ReconcileError(DistributaryError):
    """The function failed; the message says why."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one comparison is about."""

    subscription: Subscription
    window: Window
    grace_minutes: int
    repair: bool
    announce: bool = False
    """Everything, there or not; nothing is compared."""

    @property
    def event(self) -> dict[str, Any]:
        """The function's event."""
        times = {"since": self.window.since, "until": self.window.until}
        return {
            "subscription": {"scope": self.subscription.scope, "name": self.subscription.name},
            **{name: time.isoformat() for name, time in times.items() if time is not None},
            "grace_minutes": self.grace_minutes,
            "repair": self.repair,
            **({"announce": True} if self.announce else {}),
        }


@dataclass(frozen=True, slots=True)
class ReconcileFunction:
    """The function of a stack, and the subscriptions that it knows."""

    client: "LambdaClient"
    name: str
    subscriptions: tuple[Subscription, ...]
    malformed: tuple[StoredSubscriptionError, ...] = ()
    """In place of those that can't be read."""

    def compare(self, task: Task) -> dict[str, Any]:
        """One whole comparison, however many invocations it takes.

        Raises:
            ReconcileError: if the function fails.
            botocore.exceptions.ClientError: as Invoke does.
        """
        total: dict[str, Any] = dict.fromkeys(COUNTS, 0) | {name: [] for name in LISTS}
        after: str | None = None
        while True:
            part = self.invoke(task.event | ({"after": after} if after is not None else {}))
            for name in COUNTS:
                total[name] += part[name]
            for name in LISTS:
                total[name] += part[name]
            after = part["continue_after"]
            if after is None:
                return {"subscription": task.subscription.name, "account_id": task.subscription.account_id} | total

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """What the function answers to an event.

        Raises:
            ReconcileError: if the function fails.
            botocore.exceptions.ClientError: as Invoke does.
        """
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event).encode())
        payload: Any = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            told = payload if isinstance(payload, dict) else {}
            why = f"{told.get('errorType', 'error')}: {told.get('errorMessage', 'no message')}"
            raise ReconcileError(f"function {self.name} failed: {why}")
        return dict(payload)


def open_function(session: Session, stack: str) -> ReconcileFunction:
    """The function of a stack, and what is subscribed.

    Raises:
        StackError: if there is no such stack, or it has no such function.
        botocore.exceptions.ClientError: as DescribeStacks and Scan do.
    """
    outputs = stacks.read_stack(session, stack).outputs
    if "ReconcileFunctionName" not in outputs:
        raise stacks.StackError(f"stack {stack} has no output ReconcileFunctionName: deploy this version first")
    stored = list(SubscriptionTable(tables.table_client(session), outputs["SubscriptionsTableName"]).scan())
    malformed = tuple(one for one in stored if isinstance(one, StoredSubscriptionError))
    subscriptions = tuple(one for one in stored if isinstance(one, Subscription) and not one.paused)
    client = session.client("lambda", config=CONFIG)
    return ReconcileFunction(client, outputs["ReconcileFunctionName"], subscriptions, malformed)


def chosen(subscriptions: Iterable[T], account_ids: Collection[str], names: Collection[str]) -> list[T]:
    """The subscriptions of these receiving accounts, or of these names; all of them where neither is said.

    Of what is malformed account or name may be unknown: then it may be the one that is meant.
    """
    return [
        one
        for one in subscriptions
        if (not account_ids or one.account_id in (None, *account_ids)) and (not names or one.name in (None, *names))
    ]


def days(window: Window, now: datetime) -> Iterator[Window]:
    """A window day by day, the newest first: what people miss most comes first."""
    since, end = window.since or now, window.until or now
    while end > since:
        midnight = datetime.combine((end - timedelta(microseconds=1)).date(), datetime.min.time(), UTC)
        yield Window(max(since, midnight), end)
        end = midnight
