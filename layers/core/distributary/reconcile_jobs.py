"""The `reconcile` function's work: one subscription compared, or all of them started, each in an invocation of its own.

    {"subscription": {"scope": "222222222222", "name": "payments"}, "since": "2026-11-20T00:00:00Z", "repair": false}
    {"days": 2, "grace_minutes": 60, "repair": true}
    {"subscription": {…}, "since": "2026-01-01T00:00:00Z", "only_plan": true}
    {"subscription": {…}, "since": "2026-11-01T00:00:00Z", "repair": true, "announce": true}
    {"Items": [{"subscription": {…}, "prefix": "AWSLogs/…"}, …], "BatchInput": {"since": "…", "rate": 10}}

The second form, the schedule's, starts the first one for each subscription, asynchronously. The third answers with the
shards of a backfill, the last compares a batch of them: `distributary.backfills`. With `announce`, which a shard can
have too, nothing is compared: all in the window is announced anew, and copied where it isn't yet.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from distributary.backfills import compare_batch, plan_shards, read_place
from distributary.credentials import DeliverySessions
from distributary.errors import DistributaryError
from distributary.listings import leaves
from distributary.reconciliation import Reconciler, Report, Request
from distributary.rounds import LambdaContext
from distributary.sdk.signing import signing_with
from distributary.subscription_table import StoredSubscriptionError, SubscriptionTable, sound
from distributary.subscriptions import Subscription
from distributary.windows import Window, parse_time

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STOP_MILLISECONDS = 30_000
"""With less time than this left, a comparison says where to go on."""
GRACE_MINUTES = 180
"""What arrived within the last hours may still be on its way: retries take two."""


class RequestError(DistributaryError):
    """The event is none of these forms; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """All that an environment keeps between invocations."""

    reconciler: Reconciler
    table: SubscriptionTable
    sessions: DeliverySessions
    receiver: Callable[[str], "S3Client"]
    """The client of a Region that signs with the receiver's session."""
    start: Callable[[Mapping[str, Any]], None]
    """Invokes the function itself, asynchronously."""
    tell: Callable[[Report], None]
    tell_batch: Callable[[Mapping[str, Any]], None]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Do what the event asks for.

        Returns:
            The report of a comparison, how many were started, shards, or what is left of a batch.

        Raises:
            RequestError: if the event is none of these forms, or names no subscription that there is.
            StoredSubscriptionError: if it names one that is malformed.
            AssumeRoleError, botocore.exceptions.ClientError: where a comparison can't be made.
            ShardsFailedError: where none of a batch can be made.
        """
        now = self.clock()
        if "Items" in event:
            return self._batch(event, now, context)
        if "subscription" not in event:
            jobs = list(self._jobs(event, now))
            for job in jobs:
                self.start(job)
            return {"started": len(jobs)}
        request = self._request(event, now)
        if event.get("only_plan"):
            return self._plan(request, now, context)
        report = self._compare(request, now, context)
        self.tell(report)
        if event.get("goes_on") and report.continue_after is not None:
            self.start({**event, "after": report.continue_after})
        return report.to_json()

    def _plan(self, request: Request, now: datetime, context: LambdaContext) -> dict[str, Any]:
        reconciler, planner = self.reconciler, self.reconciler.planner(request, now, by_day=True)
        places = (
            leaf
            for place in planner.start()
            for leaf in leaves(reconciler.central, reconciler.bucket, planner, place, after=request.after)
        )
        return plan_shards(places, lambda: _has_time(context))

    def _batch(self, event: Mapping[str, Any], now: datetime, context: LambdaContext) -> dict[str, Any]:
        def compare(shard: Mapping[str, Any]) -> Report:
            return self._compare(self._request({**shard, "repair": True}, now), now, context)

        left = compare_batch(event, compare, lambda: _has_time(context))
        self.tell_batch(left)
        return left

    def _jobs(self, event: Mapping[str, Any], now: datetime) -> Iterator[dict[str, Any]]:
        since = now - timedelta(days=_number(event, "days", 2))
        arrived_before = now - timedelta(minutes=_number(event, "grace_minutes", GRACE_MINUTES))
        for one in self.table.scan():
            # What is malformed fails in an invocation of its own: it is nobody else's trouble, and is seen.
            if isinstance(one, StoredSubscriptionError) or (one.copy_to is not None and not one.paused):
                yield {
                    "subscription": {"scope": one.scope, "name": one.name},
                    "since": since.isoformat(),
                    "arrived_before": arrived_before.isoformat(),
                    "repair": bool(event.get("repair", False)),
                    "goes_on": True,
                }

    def _request(self, event: Mapping[str, Any], now: datetime) -> Request:
        grace = timedelta(minutes=_number(event, "grace_minutes", GRACE_MINUTES))
        return Request(
            subscription=self._subscription(event["subscription"]),
            window=Window(_time(event, "since", now), _time(event, "until", now)),
            arrived_before=_time(event, "arrived_before", now) or now - grace,
            repair=bool(event.get("repair", False)),
            announce=bool(event.get("announce", False)),
            after=event.get("after"),
            place=read_place(event),
        )

    def _subscription(self, named: Any) -> Subscription:
        scope, name = (str(named.get(part)) for part in ("scope", "name")) if isinstance(named, Mapping) else ("", "")
        stored = self.table.read([scope], afresh=True)[scope] if scope else ()
        for one in stored:
            if one.name in (name, None):
                return sound(one)
        raise RequestError(f"there is no subscription {name!r} of scope {scope!r}")

    def _compare(self, request: Request, now: datetime, context: LambdaContext) -> Report:
        target = request.subscription.copy_to
        if target is None or request.announce:
            return self.reconciler.reconcile(request, None, now, lambda: _has_time(context))
        receiver = self.receiver(target.region)
        with signing_with(self.sessions.credentials(request.subscription)):
            return self.reconciler.reconcile(request, receiver, now, lambda: _has_time(context))


def _has_time(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() > STOP_MILLISECONDS


def _time(event: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    text = event.get(name)
    return None if text is None else parse_time(str(text), now)


def _number(event: Mapping[str, Any], name: str, default: float) -> float:
    value = event.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100_000:
        raise RequestError(f"{name} must be a number from 0 to 100,000, not {json.dumps(value)}")
    return value
