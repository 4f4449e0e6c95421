"""What would happen to a log file, and why: the functions' own decision without its effects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distributary.keys import KeyLayout, LogFile, UnroutedKey, parse_key
from distributary.outcomes import Outcome
from distributary.routing import Route, route
from distributary.subscriptions import Subscription

DELIVER = "deliver"
NOTHING_DUE = Route((), ())
ReadScope = Callable[[str], tuple[Subscription, ...] | str]
"""An account's subscriptions, or why they cannot be understood."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One key's fate. `outcome` is `deliver` or the outcome that the file would end with at once."""

    key: str
    outcome: str
    reason: str
    account_id: str | None
    log_type: str | None
    region: str | None
    route: Route = NOTHING_DUE

    def to_json(self) -> dict[str, Any]:
        """The form of `explain --json`."""
        return {
            "key": self.key,
            "account_id": self.account_id,
            "log_type": self.log_type,
            "region": self.region,
            "outcome": self.outcome,
            "reason": self.reason,
            "deliveries": [
                {
                    "subscription": due.subscription.name,
                    "account_id": due.subscription.account_id,
                    "bucket": due.subscription.copy_to.bucket,
                    "key": due.destination_key,
                    "region": due.subscription.copy_to.region,
                }
                for due in self.route.deliveries
            ],
            "declined": [{"subscription": one.name, "reason": why} for one, why in self.route.declined],
        }


def key_of(text: str) -> str:
    """The key in what people paste: `s3://bucket/key`, or the key itself."""
    return text.removeprefix("s3://").partition("/")[2] if text.startswith("s3://") else text


def explain(key: str, layout: KeyLayout, read_scope: ReadScope) -> Explanation:
    """Say what the functions would do with a log file of that key."""
    parsed = parse_key(key, layout)
    if isinstance(parsed, UnroutedKey):
        outcome, reason = str(parsed.outcome), parsed.reason
        return Explanation(key, outcome, reason, parsed.account_id, parsed.log_type, parsed.region)
    return _explain_log_file(parsed, read_scope(parsed.account_id))


def _explain_log_file(log_file: LogFile, subscriptions: tuple[Subscription, ...] | str) -> Explanation:
    known = (log_file.account_id, log_file.log_type, log_file.region)
    if isinstance(subscriptions, str):
        return Explanation(log_file.key, str(Outcome.FAILED), subscriptions, *known)
    planned = route(log_file, subscriptions)
    if planned.deliveries:
        reason = f"wanted by {', '.join(due.subscription.name for due in planned.deliveries)}"
        return Explanation(log_file.key, DELIVER, reason, *known, planned)
    declined = "; ".join(f"{one.name} declines: {why}" for one, why in planned.declined)
    reason = declined or f"nobody subscribed to account {log_file.account_id}"
    return Explanation(log_file.key, str(Outcome.UNSUBSCRIBED), reason, *known, planned)
