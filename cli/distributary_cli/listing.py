"""What the table holds, as a table and as JSON. External IDs stay hidden."""

from collections.abc import Collection
from typing import Any

from rich.console import Console

from distributary.subscription_forms import to_mapping
from distributary.subscriptions import Subscription
from distributary_cli.output import grid, visible
from distributary_cli.plans import HIDDEN, StoredScope, in_words


def print_list(stored: Collection[StoredScope], console: Console) -> None:
    """One row for each subscription."""
    if not stored:
        console.print("The table is empty. `distributary subscriptions apply` fills it.")
        return
    table = grid("Account", "Name", "Files", "Copied to", "Region", "Notified", "State", "Updated")
    for scope in stored:
        if scope.malformed:
            cells = (in_words(scope.scope), "", "", "", "", "", "malformed", scope.updated_at or "")
            table.add_row(*map(visible, cells))
        for one in scope.subscriptions:
            table.add_row(*map(visible, (*_cells(one), scope.updated_at or "")))
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


def _cells(one: Subscription) -> tuple[str, ...]:
    copied = (f"s3://{one.copy_to.bucket}/{one.copy_to.prefix}", one.copy_to.region) if one.copy_to else ("", "")
    notified = f"{one.notify.topic_arn} ({one.notify.format})" if one.notify else ""
    return (one.account_id, one.name, _wanted(one), *copied, notified, "paused" if one.paused else "active")


def _wanted(one: Subscription) -> str:
    """Whose log files it receives and which of them: `its own`, `all: CloudTrail in eu-west-1 not of 444444444444`."""
    filters = one.filters
    words = (
        ("", filters.log_types),
        ("in ", filters.regions),
        ("of ", filters.account_ids),
        ("not of ", filters.except_account_ids),
    )
    only = " ".join(word + ", ".join(values) for word, values in words if values)
    whose = "all" if one.is_third_party else "its own"
    return f"{whose}: {only}" if only else whose
