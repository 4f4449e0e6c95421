"""Plans as people read them and as programs do."""

from dataclasses import asdict
from typing import Any

from rich.console import Console

from distributary.subscriptions import ALL
from distributary_cli.output import line
from distributary_cli.plans import Action, Change, FieldChange, Plan, StoredScope

MARKS = {Action.ADD: ("+", "green"), Action.CHANGE: ("~", "yellow"), Action.REMOVE: ("-", "red")}


def print_plan(plan: Plan, console: Console) -> None:
    """Every change field by field, and then the counts."""
    for change in plan.changes:
        _print_change(change, console)
    for stored in plan.malformed:
        _print_malformed(stored, plan, console)
    unchanged = len(plan.unchanged)
    if plan.is_empty:
        console.print(line(f"Nothing to do: the table holds what the file says ({unchanged} unchanged)."))
        return
    added, changed, removed = (plan.count(action) for action in Action)
    counts = f"{added} to add, {changed} to change, {removed} to remove, {unchanged} unchanged."
    console.print(line(("Plan: ", "bold"), counts))


def plan_data(plan: Plan) -> dict[str, Any]:
    """The form of `plan --json`."""
    return {
        "changes": [asdict(change) for change in plan.changes],
        "malformed": [{"scope": stored.scope, "reason": stored.malformed} for stored in plan.malformed],
        "unchanged": list(plan.unchanged),
        "scopes": {"write": list(plan.writes), "delete": list(plan.deletes)},
    }


def _print_change(change: Change, console: Console) -> None:
    mark, style = MARKS[change.action]
    receives = ", every account's files" if change.scope == ALL else ""
    console.print(line((f"{mark} {change.action} {change.name}", style), f" (account {change.account_id}{receives})"))
    if change.action is not Action.REMOVE:
        for field in change.fields:
            if change.action is Action.ADD and field.field in ("account_id", "scope"):
                continue  # said already
            console.print(line(f"    {field.field}: ", _values(change.action, field)))


def _print_malformed(stored: StoredScope, plan: Plan, console: Console) -> None:
    fate = "replaced" if stored.scope in plan.writes else "removed"
    console.print(line(("! ", "red"), f"{stored.malformed}: its item will be {fate}"))


def _values(action: Action, change: FieldChange) -> str:
    if action is Action.ADD:
        return _value(change.new)
    if change.field == "external_id":
        return "changed, not shown"
    return f"{_value(change.old)} → {_value(change.new)}"


def _value(value: Any) -> str:
    if value is None:
        return "(none)"
    return (
        ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower() if value is True else str(value)
    )
