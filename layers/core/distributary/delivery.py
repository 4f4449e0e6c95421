"""Carries a log file's event out: decide, then copy. Everything that can happen to one file becomes one `Result`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from distributary.copies import Copy
from distributary.credentials import DeliverySessions
from distributary.events import Notice, ObjectCreated
from distributary.faults import Fault, classify
from distributary.keys import LogFile, parse_key
from distributary.outcomes import Outcome
from distributary.reports import Result
from distributary.routing import Delivery, route
from distributary.settings import Settings
from distributary.subscription_table import Stored, StoredSubscriptionError

STALE_SESSION = dict.fromkeys(("ExpiredToken", "InvalidToken", "InvalidAccessKeyId"), timedelta(0)) | {
    "AccessDenied": timedelta(minutes=1)
}
"""What S3 says to a session whose role is gone or was created anew, and how old a session must be to blame it."""


class CopyEngine(Protocol):
    """What delivery needs of whatever makes the copies."""

    def copy(self, copy: Copy, credentials: ReadOnlyCredentials) -> bool:
        """Copy one object: True if copied, False if it was there before; raises AWS's errors."""


@dataclass(frozen=True, slots=True)
class Due:
    """A log file and the deliveries that it is due: at least one."""

    created: ObjectCreated
    log_file: LogFile
    deliveries: tuple[Delivery, ...]

    def result(self, outcome: Outcome, reason: str | None = None, fault: Fault | None = None) -> Result:
        """How these deliveries ended."""
        reached = outcome in (Outcome.DELIVERED, Outcome.ALREADY_DELIVERED)
        uris = (f"s3://{due.subscription.copy_to.bucket}/{due.destination_key}" for due in self.deliveries)
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
            deliveries=tuple(uris) if reached else (),
            subscriptions=tuple(due.subscription.name for due in self.deliveries),
        )


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


def decide(created: ObjectCreated, log_file: LogFile, stored: Mapping[str, Stored]) -> Due | Result:
    """What a log file is due, given its owner's stored subscriptions."""
    subscriptions = stored[log_file.account_id]
    if isinstance(subscriptions, StoredSubscriptionError):
        return Due(created, log_file, ()).result(Outcome.FAILED, str(subscriptions), Fault.MISCONFIGURED)
    planned = route(log_file, subscriptions)
    if planned.deliveries:
        return Due(created, log_file, planned.deliveries)
    declined = "; ".join(f"{subscription.name}: {reason}" for subscription, reason in planned.declined)
    reason = declined or f"nobody subscribed to account {log_file.account_id}"
    return Due(created, log_file, ()).result(Outcome.UNSUBSCRIBED, reason)


class Carrier:
    """Makes the copies that a log file is due. Safe for many threads."""

    def __init__(self, settings: Settings, sessions: DeliverySessions, engine: CopyEngine) -> None:
        self._settings = settings
        self._sessions = sessions
        self._engine = engine

    def carry_out(self, due: Due) -> Result:
        """Make every delivery that is due; one that fails doesn't keep the others from being made. Never raises."""
        problems: list[tuple[Fault, str]] = []
        copied = False
        for delivery in due.deliveries:
            try:
                copied |= self._deliver(due.created, delivery)
            except Exception as error:  # the file's outcome carries it, and the message is retried
                problems.append((classify(error), f"{delivery.subscription.name}: {error}"))
        return _summary(due, copied=copied, problems=problems)

    def _deliver(self, created: ObjectCreated, delivery: Delivery) -> bool:
        subscription = delivery.subscription
        copy = Copy(
            source_bucket=created.bucket,
            source_owner=self._settings.central_account_id,
            source_key=created.key,
            source_version_id=created.version_id,
            size=created.size,
            bucket=subscription.copy_to.bucket,
            bucket_owner=subscription.account_id,
            region=subscription.copy_to.region,
            key=delivery.destination_key,
        )
        credentials = self._sessions.credentials(subscription)
        try:
            return self._engine.copy(copy, credentials)
        except ClientError as error:
            if (code := error.response["Error"]["Code"]) in STALE_SESSION:
                self._sessions.forget(subscription, credentials, STALE_SESSION[code])
            raise


def _summary(due: Due, *, copied: bool, problems: Sequence[tuple[Fault, str]]) -> Result:
    if not problems:
        return due.result(Outcome.DELIVERED if copied else Outcome.ALREADY_DELIVERED)
    reason = "; ".join(text for _, text in problems)
    if all(fault is Fault.GONE for fault, _ in problems):
        return due.result(Outcome.GONE, reason, Fault.GONE)
    return due.result(Outcome.FAILED, reason, next(fault for fault, _ in problems if fault is not Fault.GONE))
