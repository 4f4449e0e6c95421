"""What is wrong with a subscriptions file: each problem with its place, its field, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from distributary.errors import DistributaryError

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem. Line and column count from 1; both are 0 where the problem is the file as a whole."""

    line: int
    column: int
    field: str
    """Dotted, such as `subscriptions[0].copy_to.bucket`; empty where the problem is no field's."""
    reason: str

    def describe(self, path: Path) -> str:
        """`file:line:column: field: reason`, the form that terminals and editors turn into a link."""
        place = f"{path}:{self.line}:{self.column}" if self.line else str(path)
        return ": ".join(part for part in (place, self.field, self.reason) if part)


class SubscriptionFileError(DistributaryError):
    """A subscriptions file is refused as a whole; `problems` names all that is wrong with it, in the file's order."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(problem.describe(path) for problem in self.problems))


def dotted(path: FieldPath) -> str:
    """A field's path in words: `("subscriptions", 0, "name")` is `subscriptions[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
