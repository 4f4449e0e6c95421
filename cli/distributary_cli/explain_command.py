"""`distributary explain`: what would happen to a log file, and why."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from distributary.keys import KeyLayout
from distributary.settings import SettingError, read_layout
from distributary.subscriptions import Subscription
from distributary_cli import options, output
from distributary_cli.explanations import DELIVER, Explanation, ReadScope, explain, key_of
from distributary_cli.subscriptions_commands import read_file

STYLES = {DELIVER: "green", "refused": "red", "failed": "red", "unroutable": "yellow"}


def explain_keys(
    keys: Annotated[
        list[str],
        typer.Argument(metavar="KEY", help="Keys, or `s3://bucket/key`; `-` reads them from standard input."),
    ],
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="Ask this subscriptions file and not the table; needs no AWS."
        ),
    ] = None,
    table: options.Table = options.DEFAULT_TABLE,
    region: options.Region = None,
    profile: options.Profile = None,
    key_prefixes: options.KeyPrefixes = ",/",
    organization_id: options.OrganizationId = "",
    prefix_accounts: options.PrefixAccounts = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each key, each on its line.")] = False,
) -> None:
    """Say what would happen to log files of these keys, and why. Delivers nothing."""
    layout = _layout(key_prefixes, organization_id, prefix_accounts)
    if file is not None:
        explained = _explain_all(keys, layout, _from_file(file), json=json)
    else:
        explained = _explain_from_table(keys, layout, table, region, profile, json=json)
    raise typer.Exit(0 if explained else 1)


def _explain_from_table(
    keys: list[str], layout: KeyLayout, table: str, region: str | None, profile: str | None, *, json: bool
) -> bool:
    from distributary.subscription_table import SubscriptionTable
    from distributary_cli import aws_errors, tables

    with aws_errors.said_plainly(table):
        reader = SubscriptionTable(tables.table_client(tables.open_session(region, profile)), table)

        return _explain_all(keys, layout, lambda scope: reader.read([scope])[scope], json=json)


def _from_file(path: Path) -> ReadScope:
    by_scope: dict[str, tuple[Subscription, ...]] = {}
    for subscription in read_file(path).subscriptions:
        by_scope[subscription.scope] = (*by_scope.get(subscription.scope, ()), subscription)
    return lambda scope: by_scope.get(scope, ())


def _explain_all(keys: Iterable[str], layout: KeyLayout, read_scope: ReadScope, *, json: bool) -> bool:
    """Print each key's explanation; whether all could be explained."""
    explained = True
    console = output.out()
    for key in _each(keys):
        explanation = explain(key, layout, read_scope)
        explained &= explanation.is_whole
        if json:
            output.print_json(explanation.to_json(), indent=None)
        else:
            print_explanation(explanation, console)
    return explained


def _each(keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if key == "-":
            yield from (key_of(text.rstrip("\r\n")) for text in sys.stdin if text.strip())
        else:
            yield key_of(key)


def _layout(key_prefixes: str, organization_id: str, prefix_accounts: str) -> KeyLayout:
    try:
        return read_layout(
            {"KEY_PREFIXES": key_prefixes, "ORGANIZATION_ID": organization_id, "PREFIX_ACCOUNTS": prefix_accounts}
        )
    except SettingError as error:
        option = "--" + error.variable.lower().replace("_", "-")
        raise typer.BadParameter(str(error).removeprefix(f"{error.variable} "), param_hint=option) from error


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Key, outcome and reason, whose file it is, and where it goes or why not."""
    console.print(output.line((explanation.key, "bold")))
    style = STYLES.get(explanation.outcome, "")
    console.print(output.line("  ", (explanation.outcome, style), f": {explanation.reason}"))
    known = (("account", explanation.account_id), ("log type", explanation.log_type), ("Region", explanation.region))
    facts = ", ".join(f"{name} {value}" for name, value in known if value)
    if facts:
        console.print(output.line(f"  {facts}"))
    for due in explanation.route.deliveries:
        one = due.subscription
        details = (*((one.copy_to.region,) if one.copy_to else ()), *((one.notify.format,) if one.notify else ()))
        for destination, detail in zip(due.destinations, details, strict=True):
            console.print(output.line(f"  → {one.name}: {destination} ({detail})"))
    if explanation.route.deliveries:
        for one, why in explanation.route.declined:
            console.print(output.line(f"  - {one.name} declines: {why}"))
