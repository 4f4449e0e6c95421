"""`subscriptions.yaml`: read whole, or refused whole with everything that is wrong with it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from distributary.keys import KNOWN_LOG_TYPES
from distributary.subscription_forms import from_mapping
from distributary.subscription_rules import InvalidSubscriptionError, conflicts, contradictions
from distributary.subscriptions import Subscription
from distributary_cli.problems import FieldPath, Problem, SubscriptionFileError, dotted
from distributary_cli.schema_problems import schema_problems
from distributary_cli.yaml_marks import Document, line_and_column, read_yaml


@dataclass(frozen=True, slots=True)
class SubscriptionFile:
    """A file that was right by itself, and where each of its fields stands."""

    path: Path
    subscriptions: tuple[Subscription, ...]
    document: Document

    def problem(self, name: str, field: str, reason: str) -> Problem:
        """What only showed later of one subscription's field, or of the whole file if no subscription is named."""
        if not name:
            return Problem(0, 0, field, reason)
        index = [one.name for one in self.subscriptions].index(name)
        return _placed(self.document, ("subscriptions", index), InvalidSubscriptionError(field, reason))


def read_subscriptions(path: Path) -> SubscriptionFile:
    """Read a subscriptions file.

    Raises:
        SubscriptionFileError: if anything is wrong with it, naming every problem.
    """
    document = read_yaml(_read_text(path))
    problems = list(document.problems)
    if problems and document.data is None:
        raise SubscriptionFileError(path, problems)
    problems += schema_problems(document)
    subscriptions, found = _interpret(document, {problem.field.partition("]")[0] for problem in problems})
    problems += found
    if problems:
        raise SubscriptionFileError(path, problems)
    return SubscriptionFile(path, tuple(subscriptions), document)


def likely_mistypings(subscriptions: Iterable[Subscription]) -> Iterator[str]:
    """Log types in filters that look like known ones and aren't: allowed, as AWS adds new ones, but nothing matches."""
    known = {log_type.lower(): log_type for log_type in KNOWN_LOG_TYPES}
    for subscription in subscriptions:
        for log_type in subscription.filters.log_types:
            close = get_close_matches(log_type.lower(), known, n=1, cutoff=0.85)
            if close and log_type not in KNOWN_LOG_TYPES:
                yield f"{subscription.name} filters for log type {log_type}; did you mean {known[close[0]]}?"


def _read_text(path: Path) -> str:
    try:
        return _decode(path, path.read_bytes())
    except FileNotFoundError:
        reason = "there is no such file; name yours with --file, or begin with a copy of subscriptions.example.yaml"
    except OSError as error:
        reason = f"cannot be read: {(error.strerror or str(error)).lower()}"
    raise SubscriptionFileError(path, [Problem(0, 0, "", reason)])


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = line_and_column(content[: error.start].decode("utf-8", "replace"))
        reason = f"the byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise SubscriptionFileError(path, [Problem(line, column, "", reason)]) from error


def _interpret(document: Document, misshapen: set[str]) -> tuple[list[Subscription], list[Problem]]:
    """The subscriptions that are sound by themselves, and what is wrong beyond the schema.

    Where the schema has refused a subscription (`misshapen`), it says better than `from_mapping` what is wrong.
    """
    subscriptions: list[Subscription] = []
    problems: list[Problem] = []
    plains = _plain_subscriptions(document)
    for index, plain in enumerate(plains):
        if plain:  # what is no mapping contradicts nothing
            problems += [_placed(document, ("subscriptions", index), error) for error in contradictions(plain)]
        try:
            subscriptions.append(from_mapping(plain))
        except InvalidSubscriptionError as error:
            if f"subscriptions[{index}" not in misshapen:
                problems.append(_placed(document, ("subscriptions", index), error))
    for index, conflict in conflicts(plains):
        problems.append(_placed(document, ("subscriptions", index), conflict))
    return subscriptions, problems


def _plain_subscriptions(document: Document) -> list[Mapping[str, Any]]:
    """Each subscription's plain form, at its index; an empty one where something else stands."""
    plain = document.data.get("subscriptions") if isinstance(document.data, dict) else None
    return [item if isinstance(item, dict) else {} for item in (plain if isinstance(plain, list) else ())]


def _placed(document: Document, parent: FieldPath, error: InvalidSubscriptionError) -> Problem:
    path: FieldPath = (*parent, *error.field.split("."))
    place = document.places[path if path in document.places else parent]  # a missing field's is what it is missing in
    return Problem(place.line, place.column, dotted(path), error.reason)
