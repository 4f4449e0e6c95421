"""What to do so that the table holds what the file says: pure comparison, no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from distributary.subscription_forms import to_mapping
from distributary.subscriptions import ALL, Subscription

HIDDEN = "(hidden)"


class Action(StrEnum):
    """What happens to a subscription."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class StoredScope:
    """One item of the table: a scope's subscriptions, or why they cannot be understood."""

    scope: str
    subscriptions: tuple[Subscription, ...] = ()
    malformed: str | None = None
    updated_at: str | None = None
    updated_by: str | None = None
    item: Mapping[str, Any] | None = None
    """As DynamoDB holds it: a later write demands that it be this still."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's old and new value; None where it is left out. External IDs are never in here."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one subscription, field by field."""

    action: Action
    name: str
    account_id: str
    scope: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in words (`changes`, `malformed`, `unchanged`) and in items (`writes`, `deletes`)."""

    changes: tuple[Change, ...]
    unchanged: tuple[str, ...]
    malformed: tuple[StoredScope, ...]
    """Scopes whose items say nothing that could be compared; they are replaced or removed."""
    writes: Mapping[str, tuple[Subscription, ...]]
    deletes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the table holds what the file says already."""
        return not self.writes and not self.deletes

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope that applying the plan touches, in the order in which it does."""
        return (*self.writes, *self.deletes)

    @property
    def new_or_changed(self) -> tuple[Subscription, ...]:
        """The subscriptions that applying the plan brings in or changes."""
        names = {change.name for change in self.changes if change.action is not Action.REMOVE}
        return tuple(one for ones in self.writes.values() for one in ones if one.name in names)

    def count(self, action: Action) -> int:
        """How many subscriptions an action befalls."""
        return sum(change.action is action for change in self.changes)


def in_words(scope: str) -> str:
    """A scope as people read it: an account ID, or whom `all` stands for."""
    return "third parties" if scope == ALL else scope


def make_plan(wanted: Iterable[Subscription], stored: Mapping[str, StoredScope]) -> Plan:
    """Compare what a file says with what the table holds."""
    by_scope = _by_scope(wanted)
    new = {one.name: one for subscriptions in by_scope.values() for one in subscriptions}
    held = [one for scope in stored.values() for one in scope.subscriptions]
    old = {one.name: one for one in held}
    changes = [_compare(old.get(name), new.get(name)) for name in sorted(old | new)]
    # One name in two scopes can only be somebody else's doing; what `old` has lost of it is removed.
    changes += [_compare(one, None) for one in held if old[one.name] is not one]
    return Plan(
        changes=tuple(change for change in changes if change),
        unchanged=tuple(sorted(name for name in new if old.get(name) == new[name])),
        malformed=tuple(scope for scope in stored.values() if scope.malformed),
        writes={scope: ones for scope, ones in by_scope.items() if not _holds(stored.get(scope), ones)},
        deletes=tuple(sorted(stored.keys() - by_scope.keys())),
    )


def _by_scope(subscriptions: Iterable[Subscription]) -> dict[str, tuple[Subscription, ...]]:
    by_scope: dict[str, tuple[Subscription, ...]] = {}
    for subscription in sorted(subscriptions, key=lambda one: (one.scope, one.name)):
        by_scope[subscription.scope] = (*by_scope.get(subscription.scope, ()), subscription)
    return by_scope


def _holds(stored: StoredScope | None, wanted: tuple[Subscription, ...]) -> bool:
    if stored is None or stored.malformed:
        return False
    return tuple(sorted(stored.subscriptions, key=lambda one: one.name)) == wanted


def _compare(old: Subscription | None, new: Subscription | None) -> Change | None:
    subject = new or old
    if subject is None or old == new:
        return None
    action = Action.ADD if old is None else Action.REMOVE if new is None else Action.CHANGE
    before, after = _fields(old), _fields(new)
    fields = tuple(
        FieldChange(name, *(_shown(name, side.get(name)) for side in (before, after)))
        for name in {**after, **before}
        if before.get(name) != after.get(name) and name != "name"
    )
    return Change(action, subject.name, subject.account_id, subject.scope, fields)


def _fields(subscription: Subscription | None) -> dict[str, Any]:
    """A subscription's fields by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in (to_mapping(subscription) if subscription else {}).items():
        flat |= {f"{name}.{inner}": deep for inner, deep in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _shown(field: str, value: Any) -> Any:
    return HIDDEN if field == "external_id" and value is not None else value
