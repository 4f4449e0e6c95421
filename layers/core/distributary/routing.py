"""Which deliveries a log file is due: a pure function of the file and its scope's subscriptions."""

from collections.abc import Iterable
from typing import NamedTuple

from distributary.keys import LogFile
from distributary.subscriptions import ALL, Subscription


class Delivery(NamedTuple):
    """One log file on its way to one receiver."""

    log_file: LogFile
    subscription: Subscription

    @property
    def destination_key(self) -> str:
        """The log file's own key, in the receiving bucket behind the subscription's prefix."""
        target = self.subscription.copy_to
        return (target.prefix if target else "") + self.log_file.key

    @property
    def destinations(self) -> tuple[str, ...]:
        """Where it goes: the copy's s3:// URI, the topic's ARN, or both."""
        target, notify = self.subscription.copy_to, self.subscription.notify
        copy = (f"s3://{target.bucket}/{self.destination_key}",) if target else ()
        return (*copy, notify.topic_arn) if notify else copy


class Route(NamedTuple):
    """What is due, and for each subscription of the scope that does not want the file, why not."""

    deliveries: tuple[Delivery, ...]
    declined: tuple[tuple[Subscription, str], ...]


def route(log_file: LogFile, subscriptions: Iterable[Subscription]) -> Route:
    """Plan the deliveries of one log file. A subscription of another owner is never due, whatever the caller passes."""
    deliveries: list[Delivery] = []
    declined: list[tuple[Subscription, str]] = []
    for subscription in subscriptions:
        reason = _refusal(log_file, subscription)
        if reason is None:
            deliveries.append(Delivery(log_file, subscription))
        else:
            declined.append((subscription, reason))
    return Route(tuple(deliveries), tuple(declined))


def _refusal(log_file: LogFile, subscription: Subscription) -> str | None:
    if subscription.scope not in (log_file.account_id, ALL):
        return f"it is about account {subscription.scope}"
    if subscription.paused:
        return "it is paused"
    return subscription.filters.refuse(log_file)
