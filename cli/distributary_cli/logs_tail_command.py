"""`distributary logs tail`: new log files, as a notification queue tells of them."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from distributary.events import Notice, ObjectCreated
from distributary_cli import output
from distributary_cli.command_options import spread
from distributary_cli.sign_in import SignIn

if TYPE_CHECKING:
    from distributary_cli.reader_sessions import ReaderSessions


@spread
def follow_log_files(
    queue_url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="DISTRIBUTARY_QUEUE_URL",
            help="Your queue of notifications: your stack's output `NotificationQueueUrl`.",
        ),
    ],
    sign_in: SignIn,
    records: Annotated[bool, typer.Option("--records", help="Print what is in each log file, not its name.")] = False,
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End when the queue is empty.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each log file, on its line.")] = False,
) -> None:
    """Print each new log file, until Ctrl-C. A message is deleted after its log files were printed.

    The queue is asked with your own credentials; `--role-arn` reads the bucket, for `--records`.
    """
    if records and json:
        raise typer.BadParameter("--records prints what is in the log files, --json their names", param_hint="--json")

    from distributary_cli.logs_queues import follow, queue_account, queue_region
    from distributary_cli.reader_errors import Asked, said_plainly
    from distributary_cli.reader_sessions import ReaderSessions, client

    sessions = ReaderSessions(sign_in)
    asked = Asked(sessions, queue_url=queue_url)
    with said_plainly(asked):
        sqs = client(sessions.of_account(queue_account(queue_url)), "sqs", region=queue_region(queue_url))
        show = _show_records(sessions) if records else _show_json if json else _show
        all_shown = follow(
            sqs,
            queue_url,
            lambda notice: _deal_with(notice, show),
            lambda reason: output.warn(f"Error: {reason}"),
            until_empty=until_empty,
            outage=lambda error: output.warn(f"Error: {asked.say(error)}; trying again until Ctrl-C"),
        )
    raise typer.Exit(0 if all_shown else 1)


def _deal_with(notice: Notice, show: Callable[[ObjectCreated], bool]) -> bool:
    """Show a new log file; pass over what announces none, such as S3's test event."""
    if not isinstance(notice, ObjectCreated):
        output.warn(f"{notice.name}: no new log file")
        return True
    return show(notice)


def _show(created: ObjectCreated) -> bool:
    sys.stdout.write(f"s3://{output.visible(created.bucket)}/{output.visible(created.key)}\n")
    sys.stdout.flush()
    return True


def _show_json(created: ObjectCreated) -> bool:
    names = ("bucket", "key", "version_id", "size", "etag", "event_time")
    output.print_json({name: getattr(created, name) for name in names}, indent=None)
    return True


def _show_records(sessions: "ReaderSessions") -> Callable[[ObjectCreated], bool]:
    from botocore.exceptions import BotoCoreError, ClientError

    from distributary_cli.logs_contents import open_object, write_lines
    from distributary_cli.logs_records import UnreadableFileError
    from distributary_cli.reader_codes import passes
    from distributary_cli.reader_errors import Asked
    from distributary_cli.reader_sessions import client

    s3 = client(sessions.reader, "s3")

    def show(created: ObjectCreated) -> bool:
        action = "s3:GetObjectVersion" if created.version_id else "s3:GetObject"
        asked = Asked(sessions, created.bucket, read_action=action)
        try:
            write_lines(open_object(s3, created.bucket, created.key, created.version_id))
        except (ClientError, BotoCoreError) as error:
            if asked.ends_all(error) and not passes(error):
                output.fail(asked.say(error, created.key))
            reason = asked.say(error, created.key)
        except UnreadableFileError as error:
            reason = f"s3://{created.bucket}/{created.key}: {error}"
        else:
            return True
        output.warn(f"Error: {reason}; its message stays in the queue")
        return False

    return show
