"""What the table holds, as a table and as JSON. External IDs stay hidden."""

from collections.abc import Collection
from typing import Any

from rich.console import Console

from distributary.subscription_forms import to_mapping
from distributary.subscriptions import Filters, Subscription
from distributary_cli.output import grid, visible
from distributary_cli.plans import HIDDEN, StoredScope


def print_list(stored: Collection[StoredScope], console: Console) -> None:
    """One row for each subscription."""
    if not stored:
        console.print("The table is empty. `distributary subscriptions apply` fills it.")
        return
    table = grid("Account", "Name", "Copied to", "Region", "Only", "State", "Updated")
    for scope in stored:
        if scope.malformed:
            table.add_row(visible(scope.scope), "", "", "", "", "malformed", visible(scope.updated_at or ""))
        for one in scope.subscriptions:
            target = f"s3://{one.copy_to.bucket}/{one.copy_to.prefix}"
            state = "paused" if one.paused else "active"
            cells = (one.account_id, one.name, target, one.copy_to.region, _only(one.filters), state)
            table.add_row(*map(visible, (*cells, scope.updated_at or "")))
    console.print(table)


def list_data(stored: Collection[StoredScope]) -> dict[str, Any]:
    """The form of `list --json`: the fields as in the file, and who wrote them when."""
    return {
        "subscriptions": [_data(one, scope) for scope in stored for one in scope.subscriptions],
        "malformed": [{"scope": scope.scope, "reason": scope.malformed} for scope in stored if scope.malformed],
    }


def _data(subscription: Subscription, scope: StoredScope) -> dict[str, Any]:
    stamp = {"updated_at": scope.updated_at, "updated_by": scope.updated_by}
    return to_mapping(subscription) | {"external_id": HIDDEN, "paused": subscription.paused} | stamp


def _only(filters: Filters) -> str:
    parts = (", ".join(filters.log_types), ", ".join(filters.regions))
    return " in ".join(part for part in parts if part) or "everything"
