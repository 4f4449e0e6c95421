"""`distributary reconcile` and `distributary backfill`: what is missing, and putting it right."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distributary.windows import TimeError, Window, parse_time
from distributary_cli import options, output

if TYPE_CHECKING:
    from distributary_cli.reconciling import ReconcileFunction, Task

Accounts = Annotated[
    list[str] | None,
    typer.Option("--account", metavar="ID", help="Only this receiving account; may be given several times."),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--subscription", metavar="NAME", help="Only this subscription; may be given several times."),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Until then; without it, until now.")]
Grace = Annotated[
    int, typer.Option(metavar="MINUTES", min=0, help="What arrived within so many minutes may still be on its way.")
]
SHOWN = 10
"""Keys of a subscription that are shown; `--json` has up to a hundred for each part."""


def reconcile(
    account: Accounts = None,
    subscription: Names = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="From when on, by the times in the keys, UTC.")] = "2d",
    until: Until = None,
    grace: Grace = 180,
    repair: Annotated[bool, typer.Option("--repair", help="Put what is missing into the queue again.")] = False,
    stack: options.Stack = options.DEFAULT_STACK,
    region: options.Region = None,
    profile: options.Profile = None,
    json: options.Json = False,
) -> None:
    """Compare the central bucket with the receivers' buckets: what is missing there, different, or over.

    Exit code 1 when something is missing and not repaired, or different.
    """
    window = _window(since, until)
    tasks, function = _tasks(account, subscription, [window], (stack, region, profile), grace=grace, repair=repair)
    reports = _run(function, tasks, stack, rate=None)
    if json:
        output.print_json({"since": _shown(window.since), "until": _shown(window.until), "subscriptions": reports})
    else:
        _print(reports)
    wrong = any(one["missing"] > one["repaired"] or one["different"] for one in reports)
    raise typer.Exit(1 if wrong else 0)


def backfill(
    since: Annotated[str, typer.Option(metavar="TIME", help="From when on, by the times in the keys, UTC.")],
    account: Accounts = None,
    subscription: Names = None,
    until: Until = None,
    rate: Annotated[int, typer.Option(metavar="FILES", min=1, help="At most so many files a second.")] = 100,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be delivered, and deliver nothing.")
    ] = False,
    stack: options.Stack = options.DEFAULT_STACK,
    region: options.Region = None,
    profile: options.Profile = None,
    json: options.Json = False,
) -> None:
    """Deliver log files that arrived before their subscription did: day by day, the newest first.

    What is there already is left alone, so a backfill that was interrupted is simply run again.
    """
    from distributary_cli.reconciling import days

    window, now = _window(since, until), datetime.now(UTC)
    windows = list(days(window, now))
    tasks, function = _tasks(account, subscription, windows, (stack, region, profile), grace=0, repair=not dry_run)
    reports = _run(function, tasks, stack, rate=None if dry_run else rate)
    found, sent = (sum(one[name] for one in reports) for name in ("missing", "repaired"))
    if json:
        output.print_json({"days": len(windows), "missing": found, "queued": sent, "dry_run": dry_run})
    else:
        verb = f"{found} files would be queued" if dry_run else f"{sent} files queued"
        names = {one["subscription"] for one in reports}
        output.out().print(f"{verb}, of {len(windows)} days and {len(names)} subscriptions.")


def _window(since: str, until: str | None) -> Window:
    now = datetime.now(UTC)
    try:
        window = Window(parse_time(since, now), parse_time(until, now) if until is not None else None)
    except TimeError as error:
        raise typer.BadParameter(str(error)) from error
    if window.since and window.since >= (window.until or now):
        raise typer.BadParameter("the window ends before it begins", param_hint="--since")
    return window


def _tasks(
    account: Sequence[str] | None,
    subscription: Sequence[str] | None,
    windows: Sequence[Window],
    where: tuple[str, str | None, str | None],
    *,
    grace: int,
    repair: bool,
) -> "tuple[list[Task], ReconcileFunction]":
    from distributary_cli import aws_errors, tables
    from distributary_cli.reconciling import Task, chosen, open_function

    stack, region, profile = where
    with aws_errors.said_plainly(stack):
        function = open_function(tables.open_session(region, profile), stack)
    wanted = chosen(function.subscriptions, account or (), subscription or ())
    if not wanted:
        output.fail("no subscription with copies is meant: `distributary subscriptions list` shows all of them")
    return [Task(one, window, grace, repair) for window in windows for one in wanted], function


def _run(function: "ReconcileFunction", tasks: "Sequence[Task]", stack: str, rate: int | None) -> list[dict[str, Any]]:
    """Every task in turn, with a progress bar on a terminal, no faster than the rate allows."""
    from rich.progress import track

    from distributary_cli import aws_errors

    reports = []
    console = output.err()
    with aws_errors.said_plainly(stack):
        for task in track(tasks, "Comparing", console=console, disable=not console.is_terminal, transient=True):
            began = time.monotonic()
            reports.append(function.compare(task))
            if rate and (rest := reports[-1]["repaired"] / rate - (time.monotonic() - began)) > 0:
                time.sleep(rest)
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


def _shown(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
