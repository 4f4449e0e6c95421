"""Carries deliveries out, each with its subscription's session: the copy first, then the notification of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from distributary.breakers import Breakers
from distributary.copies import Copy, CopyVanishedError
from distributary.credentials import DeliverySessions
from distributary.events import ObjectCreated
from distributary.faults import Fault, classify
from distributary.notifications import DeliveredObject, attributes, message
from distributary.objects import Source, StoredObject
from distributary.publishing import Notification
from distributary.routing import Delivery
from distributary.settings import Settings
from distributary.subscriptions import CopyTarget, NotifyTarget, Subscription

STALE_SESSION = dict.fromkeys(
    ("ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "InvalidClientTokenId", "400"), timedelta(0)
) | dict.fromkeys(("AccessDenied", "AuthorizationError", "403"), timedelta(minutes=1))
"""What S3 and SNS say to a session whose role is gone or new, and how old a session must be to be blamed for it."""


class CopyEngine(Protocol):
    """What delivery needs of whatever makes the copies. Each raises AWS's errors."""

    def copy(self, copy: Copy, credentials: ReadOnlyCredentials) -> StoredObject | None:
        """Copy one object; None if the destination had the key before."""

    def find_copy(self, copy: Copy, credentials: ReadOnlyCredentials) -> StoredObject:
        """Describe the copy that was there before."""

    def find_source(self, source: Source, credentials: ReadOnlyCredentials) -> StoredObject:
        """Describe the object in the central bucket."""


class Announcer(Protocol):
    """What delivery needs of whatever publishes."""

    def publish(
        self, target: NotifyTarget, notifications: Sequence[Notification], credentials: ReadOnlyCredentials
    ) -> Sequence[Exception | None]:
        """Publish up to ten notifications; each has its own error or None. Raises AWS's errors for all of them."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A log file is where its receiver gets it from; what is left to do is the notification, if there is one."""

    is_new: bool
    """Whether a copy was made now, or none is wanted."""
    notification: Notification | None


class Carrier:
    """Does the two steps of a delivery. Safe for many threads."""

    def __init__(
        self, settings: Settings, sessions: DeliverySessions, engine: CopyEngine, announcer: Announcer
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._engine = engine
        self._announcer = announcer
        self._breakers = Breakers()

    def place(self, created: ObjectCreated, delivery: Delivery) -> Placed:
        """Copy the log file, if its subscription wants a copy. Raises whatever AWS answers."""
        subscription = delivery.subscription
        source = Source(
            bucket=created.bucket,
            owner=self._settings.central_account_id,
            region=self._settings.region,
            key=created.key,
            version_id=created.version_id,
            size=created.size,
        )
        with self._breakers.guard((subscription, "place")), self._session(subscription) as credentials:
            if subscription.copy_to is None:
                found = self._described(created, source, credentials)
                place = (source.bucket, source.owner, source.region)
                return Placed(True, _notification(delivery, found, place, copied=False))
            copy = _copy(source, subscription.copy_to, delivery)
            if subscription.notify is None:
                return Placed(self._engine.copy(copy, credentials) is not None, None)
            if created.attempts:  # while the topic refuses, a retry need not ask S3
                self._breakers.check((subscription, "announce"))
            made = self._copy_or_none(copy, credentials)
            stored = made or self._engine.find_copy(copy, credentials)
            if stored.size is None:  # CopyObject doesn't tell, and neither did the event
                stored = replace(stored, size=self._engine.find_source(source, credentials).size)
            place = (copy.bucket, copy.bucket_owner, copy.region)
            # What a retry announces is news, though its copy was made before.
            is_new = made is not None or created.attempts > 0
            return Placed(is_new, _notification(delivery, stored, place, copied=True))

    def _copy_or_none(self, copy: Copy, credentials: ReadOnlyCredentials) -> StoredObject | None:
        """The copy: made now, or, if its source is gone since, the one that was made before; None if S3 has one."""
        try:
            return self._engine.copy(copy, credentials)
        except ClientError as error:
            if classify(error) is not Fault.GONE:
                raise
            try:
                return self._engine.find_copy(copy, credentials)
            except CopyVanishedError:
                raise error from None

    def announce(self, subscription: Subscription, notifications: Sequence[Notification]) -> Sequence[Exception | None]:
        """Publish up to ten notifications of one subscription; each has its own error or None."""
        assert subscription.notify is not None  # noqa: S101 - `place` gives notifications to no other
        with self._breakers.guard((subscription, "announce")), self._session(subscription) as credentials:
            return self._announcer.publish(subscription.notify, notifications, credentials)

    @contextmanager
    def _session(self, subscription: Subscription) -> Iterator[ReadOnlyCredentials]:
        """The subscription's credentials; if AWS refuses them as stale, the next delivery gets new ones."""
        credentials = self._sessions.credentials(subscription)
        try:
            yield credentials
        except ClientError as error:
            if (code := error.response["Error"]["Code"]) in STALE_SESSION:
                self._sessions.forget(subscription, credentials, STALE_SESSION[code])
            raise

    def _described(self, created: ObjectCreated, source: Source, credentials: ReadOnlyCredentials) -> StoredObject:
        """The central object: as the event tells it, or, where that lacks something, as S3 does."""
        if created.size is None or created.etag is None:
            return self._engine.find_source(source, credentials)
        return StoredObject(created.etag, created.version_id, created.size, _time(created.event_time))


def _notification(
    delivery: Delivery, stored: StoredObject, place: tuple[str, str, str], *, copied: bool
) -> Notification | None:
    """The notification of a stored object, whose place is its bucket, the bucket's owner and its Region."""
    subscription = delivery.subscription
    if subscription.notify is None:
        return None
    assert stored.size is not None  # noqa: S101 - looked up where neither event nor answer told it
    bucket, account_id, region = place
    delivered = DeliveredObject(
        bucket=bucket,
        key=delivery.destination_key,
        region=region,
        account_id=account_id,
        partition=subscription.partition,
        size=stored.size,
        etag=stored.etag,
        version_id=stored.version_id,
        time=stored.time,
        copied=copied,
    )
    return Notification(message(subscription.notify.format, delivered), attributes(delivery.log_file))


def _copy(source: Source, target: CopyTarget, delivery: Delivery) -> Copy:
    return Copy(
        source=source,
        bucket=target.bucket,
        bucket_owner=delivery.subscription.account_id,
        region=target.region,
        key=delivery.destination_key,
    )


def _time(event_time: str | None) -> datetime:
    try:
        told = datetime.fromisoformat(event_time or "")
    except ValueError:
        return datetime.now(UTC)
    return told.replace(tzinfo=told.tzinfo or UTC)
