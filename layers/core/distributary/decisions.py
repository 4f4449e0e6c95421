"""What becomes of an event: whose log file it is, who is due to get it, and what its deliveries add up to. No I/O."""

from collections.abc import Sequence
from typing import NamedTuple

from distributary.events import Notice, ObjectCreated
from distributary.faults import Fault
from distributary.keys import LogFile, parse_key
from distributary.outcomes import Outcome
from distributary.reports import Result
from distributary.routing import Delivery, route
from distributary.settings import Settings
from distributary.subscription_table import Stored, StoredSubscriptionError
from distributary.subscriptions import ALL, Subscription


class Due(NamedTuple):
    """A log file and the deliveries that it is due: at least one."""

    created: ObjectCreated
    log_file: LogFile
    deliveries: tuple[Delivery, ...]
    malformed: tuple[StoredSubscriptionError, ...] = ()
    """Subscriptions that can't be read, so that nobody knows whether it is due to them too."""

    def result(
        self,
        outcome: Outcome,
        reason: str | None = None,
        fault: Fault | None = None,
        reached: Sequence[Delivery] = (),
    ) -> Result:
        """How the deliveries ended; `reached` are those that are done."""
        return Result(
            outcome,
            self.log_file.key,
            self.log_file.log_type,
            self.log_file.account_id,
            self.log_file.region,
            reason,
            fault,
            self.created.size,
            self.created.event_time,
            deliveries=tuple(destination for delivery in reached for destination in delivery.destinations),
            subscriptions=tuple(delivery.subscription.name for delivery in self.deliveries),
        )


class Ended(NamedTuple):
    """One delivery that has ended."""

    delivery: Delivery
    is_new: bool = True
    """Whether it made something: a copy, or the notification of a log file that isn't copied."""
    fault: Fault | None = None
    reason: str | None = None
    """Why it failed."""
    was_tried: bool = True
    """Whether anybody was asked at all."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do: done, or past all help."""
        return self.fault in (None, Fault.GONE)


def read_notice(notice: Notice, settings: Settings) -> LogFile | Result:
    """Whose file a notice is about, or the result that it ends with at once."""
    if not isinstance(notice, ObjectCreated):
        return Result(Outcome.IGNORED, None, type(notice).__name__, reason=f"{notice.name} announces no log file")
    if notice.bucket != settings.central_bucket:
        reason = f"it is in bucket {notice.bucket}; this function serves {settings.central_bucket}"
        return Result(Outcome.UNROUTABLE, notice.key, "Other", reason=reason, event_time=notice.event_time)
    parsed = parse_key(notice.key, settings.layout)
    if isinstance(parsed, LogFile):
        return parsed
    return Result(
        parsed.outcome,
        parsed.key,
        parsed.log_type or "Other",
        parsed.account_id,
        parsed.region,
        parsed.reason,
        event_time=notice.event_time,
    )


def decide(created: ObjectCreated, log_file: LogFile, scope: str, stored: Stored) -> Due | Result:
    """What a log file is due, given the stored subscriptions of the scope that is served."""
    addressed = _addressed(created, stored)
    malformed = tuple(one for one in addressed if isinstance(one, StoredSubscriptionError))
    planned = route(log_file, [one for one in addressed if isinstance(one, Subscription)])
    if planned.deliveries:
        return Due(created, log_file, planned.deliveries, malformed)
    if malformed:
        return Due(created, log_file, ()).result(Outcome.FAILED, "; ".join(map(str, malformed)), Fault.MISCONFIGURED)
    declined = "; ".join(f"{subscription.name}: {reason}" for subscription, reason in planned.declined)
    nobody = "no third party subscribed" if scope == ALL else f"nobody subscribed to account {scope}"
    names = ", ".join(one.name for one in created.subscriptions)
    missing = f"no longer subscribed: {names}" if names else nobody
    return Due(created, log_file, ()).result(Outcome.UNSUBSCRIBED, declined or missing)


def _addressed(created: ObjectCreated, stored: Stored) -> Stored:
    """The subscriptions that an announcement is for; where one has gone, those of its account: it may be renamed."""
    if not created.subscriptions:
        return stored
    there = {(one.name, one.account_id) for one in stored}
    names = {one.name for one in created.subscriptions}
    account_ids = {one.account_id for one in created.subscriptions if one not in there} - {None}
    return tuple(one for one in stored if one.name in names or one.account_id in account_ids or one.name is None)


def add_up(due: Due, ended: Sequence[Ended]) -> Result:
    """The one result of a log file, from how each of its deliveries ended."""
    reached = [one.delivery for one in ended if one.fault is None]
    problems = [one for one in ended if one.fault is not None]
    if not problems and not due.malformed:
        is_new = any(one.is_new for one in ended)
        return due.result(Outcome.DELIVERED if is_new else Outcome.ALREADY_DELIVERED, reached=reached)
    reasons = [f"{one.delivery.subscription.name}: {one.reason}" for one in problems]
    reason = "; ".join([*reasons, *map(str, due.malformed)])
    open_faults = [one.fault for one in problems if one.fault is not Fault.GONE]
    open_faults += [Fault.MISCONFIGURED] * bool(due.malformed)
    if not open_faults:
        return due.result(Outcome.GONE, reason, Fault.GONE, reached)
    return due.result(Outcome.FAILED, reason, open_faults[0], reached)
