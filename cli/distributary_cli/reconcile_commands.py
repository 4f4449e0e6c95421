"""`distributary reconcile`: what is missing, and putting it right."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distributary_cli import options, output
from distributary_cli.command_options import spread
from distributary_cli.logs_options import check_accounts
from distributary_cli.stack_options import Receivers, Since, Until, Where, read_window

if TYPE_CHECKING:
    from datetime import datetime

    from distributary.subscriptions import Subscription
    from distributary_cli.reconciling import ReconcileFunction, Task

Grace = Annotated[
    int, typer.Option(metavar="MINUTES", min=0, help="What arrived within so many minutes may still be on its way.")
]
SHOWN = 10
"""Keys of a subscription that are shown; `--json` has up to a hundred for each part."""


@spread
def reconcile(
    receivers: Receivers,
    since: Since = "2d",
    until: Until = None,
    grace: Grace = 180,
    repair: Annotated[bool, typer.Option("--repair", help="Put what is missing into the queue again.")] = False,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Compare the central bucket with the receivers' buckets: what is missing there, different, or over.

    Exit code 1 when something is missing and not repaired, or different, or a subscription can't be compared.
    """
    from distributary_cli.reconciling import Task

    window = read_window(since, until)
    function, wanted = open_for(receivers, where)
    reports = run(function, [Task(one, window, grace, repair) for one in wanted], where.stack, rate=None)
    if json:
        output.print_json({"since": _shown(window.since), "until": _shown(window.until), "subscriptions": reports})
    else:
        _print(reports)
    wrong = function.malformed or any(one["missing"] > one["repaired"] or one["different"] for one in reports)
    raise typer.Exit(1 if wrong else 0)


def open_for(
    receivers: Receivers, where: Where, *, announce: bool = False
) -> "tuple[ReconcileFunction, list[Subscription]]":
    """The stack's function, and the subscriptions that are meant; leaves where there is none of either.

    Of the malformed ones only those are left that may be meant, and they are told.
    Those without copies can't be compared, those without a topic can't announce.
    """
    from distributary_cli import aws_errors, reconciling

    account_ids = check_accounts(receivers.account)
    with aws_errors.said_plainly(where.stack):
        function = reconciling.open_function(where.session(), where.stack)
    names = receivers.subscription or ()
    malformed = reconciling.chosen(function.malformed, account_ids, names)
    for one in malformed:
        output.warn(f"Passed over: {one}")
    able = [one for one in function.subscriptions if (one.notify if announce else one.copy_to)]
    wanted = reconciling.chosen(able, account_ids, names)
    if not wanted:
        listed = "`distributary subscriptions list` shows all of them"
        instead = "; what has none is announced anew by `distributary backfill --announce`"
        kind, more = ("notifications", "") if announce else ("copies", instead)
        output.fail(f"no subscription with {kind} is meant: {listed}{more}")
    return replace(function, malformed=tuple(malformed)), wanted


def run(function: "ReconcileFunction", tasks: "Sequence[Task]", stack: str, rate: int | None) -> list[dict[str, Any]]:
    """Every task in turn, with a progress bar on a terminal, no faster than the rate allows."""
    from rich.progress import track

    from distributary_cli import aws_errors

    reports: list[dict[str, Any]] = []
    console = output.err()
    with aws_errors.said_plainly(stack):
        try:
            for task in track(tasks, "Comparing", console=console, disable=not console.is_terminal, transient=True):
                began = time.monotonic()
                reports.append(function.compare(task))
                if rate and (rest := reports[-1]["repaired"] / rate - (time.monotonic() - began)) > 0:
                    time.sleep(rest)
        except KeyboardInterrupt:
            queued = sum(one["repaired"] for one in reports)
            lasting = f" At least {queued} files are queued, and stay so." if any(one.repair for one in tasks) else ""
            there = "announced again" if any(one.announce for one in tasks) else "left alone"
            again = f"Run it again: what is there by then is {there}."
            output.warn(f"Interrupted after {len(reports)} of {len(tasks)} comparisons.{lasting} {again}")
            raise
    return reports


def _print(reports: Sequence[dict[str, Any]]) -> None:
    table = output.grid("Subscription", "Account", "Present", "Missing", "Different", "Extra", "Queued again")
    for one in reports:
        counts = (one["present"], one["missing"], one["different"], one["extra"], one["repaired"])
        table.add_row(*map(output.visible, (one["subscription"], one["account_id"], *counts)))
    output.out().print(table)
    for one in reports:
        for name, keys in (("missing", one["missing_keys"]), ("different", one["different_keys"])):
            for key in keys[:SHOWN]:
                output.out().print(output.line(f"{one['subscription']}: {name}: {key}"))
            if one[name] > SHOWN:
                output.out().print(f"{one['subscription']}: {name}: and {one[name] - min(SHOWN, len(keys))} more")


def _shown(moment: "datetime | None") -> str | None:
    return moment.isoformat() if moment else None
