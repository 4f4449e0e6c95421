"""The `reconcile` function's work: one subscription compared, or all of them started, each in an invocation of its own.

    {"subscription": {"scope": "222222222222", "name": "payments"}, "since": "2026-11-20T00:00:00Z", "repair": false}
    {"days": 2, "grace_minutes": 60, "repair": true}

The second form, the schedule's, starts the first one for each subscription, asynchronously.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from distributary.credentials import DeliverySessions
from distributary.errors import DistributaryError
from distributary.reconciliation import NothingToCompareError, Reconciler, Report, Request
from distributary.rounds import LambdaContext
from distributary.signing import signing_with
from distributary.subscription_table import StoredSubscriptionError, SubscriptionTable
from distributary.subscriptions import Subscription
from distributary.windows import Window, parse_time

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STOP_MILLISECONDS = 30_000
"""With less time than this left, a comparison says where to go on."""
GRACE_MINUTES = 180
"""What arrived within the last hours may still be on its way: retries take two."""


class RequestError(DistributaryError):
    """The event is none of the two forms; the message says what is wrong with it."""


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
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Do what the event asks for.

        Returns:
            The report of a comparison, or how many were started.

        Raises:
            RequestError: if the event is none of the two forms, or names no subscription that there is.
            AssumeRoleError, botocore.exceptions.ClientError: where a comparison can't be made.
        """
        now = self.clock()
        if "subscription" not in event:
            jobs = list(self._jobs(event, now))
            for job in jobs:
                self.start(job)
            return {"started": len(jobs)}
        request = self._request(event, now)
        report = self._compare(request, now, context)
        self.tell(report)
        if event.get("goes_on") and report.continue_after is not None:
            self.start({**event, "after": report.continue_after})
        return report.to_json()

    def _jobs(self, event: Mapping[str, Any], now: datetime) -> Iterator[dict[str, Any]]:
        since = now - timedelta(days=_number(event, "days", 2))
        arrived_before = now - timedelta(minutes=_number(event, "grace_minutes", GRACE_MINUTES))
        for subscription in self.table.scan():
            if subscription.copy_to is not None and not subscription.paused:
                yield {
                    "subscription": {"scope": subscription.scope, "name": subscription.name},
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
            after=event.get("after"),
        )

    def _subscription(self, named: Any) -> Subscription:
        scope, name = (str(named.get(part)) for part in ("scope", "name")) if isinstance(named, Mapping) else ("", "")
        stored = self.table.read([scope])[scope] if scope else ()
        if isinstance(stored, StoredSubscriptionError):
            raise stored
        for subscription in stored:
            if subscription.name == name:
                return subscription
        raise RequestError(f"there is no subscription {name!r} of scope {scope!r}")

    def _compare(self, request: Request, now: datetime, context: LambdaContext) -> Report:
        target = request.subscription.copy_to
        if target is None:
            raise NothingToCompareError(request.subscription)
        receiver = self.receiver(target.region)
        with signing_with(self.sessions.credentials(request.subscription)):
            return self.reconciler.reconcile(
                request, receiver, now, lambda: context.get_remaining_time_in_millis() > STOP_MILLISECONDS
            )


def _time(event: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    text = event.get(name)
    return None if text is None else parse_time(str(text), now)


def _number(event: Mapping[str, Any], name: str, default: float) -> float:
    value = event.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100_000:
        raise RequestError(f"{name} must be a number from 0 to 100,000, not {json.dumps(value)}")
    return value
