"""What was found in AWS about a file's subscriptions, placed in the file and told like the file's own problems."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from distributary_cli import output

if TYPE_CHECKING:
    from distributary_cli.subscription_files import SubscriptionFile


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at one field of a subscription."""

    subscription: str
    """Its name; empty if it is about the whole file."""
    field: str
    reason: str
    is_problem: bool = True
    """Whether deliveries would fail; False where that could not be found out."""


def tell(findings: Sequence[Finding], source: "SubscriptionFile") -> None:
    """Say on standard error what was found, in the file's order."""
    for found in sorted(findings, key=lambda found: source.problem(*_placing(found))):
        words = source.problem(*_placing(found)).describe(source.path)
        output.warn(words if found.is_problem else f"Warning: {words}")


def problems(findings: Sequence[Finding]) -> list[Finding]:
    """Those with which deliveries would fail."""
    return [found for found in findings if found.is_problem]


def fail_for_problems(findings: Sequence[Finding], source: "SubscriptionFile") -> None:
    """End the command if there is a problem."""
    if count := len(problems(findings)):
        output.fail(f"{source.path} has {count} problem{'s' * (count > 1)} in AWS; nothing was written")


def problems_data(findings: Sequence[Finding], source: "SubscriptionFile") -> list[dict[str, Any]]:
    """The form of `plan --json`: each problem's subscription, field, reason, line and column."""
    placed = [(source.problem(*_placing(found)), found) for found in problems(findings)]
    return [
        {"subscription": found.subscription, **asdict(problem)}
        for problem, found in sorted(placed, key=lambda both: both[0])
    ]


def _placing(found: Finding) -> tuple[str, str, str]:
    return found.subscription, found.field, found.reason
