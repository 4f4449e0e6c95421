"""Which deliveries a log file is due: a pure function of the file and its owner's subscriptions."""

from collections.abc import Iterable
from dataclasses import dataclass

from distributary.keys import LogFile
from distributary.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Delivery:
    """One log file on its way to one receiver."""

    log_file: LogFile
    subscription: Subscription

    @property
    def destination_key(self) -> str:
        """The key in the receiving bucket: the log file's own, behind the subscription's prefix."""
        return self.subscription.copy_to.prefix + self.log_file.key


@dataclass(frozen=True, slots=True)
class Route:
    """What is due, and for each subscription of the owner that does not want the file, why not."""

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
    if subscription.scope != log_file.account_id:
        return f"it is about account {subscription.scope}"
    if subscription.paused:
        return "it is paused"
    return subscription.filters.refuse(log_file.log_type, log_file.region)
