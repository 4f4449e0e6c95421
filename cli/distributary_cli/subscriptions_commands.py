"""`distributary subscriptions …`: the file and the table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributary_cli import options, output
from distributary_cli.findings import fail_for_problems, problems_data, tell
from distributary_cli.plan_output import plan_data, print_plan
from distributary_cli.plans import make_plan
from distributary_cli.problems import SubscriptionFileError

if TYPE_CHECKING:
    from distributary_cli.subscription_files import SubscriptionFile

Offline = Annotated[bool, typer.Option("--offline", help="Don't look at stack, buckets and topics in AWS.")]

app = typer.Typer(
    help="Who receives what: check `subscriptions.yaml`, compare it with the table, apply it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


def read_file(path: Path) -> "SubscriptionFile":
    """Read a subscriptions file; a wrong file ends the command before anything in AWS is read or written."""
    from distributary_cli.subscription_files import likely_mistypings, read_subscriptions

    try:
        source = read_subscriptions(path)
    except SubscriptionFileError as error:
        for problem in error.problems:
            output.warn(problem.describe(path))
        count = len(error.problems)
        output.fail(f"{path} has {count} problem{'s' * (count > 1)}; nothing was read or written in AWS")
    for doubt in likely_mistypings(source.subscriptions):
        output.warn(f"Warning: {doubt}")
    return source


@app.command(
    short_help="Show what `apply` would do.",
    epilog="""Examples:

```console
distributary subscriptions plan
distributary subscriptions plan --file other.yaml --table my-table --region eu-west-1
distributary subscriptions plan --json | jq .changes
```
""",
)
def plan(
    file: options.File = options.DEFAULT_FILE,
    table: options.Table = options.DEFAULT_TABLE,
    region: options.Region = None,
    profile: options.Profile = None,
    json: options.Json = False,
    offline: Offline = False,
    detailed_exitcode: Annotated[
        bool,
        typer.Option("--detailed-exitcode", help="Exit with 2 when there are changes, with 0 when there are none."),
    ] = False,
) -> None:
    """Show what `apply` would add, change and remove. Writes nothing.

    Looks at the stack, and at the buckets, and the topics in Account A, of what is added or changed; exit code 1 if one
    isn't right.
    """
    source = read_file(file)
    from distributary_cli import aws_errors, checks, tables

    with aws_errors.said_plainly(table):
        session = tables.open_session(region, profile)
        planned = make_plan(source.subscriptions, tables.read_table(tables.table_client(session), table))
        findings = () if offline else checks.check(planned.new_or_changed, session, table)
    if json:
        output.print_json({"table": table, **plan_data(planned), "problems": problems_data(findings, source)})
    else:
        print_plan(planned, output.out())
    tell(findings, source)
    fail_for_problems(findings, source)
    raise typer.Exit(2 if detailed_exitcode and not planned.is_empty else 0)


@app.command(
    short_help="Make the table hold what the file says.",
    epilog="""Examples:

```console
distributary subscriptions apply --dry-run
distributary subscriptions apply
distributary subscriptions apply --yes --json > applied.json
```
""",
)
def apply(
    file: options.File = options.DEFAULT_FILE,
    table: options.Table = options.DEFAULT_TABLE,
    region: options.Region = None,
    profile: options.Profile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask. Required where there is no terminal.")] = False,
    json: options.Json = False,
    offline: Offline = False,
) -> None:
    """Make the table hold what the file says: show the plan, ask, write.

    Looks at AWS as `plan` does; if one isn't right, nothing is written.
    Each account's item is written only if nobody has changed it since the plan was made.
    """
    if not (yes or dry_run or output.on_a_terminal()):
        raise typer.BadParameter(
            "there is no terminal to ask on; add --yes, or --dry-run to only look", param_hint="--yes"
        )
    source = read_file(file)
    from distributary_cli import applying, aws_errors, tables

    with aws_errors.said_plainly(table):
        session = tables.open_session(region, profile)
        applying.apply(source, session, table, dry_run=dry_run, ask=not yes, json=json, offline=offline)


@app.command(
    name="list",
    short_help="Show what the table holds.",
    epilog="""Examples:

```console
distributary subscriptions list
distributary subscriptions list --json | jq '.subscriptions[].name'
```
""",
)
def list_subscriptions(
    table: options.Table = options.DEFAULT_TABLE,
    region: options.Region = None,
    profile: options.Profile = None,
    json: options.Json = False,
) -> None:
    """Show what the table holds. Exit code 1 when an item in it is malformed."""
    from distributary_cli import aws_errors, listing, tables

    with aws_errors.said_plainly(table):
        stored = tables.read_table(tables.table_client(tables.open_session(region, profile)), table).values()
    if json:
        output.print_json({"table": table, **listing.list_data(stored)})
    else:
        listing.print_list(stored, output.out())
    for scope in stored:
        if scope.malformed:
            output.warn(scope.malformed)
    raise typer.Exit(1 if any(scope.malformed for scope in stored) else 0)


@app.command(
    short_help="Print the JSON Schema of the file.",
    epilog="""Examples:

```console
distributary subscriptions schema > subscriptions.schema.json
```
""",
)
def schema() -> None:
    """Print the JSON Schema of `subscriptions.yaml`, for editors and other checks."""
    from distributary_cli.schema_problems import schema_text

    typer.echo(schema_text(), nl=False)
