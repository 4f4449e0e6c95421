"""The demonstration's tables: what was written, what became of it, and who could read what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from rich.table import Table

from distributary_local.deliveries import Told, Written
from distributary_local.deployment import ACCOUNTS
from distributary_local.trespass import Attempt


def accounts_table(written: Sequence[Written], told: Mapping[str, Told], third_party: Mapping[str, Told]) -> Table:
    """Each account's log files: written, delivered to it and how fast, delivered to Z."""
    table = Table(title="Log files by account", title_justify="left")
    table.add_column("account")
    for column in ("written", "delivered", "bytes", "median s", "worst s", "to Z"):
        table.add_column(column, justify="right")
    for account_id, name in [*ACCOUNTS.items(), (None, "no one account")]:
        mine = [one for one in written if one.file.account_id == account_id]
        delivered = [one for one in mine if _is_delivered(one, told)]
        waited = [max(0.0, told[one.file.key].time - one.time) for one in delivered]
        times = (f"{median(waited):.1f}", f"{max(waited):.1f}") if waited else ("-", "-")
        size = sum(len(one.file.body) for one in delivered)
        to_z = sum(_is_delivered(one, third_party) for one in mine)
        label = f"{name} {account_id}" if account_id else name
        table.add_row(label, str(len(mine)), str(len(delivered)), f"{size:,}", *times, str(to_z))
    return table


def outcomes_table(written: Sequence[Written], told: Mapping[str, Told], third_party: Mapping[str, Told]) -> Table:
    """Each function's outcomes, which add up to what was written, and an example of why."""
    table = Table(title="Outcomes", title_justify="left", show_footer=True)
    counts, counts_of_z = (Counter(one.outcome for one in each.values()) for each in (told, third_party))
    example = {one.outcome: one.reason or "" for one in reversed(list(told.values()))}
    missing = 2 * len(written) - counts.total() - counts_of_z.total()
    table.add_column("outcome", footer=f"of {len(written)} written")
    table.add_column("to owners", justify="right", footer=str(counts.total()))
    table.add_column("to Z", justify="right", footer=str(counts_of_z.total()))
    table.add_column("for example, because", footer=f"{missing} without an outcome" if missing else "they add up")
    for outcome, _ in (counts + counts_of_z).most_common():
        table.add_row(outcome, str(counts[outcome]), str(counts_of_z[outcome]), example.get(outcome, ""))
    return table


def attempts_table(tried: Sequence[Attempt]) -> Table:
    """What somebody tried, and what AWS answered."""
    table = Table(title="Can B read what is C's?", title_justify="left")
    for column in ("who", "tries to", "AWS answers", ""):
        table.add_column(column)
    for one in tried:
        mark = "[green]✓[/green]" if one.held else "[red]✗ expected otherwise[/red]"
        table.add_row(one.who, one.what, one.answer, mark)
    return table


def _is_delivered(one: Written, told: Mapping[str, Told]) -> bool:
    return one.file.key in told and told[one.file.key].outcome == "delivered"
