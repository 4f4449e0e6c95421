"""The options that several commands share; each names the environment variable that means the same."""

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="The subscriptions file.")]
Table = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        envvar="SUBSCRIPTIONS_TABLE",
        help="The subscriptions table: the stack's output `SubscriptionsTableName`.",
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        metavar="REGION", envvar="AWS_REGION", help="The table's Region; without it, your AWS configuration's."
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(metavar="NAME", envvar="AWS_PROFILE", help="The AWS profile to use; without it, the default one."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
KeyPrefixes = Annotated[
    str,
    typer.Option(
        metavar="PREFIXES",
        envvar="KEY_PREFIXES",
        help="What stands before `AWSLogs/` in the keys, with commas between: the stack's parameter `KeyPrefixes`.",
    ),
]
OrganizationId = Annotated[
    str,
    typer.Option(metavar="ID", envvar="ORGANIZATION_ID", help="The organisation's ID, such as `o-exampleorg1`."),
]
PrefixAccounts = Annotated[
    str,
    typer.Option(
        metavar="PAIRS",
        envvar="PREFIX_ACCOUNTS",
        help="Owners of keys that name none, such as `cdn/=222222222222`, with commas between.",
    ),
]

Stack = Annotated[
    str,
    typer.Option(
        metavar="NAME", envvar="DISTRIBUTARY_STACK", help="Account A's stack, whose outputs say what is where."
    ),
]

DEFAULT_FILE = Path("subscriptions.yaml")
DEFAULT_TABLE = "distributary-subscriptions"
DEFAULT_STACK = "distributary"
