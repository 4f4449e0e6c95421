"""`distributary logs ls`: which log files a bucket holds."""

import sys
from typing import Annotated

import typer

from distributary_cli import output
from distributary_cli.command_options import spread
from distributary_cli.logs_options import Bucket, Layout, Wanted
from distributary_cli.sign_in import SignIn


@spread
def list_log_files(
    bucket: Bucket,
    wanted: Wanted,
    layout: Layout,
    sign_in: SignIn,
    long: Annotated[bool, typer.Option("--long", "-l", help="Print time, size and facts beside each key.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each key, each on its line.")] = False,
) -> None:
    """List log files, in the order of their keys. Asks for no other prefixes than these need."""
    selection = wanted.select(layout)

    from distributary_cli.logs_listing import ListedFile, list_files
    from distributary_cli.reader_errors import Asked, said_plainly
    from distributary_cli.reader_sessions import ReaderSessions, client

    def describe(file: ListedFile) -> str:
        facts = (file.log_file.account_id, file.log_file.log_type, file.log_file.region or "-")
        return f"{file.last_modified:%Y-%m-%dT%H:%M:%SZ} {file.size:>12} {' '.join(facts)} {file.key}"

    sessions, found = ReaderSessions(sign_in), 0
    with said_plainly(Asked(sessions, bucket, bool(wanted.account))):
        for file in list_files(client(sessions.reader, "s3"), bucket, selection):
            found += 1
            if json:
                output.print_json(file.to_json(), indent=None)
            else:
                sys.stdout.write(output.visible(describe(file) if long else file.key) + "\n")
    if not found:
        output.warn("No log file matches.")
