"""`distributary logs get`: log files into a folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributary_cli import options, output
from distributary_cli.command_options import spread
from distributary_cli.logs_options import Keys, KeysBucket, Layout, Wanted
from distributary_cli.logs_targets import Target, named_bucket, targets
from distributary_cli.sign_in import SignIn

if TYPE_CHECKING:
    from distributary_cli.logs_downloads import Downloads
    from distributary_cli.logs_reports import Outcome, Report
    from distributary_cli.reader_errors import Asked


@spread
def get_log_files(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to fetch them into; made if need be.")],
    wanted: Wanted,
    layout: Layout,
    sign_in: SignIn,
    keys: Keys = None,
    bucket: KeysBucket = None,
    concurrency: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="How many are fetched at once.")] = 8,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and fetch nothing.")] = False,
    json: options.Json = False,
) -> None:
    """Fetch log files. What is there and whole is not fetched again; the rest goes on where it stopped."""
    keys, selection = keys or [], wanted.select(layout)
    wanted.refuse_with(keys)
    bucket = named_bucket(keys, bucket)

    import threading
    from contextlib import closing, nullcontext

    from distributary_cli.logs_downloads import Downloads
    from distributary_cli.logs_folders import Folder
    from distributary_cli.logs_parallel import in_parallel
    from distributary_cli.logs_reports import Report, reported
    from distributary_cli.reader_errors import Asked, said_plainly
    from distributary_cli.reader_sessions import ReaderSessions, client

    sessions, stop, folder = ReaderSessions(sign_in), threading.Event(), Folder(to)
    asked = Asked(sessions, bucket, bool(wanted.account))
    report = Report(bucket, folder, dry_run=dry_run)
    with said_plainly(asked), nullcontext() if dry_run else folder.alone():
        s3 = client(sessions.reader, "s3", connections=concurrency + 1)
        wanted_files = _until_ended(targets(s3, bucket, keys, selection), asked, report)
        with reported(report, json=json) as bar:
            work = _work(Downloads(s3, bucket, folder, stop, bar.arrived), asked, dry_run=dry_run)
            with closing(in_parallel(work, bar.found(wanted_files), concurrency, stop)) as outcomes:
                for outcome in outcomes:
                    bar.ended()
                    report.add(outcome)
                    if outcome.ends_all:
                        stop.set()
    if report.ended:
        output.fail(report.ended)
    raise typer.Exit(1 if report.failed else 0)


def _until_ended(found: "Iterator[Target]", asked: "Asked", report: "Report") -> "Iterator[Target]":
    """The same log files; none after something that ends the command. What was begun before is still waited for."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        while not report.ended and (target := next(found, None)):
            yield target
    except (ClientError, BotoCoreError) as error:
        report.ended = asked.say(error)


def _work(downloads: "Downloads", asked: "Asked", *, dry_run: bool) -> "Callable[[Target], Outcome]":
    from botocore.exceptions import BotoCoreError, ClientError

    from distributary.errors import DistributaryError
    from distributary_cli.logs_downloads import StoppedError
    from distributary_cli.logs_reports import FAILED, FULL, STOPPED, Outcome

    def work(target: Target) -> Outcome:
        try:
            if downloads.stop.is_set():
                return Outcome(target, STOPPED)
            status = downloads.look(target) if dry_run else downloads.fetch(target)
        except (ClientError, BotoCoreError) as error:
            return Outcome(target, FAILED, asked.say(error, target.key), asked.ends_all(error))
        except StoppedError:
            return Outcome(target, STOPPED)
        except DistributaryError as error:
            return Outcome(target, FAILED, str(error))
        except OSError as error:
            return Outcome(target, FAILED, f"cannot write: {error}", error.errno in FULL)
        return Outcome(target, status)

    return work
