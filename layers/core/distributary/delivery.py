"""Carries deliveries out, each with its subscription's session: the copy first, then the notification of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from botocore.exceptions import ClientError

from distributary.breakers import Breakers
from distributary.copies import Copy, CopyEngine, CopyVanishedError
from distributary.credentials import DeliverySessions, SessionCredentials
from distributary.events import ObjectCreated
from distributary.faults import Fault, classify
from distributary.notifications import DeliveredObject, attributes, message
from distributary.objects import Source, StoredObject
from distributary.publishing import Announcer, Notification
from distributary.routing import Delivery
from distributary.settings import Settings
from distributary.subscriptions import CopyTarget, NotifyTarget, Subscription
from distributary.times import utc_time

STALE_SESSION = dict.fromkeys(
    ("ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "InvalidClientTokenId", "400"), timedelta(0)
) | dict.fromkeys(("AccessDenied", "AuthorizationError", "403"), timedelta(minutes=1))
"""What S3 and SNS say to a session whose role is gone or new, and how old a session must be to be blamed for it."""


T = TypeVar("T")


class Placed(NamedTuple):
    """A log file is where its receiver gets it from; what is left to do is the notification, if there is one."""

    is_new: bool
    """Whether a copy was made now, or none is wanted."""
    notification: Notification | None


class Carrier:
    """Does the two steps of a delivery; many may be under way at once, in one event loop."""

    def __init__(
        self, settings: Settings, sessions: DeliverySessions, engine: CopyEngine, announcer: Announcer
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._engine = engine
        self._announcer = announcer
        self._breakers = Breakers()

    async def place(self, created: ObjectCreated, delivery: Delivery) -> Placed:
        """Copy the log file, if its subscription wants a copy. Raises whatever AWS answers."""
        subscription = delivery.subscription
        if created.attempts and subscription.copy_to is not None:  # while the topic refuses, a retry need not ask S3
            self._breakers.check((subscription, "announce"))
        return await self._ask(subscription, "place", partial(self._place, created, delivery))

    async def announce(
        self, subscription: Subscription, notifications: Sequence[Notification]
    ) -> Sequence[Exception | None]:
        """Publish up to ten notifications of one subscription; each has its own error or None."""
        assert subscription.notify is not None  # noqa: S101 - `place` gives notifications to no other
        return await self._ask(subscription, "announce", partial(self._publish, subscription.notify, notifications))

    async def _publish(
        self, target: NotifyTarget, notifications: Sequence[Notification], credentials: SessionCredentials
    ) -> Sequence[Exception | None]:
        errors = await self._announcer.publish(target, notifications, credentials)
        refusals = [error for error in errors if error is not None and classify(error) is Fault.RECEIVER_BROKEN]
        if refusals and len(refusals) == len(errors):
            raise refusals[0]  # one by one, and yet the topic refuses: its breaker is to know
        return errors

    async def _ask(self, subscription: Subscription, step: str, ask: Callable[[SessionCredentials], Awaitable[T]]) -> T:
        """Ask behind the step's breaker; if AWS calls the credentials stale, the next delivery gets new ones."""
        with self._breakers.guard((subscription, step)):
            # Whoever has none yet waits for STS in a thread, and with others of the same subscription.
            credentials = self._sessions.remembered(subscription)
            if credentials is None:
                credentials = await asyncio.to_thread(self._sessions.credentials, subscription)
            try:
                return await ask(credentials)
            except ClientError as error:
                if (code := error.response["Error"]["Code"]) in STALE_SESSION:
                    self._sessions.forget(subscription, credentials, STALE_SESSION[code])
                raise

    async def _place(self, created: ObjectCreated, delivery: Delivery, credentials: SessionCredentials) -> Placed:
        subscription, source = delivery.subscription, self._source(created)
        if subscription.copy_to is None:
            found = await self._described(created, source, credentials)
            place = (source.bucket, source.owner, source.region)
            return Placed(True, _notification(delivery, found, place, copied=False))
        copy = _copy(source, subscription.copy_to, delivery)
        if subscription.notify is None:
            return Placed(await self._engine.copy(copy, credentials) is not None, None)
        made = await self._copy_or_none(copy, credentials)
        stored = made if made and _is_sized(made, created) else await self._engine.find_copy(copy, credentials)
        # What a retry announces is news, though its copy was made before.
        is_new = made is not None or created.attempts > 0
        place = (copy.bucket, copy.bucket_owner, copy.region)
        return Placed(is_new, _notification(delivery, stored, place, copied=True))

    def _source(self, created: ObjectCreated) -> Source:
        return Source(
            bucket=created.bucket,
            owner=self._settings.central_account_id,
            region=self._settings.region,
            key=created.key,
            version_id=created.version_id,
            size=created.size,
        )

    async def _copy_or_none(self, copy: Copy, credentials: SessionCredentials) -> StoredObject | None:
        """The copy: made now, or, if its source is gone since, the one that was made before; None if S3 has one."""
        try:
            return await self._engine.copy(copy, credentials)
        except ClientError as error:
            if classify(error) is not Fault.GONE:
                raise
            try:
                return await self._engine.find_copy(copy, credentials)
            except CopyVanishedError:
                raise error from None

    async def _described(self, created: ObjectCreated, source: Source, credentials: SessionCredentials) -> StoredObject:
        """The central object: as the event tells it, or, where that lacks something, as S3 does."""
        if created.size is None or created.etag is None:
            return await self._engine.find_source(source, credentials)
        return StoredObject(created.etag, created.version_id, created.size, _time(created.event_time))


def _is_sized(made: StoredObject, created: ObjectCreated) -> bool:
    """Whether a copy's size is known: it is the event's, since CopyObject tells none.

    Where the central bucket keeps no versions, its object may have been overwritten between event and copy, and another
    ETag gives that away. KMS always makes another: each copy is then looked up, but only where there are no versions.
    """
    return made.size is not None and (created.version_id is not None or created.etag in (None, made.etag))


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
        return utc_time(event_time or "")
    except ValueError:
        return datetime.now(UTC)
