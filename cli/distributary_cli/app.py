"""The `distributary` command: what it consists of, and how it ends."""

import os
import sys
from importlib.metadata import version as installed_version
from io import TextIOWrapper
from typing import Annotated

import typer

from distributary_cli import (
    backfill_command,
    cost_command,
    dead_letters_commands,
    explain_command,
    logs_commands,
    reconcile_commands,
    subscriptions_commands,
    whoami_command,
)

app = typer.Typer(
    name="distributary",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.add_typer(subscriptions_commands.app, name="subscriptions", short_help="Who receives what: file and table.")
app.add_typer(
    dead_letters_commands.app, name="dead-letters", short_help="What could not be delivered: list, redrive, drop."
)
app.add_typer(logs_commands.app, name="logs", short_help="Read log files: list, fetch, print, follow.")
app.command(
    name="reconcile",
    short_help="What receivers lack; and putting it right.",
    epilog="""Examples:

```console
distributary reconcile
distributary reconcile --account 222222222222 --since 2026-11-01 --until 2026-11-08 --repair
distributary reconcile --json | jq '.subscriptions[] | select(.missing > 0) | .missing_keys'
```
""",
)(reconcile_commands.reconcile)
app.command(
    name="backfill",
    short_help="Deliver what arrived before its subscription.",
    epilog="""Examples:

```console
distributary backfill --account 222222222222 --since 2026-01-01 --dry-run
distributary backfill --account 222222222222 --since 2026-01-01 --rate 50
distributary backfill --since 2020-01-01 --rate 500 --distributed --wait
```
""",
)(backfill_command.backfill)
app.command(
    name="explain",
    short_help="What would happen to a log file, and why.",
    no_args_is_help=True,
    epilog="""Examples:

```console
distributary explain s3://central-bucket/AWSLogs/222222222222/Config/ConfigWritabilityCheckFile
distributary explain --file subscriptions.yaml "$KEY" "$ANOTHER_KEY"
distributary explain --json - < keys.txt
```
""",
)(explain_command.explain_keys)
app.command(
    name="whoami",
    short_help="Who you are to AWS, and what you may read.",
    epilog="""Examples:

```console
distributary whoami
distributary whoami --bucket central-bucket --role-arn arn:aws:iam::111111111111:role/distributary-reader-222222222222
```
""",
)(whoami_command.show_caller)
app.command(
    name="cost",
    short_help="What a month costs, with your numbers.",
    epilog="""Examples:

```console
distributary cost --files 30000000 --accounts 400 --deliver both --kms bucket-keys
distributary cost --files 5000000 --busy-percent 10 --third-parties 1 --file-kb 8 --keep-months 12
distributary cost --price s3-copy=0.0054 --price event=0 --json | jq .usd
```
""",
)(cost_command.say_cost)


def print_version(asked: bool) -> None:
    """Print the version and leave, where `--version` is given."""
    if asked:
        typer.echo(f"distributary {installed_version('distributary')}")
        raise typer.Exit


@app.callback()
def distributary(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Hand the log files in a central bucket to the AWS accounts they belong to."""


def main() -> None:
    """Run the command. Ctrl-C ends it with 130; a reader that goes away (`| head`) ends it quietly."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # keys may hold any character
    try:
        app(prog_name="distributary")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        _flush()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
