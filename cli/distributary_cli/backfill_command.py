"""`distributary backfill`: what arrived before its subscription did."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from distributary_cli import options, output
from distributary_cli.command_options import spread
from distributary_cli.reconcile_commands import open_for, run
from distributary_cli.stack_options import Receivers, Until, Where, read_window

if TYPE_CHECKING:
    from distributary.windows import Window
    from distributary_cli.distributed import Backfills, Outcome

SHARDS_IN_A_BATCH = 20
"""template.yaml, `Backfill`: MaxItemsPerBatch."""


@spread
def backfill(
    receivers: Receivers,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From when on, by the times in the keys, UTC. Required, but for --redrive."),
    ] = None,
    until: Until = None,
    rate: Annotated[int, typer.Option(metavar="FILES", min=1, help="At most so many files a second.")] = 100,
    announce: Annotated[
        bool,
        typer.Option("--announce", help="Announce every log file, there or not; also where nothing is copied."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be delivered, and deliver nothing.")
    ] = False,
    distributed: Annotated[
        bool, typer.Option("--distributed", help="Leave it to Step Functions: for more than a million files.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=1000, help="With --distributed: so many batches at once.")
    ] = 10,
    tolerate: Annotated[
        int,
        typer.Option(
            metavar="PERCENT", min=0, max=100, help="With --distributed: give up when more than that has failed."
        ),
    ] = 100,
    wait: Annotated[bool, typer.Option("--wait", help="With --distributed: follow it until it ends.")] = False,
    redrive: Annotated[
        str | None,
        typer.Option(metavar="ARN", help="Go on with a distributed one that failed or was stopped, and follow it."),
    ] = None,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Deliver log files that arrived before their subscription did: day by day, the newest first.

    What is there already is left alone, so a backfill that was interrupted is simply run again. With `--distributed`
    Step Functions compares many days, accounts, log types and Regions at once, and goes on when this command ends.

    With `--announce` subscriptions with a topic hear of everything (again); what isn't there is delivered as well.
    """
    if redrive is not None:
        _redrive(redrive, where, json=json)
        return
    if since is None:
        raise typer.BadParameter("say from when on, such as --since 2026-01-01", param_hint="--since")
    window = read_window(since, until)
    if distributed:
        limits = {"rate": rate, "concurrency": concurrency, "tolerated_failure_percentage": tolerate}
        _distribute(window, receivers, where, limits, announce=announce, dry_run=dry_run, wait=wait, json=json)
    elif wait:
        raise typer.BadParameter("it is followed anyway; add --distributed", param_hint="--wait")
    else:
        _by_day(window, receivers, where, rate, announce=announce, dry_run=dry_run, json=json)


def _by_day(
    window: "Window", receivers: Receivers, where: Where, rate: int, *, announce: bool, dry_run: bool, json: bool
) -> None:
    from distributary_cli.reconciling import Task, days

    windows = list(days(window, datetime.now(UTC)))
    function, wanted = open_for(receivers, where, announce=announce)
    tasks = [Task(one, day, 0, not dry_run, announce) for day in windows for one in wanted]
    reports = run(function, tasks, where.stack, rate=None if dry_run else rate)
    found, sent = (sum(one[name] for one in reports) for name in ("missing", "repaired"))
    if json:
        output.print_json({"days": len(windows), "missing": found, "queued": sent, "dry_run": dry_run})
    else:
        verb = f"{found} files would be queued" if dry_run else f"{sent} files queued"
        names = {one["subscription"] for one in reports}
        output.out().print(f"{verb}, of {len(windows)} days and {len(names)} subscriptions.")


def _distribute(
    window: "Window",
    receivers: Receivers,
    where: Where,
    limits: dict[str, int],
    *,
    announce: bool,
    dry_run: bool,
    wait: bool,
    json: bool,
) -> None:
    from distributary_cli import aws_errors
    from distributary_cli.distributed import open_backfills
    from distributary_cli.reconciling import Task

    now = datetime.now(UTC)
    function, wanted = open_for(receivers, where, announce=announce)
    with aws_errors.said_plainly(where.stack):
        backfills = open_backfills(where.session(), where.stack)
        tasks = [Task(one, window, 0, repair=False, announce=announce) for one in wanted]
        shards = [shard for task in tasks for shard in backfills.plan(function, task)]
        invocations = -(-len(shards) // SHARDS_IN_A_BATCH)
        counts = {"shards": len(shards), "subscriptions": len(wanted), "invocations": invocations}
        said = f"{len(shards)} shards of {len(wanted)} subscriptions, in {invocations} batches"
        if dry_run or not shards:
            listed = f"{said}: at least {(1 if announce else 2) * len(shards)} requests that list. Nothing was started."
            output.print_json({**counts, "dry_run": dry_run}) if json else output.out().print(listed)
            return
        arn = backfills.start(shards, window, now, limits)
    if wait:
        _follow(backfills, arn, where.stack, json=json)
    elif json:
        output.print_json({**counts, "execution_arn": arn})
    else:
        output.out().print(f"{said}. It runs without this command: {arn}")


def _redrive(execution_arn: str, where: Where, *, json: bool) -> None:
    from distributary_cli import aws_errors
    from distributary_cli.distributed import open_backfills

    with aws_errors.said_plainly(where.stack):
        backfills = open_backfills(where.session(), where.stack)
        backfills.redrive(execution_arn)
    _follow(backfills, execution_arn, where.stack, json=json)


def _follow(backfills: "Backfills", execution_arn: str, stack: str, *, json: bool) -> None:
    """Show a progress bar on a terminal until the execution ends, then what came of it."""
    from rich.progress import Progress

    from distributary_cli import aws_errors

    console = output.err()
    with aws_errors.said_plainly(stack):
        try:
            with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
                task = bar.add_task("Comparing shards", total=None)
                for done, total in backfills.follow(execution_arn):
                    bar.update(task, completed=done, total=total)
            outcome = backfills.outcome(execution_arn)
        except KeyboardInterrupt:
            output.warn(f"The backfill goes on without this command: {execution_arn}")
            raise
    _tell(outcome, json=json)


def _tell(outcome: "Outcome", *, json: bool) -> None:
    if json:
        output.print_json(outcome.to_json())
    else:
        at_least = "at least " if outcome.failures else ""
        output.out().print(f"{outcome.status}: {at_least}{outcome.counts['repaired']} files queued.")
        for failure in outcome.failures:
            output.out().print(output.line(f"failed: {failure}"))
    if outcome.status != "SUCCEEDED":
        output.fail(
            f"it did not end well. Mend the cause, then go on: distributary backfill --redrive {outcome.execution_arn}"
        )
    if outcome.failures:
        output.fail(f"{len(outcome.failures)} batches failed. Mend the cause, then run the command again")
