"""`distributary logs cat`: what is in log files."""

from functools import partial
from typing import IO, TYPE_CHECKING, Any

import typer

from distributary_cli import output
from distributary_cli.command_options import spread
from distributary_cli.logs_options import Keys, KeysBucket, Layout, Wanted
from distributary_cli.logs_targets import Target, named_bucket, targets
from distributary_cli.sign_in import SignIn

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AHEAD = 8
"""Log files that are asked for before their turn."""


@spread
def print_log_files(
    wanted: Wanted,
    layout: Layout,
    sign_in: SignIn,
    keys: Keys = None,
    bucket: KeysBucket = None,
) -> None:
    """Print log files, in the order of their keys.

    CloudTrail's records are printed as JSON, one to a line; other logs as they are.
    """
    keys, selection = keys or [], wanted.select(layout)
    wanted.refuse_with(keys)
    bucket = named_bucket(keys, bucket)

    from contextlib import closing

    from botocore.exceptions import BotoCoreError, ClientError

    from distributary_cli.logs_contents import write_lines
    from distributary_cli.logs_parallel import ahead
    from distributary_cli.logs_records import UnreadableFileError
    from distributary_cli.reader_errors import Asked, said_plainly
    from distributary_cli.reader_sessions import ReaderSessions, client

    sessions, found, failed = ReaderSessions(sign_in), 0, 0
    asked = Asked(sessions, bucket, bool(wanted.account))
    with said_plainly(asked):
        s3 = client(sessions.reader, "s3", connections=AHEAD + 1)
        opened = ahead(partial(_open, s3, bucket), targets(s3, bucket, keys, selection), AHEAD)
        with closing(opened) as contents:
            for key, content in contents:
                found += 1
                try:
                    if isinstance(content, Exception):
                        raise content
                    write_lines(content)
                except UnreadableFileError as error:
                    failed += 1
                    output.warn(f"Error: {output.visible(key)}: {error}")
                except (ClientError, BotoCoreError) as error:
                    if asked.ends_all(error):
                        output.fail(asked.say(error, key))
                    failed += 1
                    output.warn(f"Error: {output.visible(key)}: {asked.say(error, key)}")
    if not found:
        output.warn("No log file matches.")
    raise typer.Exit(1 if failed else 0)


def _open(s3: "S3Client", bucket: str, target: Target) -> tuple[str, IO[bytes] | Exception]:
    """A log file's content, or why there is none: told in its turn."""
    from botocore.exceptions import BotoCoreError, ClientError

    from distributary_cli.logs_contents import open_object

    opened: Any
    try:
        opened = open_object(s3, bucket, target.key)
    except (ClientError, BotoCoreError) as error:
        opened = error
    return target.key, opened
