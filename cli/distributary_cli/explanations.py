"""What would happen to a log file, and why: the functions' own decision without its effects."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from distributary.keys import KeyLayout, LogFile, UnroutedKey, parse_key
from distributary.outcomes import Outcome
from distributary.routing import Delivery, Route, route
from distributary.subscription_table import Stored, StoredSubscriptionError
from distributary.subscriptions import ALL, Subscription

DELIVER = "deliver"
NOTHING_DUE = Route((), ())
ReadScope = Callable[[str], Stored]
"""Gives what is subscribed in a scope."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One key's fate. `outcome` is `deliver` if anybody gets the file, or else the outcome that it would end with."""

    key: str
    outcome: str
    reason: str
    account_id: str | None
    log_type: str | None
    region: str | None
    route: Route = NOTHING_DUE
    is_whole: bool = True
    """Whether all subscriptions that the functions would ask could be understood."""

    def to_json(self) -> dict[str, Any]:
        """The form of `explain --json`."""
        return {
            "key": self.key,
            "account_id": self.account_id,
            "log_type": self.log_type,
            "region": self.region,
            "outcome": self.outcome,
            "reason": self.reason,
            "deliveries": [_delivery_data(due) for due in self.route.deliveries],
            "declined": [
                {"subscription": one.name, "scope": one.scope, "reason": why} for one, why in self.route.declined
            ],
        }


def key_of(text: str) -> str:
    """The key in what people paste: `s3://bucket/key`, or the key itself."""
    return text.removeprefix("s3://").partition("/")[2] if text.startswith("s3://") else text


def explain(key: str, layout: KeyLayout, read_scope: ReadScope) -> Explanation:
    """Say what the two functions would do with a log file of that key: the owners', and the third parties'."""
    parsed = parse_key(key, layout)
    if isinstance(parsed, UnroutedKey):
        outcome, reason = str(parsed.outcome), parsed.reason
        return Explanation(key, outcome, reason, parsed.account_id, parsed.log_type, parsed.region)
    return _explain_log_file(parsed, [(scope, read_scope(scope)) for scope in (parsed.account_id, ALL)])


def _explain_log_file(log_file: LogFile, scopes: Sequence[tuple[str, Stored]]) -> Explanation:
    known = (log_file.account_id, log_file.log_type, log_file.region)
    entries = [one for _, stored in scopes for one in stored]
    malformed = [str(one) for one in entries if isinstance(one, StoredSubscriptionError)]
    planned = route(log_file, [one for one in entries if isinstance(one, Subscription)])
    if planned.deliveries:
        outcome = DELIVER
        reasons = [f"wanted by {', '.join(due.subscription.name for due in planned.deliveries)}", *malformed]
    else:
        outcome = str(Outcome.FAILED if malformed else Outcome.UNSUBSCRIBED)
        reasons = [reason for scope, stored in scopes for reason in _refusals(scope, stored, planned)]
    return Explanation(log_file.key, outcome, "; ".join(reasons), *known, planned, is_whole=not malformed)


def _refusals(scope: str, stored: Stored, planned: Route) -> Iterator[str]:
    """Why nobody of a scope gets the file."""
    yield from (str(one) for one in stored if isinstance(one, StoredSubscriptionError))
    if not stored:
        yield "no third party subscribed" if scope == ALL else f"nobody subscribed to account {scope}"
    yield from (f"{one.name} declines: {why}" for one, why in planned.declined if one.scope == scope)


def _delivery_data(due: Delivery) -> dict[str, str | None]:
    one = due.subscription
    return {
        "subscription": one.name,
        "account_id": one.account_id,
        "scope": one.scope,
        "bucket": one.copy_to.bucket if one.copy_to else None,
        "key": due.destination_key if one.copy_to else None,
        "region": one.copy_to.region if one.copy_to else None,
        "topic_arn": one.notify.topic_arn if one.notify else None,
        "format": str(one.notify.format) if one.notify else None,
    }
