"""The options that say which bucket, how its keys begin, and which log files of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from distributary.keys import KeyLayout
from distributary.patterns import ACCOUNT_ID
from distributary.selections import Selection
from distributary.settings import SettingError, read_layout
from distributary.windows import TimeError, Window, parse_time
from distributary_cli import options

Bucket = Annotated[
    str,
    typer.Option(metavar="NAME", envvar="CENTRAL_BUCKET", help="The bucket: Account A's central one, or your own."),
]
KeysBucket = Annotated[
    str | None,
    typer.Option(
        "--bucket",
        metavar="NAME",
        envvar="CENTRAL_BUCKET",
        help="The bucket: Account A's central one, or your own. `s3://bucket/key` names it too.",
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY",
        help="Keys, or `s3://bucket/key`; `-` reads them from standard input. Without any, the options below select.",
    ),
]
Accounts = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="Only this account's log files; may be repeated.")
]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the bucket's keys begin."""

    key_prefixes: options.KeyPrefixes = ",/"
    organization_id: options.OrganizationId = ""
    prefix_accounts: options.PrefixAccounts = ""

    def read(self) -> KeyLayout:
        """The layout that the options mean.

        Raises:
            typer.BadParameter: if one of them cannot be understood.
        """
        named = {
            "KEY_PREFIXES": self.key_prefixes,
            "ORGANIZATION_ID": self.organization_id,
            "PREFIX_ACCOUNTS": self.prefix_accounts,
        }
        try:
            return read_layout(named)
        except SettingError as error:
            option = "--" + error.variable.lower().replace("_", "-")
            raise typer.BadParameter(str(error).removeprefix(f"{error.variable} "), param_hint=option) from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which log files."""

    account: Accounts = None
    log_type: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="Only this type, such as `CloudTrail`; may be repeated.")
    ] = None
    log_region: Annotated[
        list[str] | None, typer.Option(metavar="REGION", help="Only files about this Region; may be repeated.")
    ] = None
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From this time on (UTC), or from so long ago: `2h`, `3d`.")
    ] = None
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before this time (UTC), likewise.")] = None

    def select(self, layout: Layout) -> Selection:
        """The log files that the options mean.

        Raises:
            typer.BadParameter: if one of them cannot be understood.
        """
        return Selection(
            layout.read(),
            check_accounts(self.account),
            frozenset(self.log_type or ()),
            frozenset(self.log_region or ()),
            self._window(),
        )

    def refuse_with(self, keys: list[str]) -> None:
        """Keys say already which log files are meant.

        Raises:
            typer.BadParameter: if they are not all that says so.
        """
        if keys and (self.account or self.log_type or self.log_region or self.since or self.until):
            raise typer.BadParameter("name keys, or select with options; not both", param_hint="KEY")

    def _window(self) -> Window:
        now = datetime.now(UTC)
        times = []
        for option, text in (("--since", self.since), ("--until", self.until)):
            try:
                times.append(parse_time(text, now) if text else None)
            except TimeError as error:
                raise typer.BadParameter(str(error), param_hint=option) from error
        since, until = times
        if since and until and since >= until:
            raise typer.BadParameter(f"no time is from {since:%F %R} on and before {until:%F %R}", param_hint="--until")
        return Window(since, until)


def check_accounts(account_ids: list[str] | None) -> frozenset[str]:
    """The account IDs, if they are some.

    Raises:
        typer.BadParameter: at the first that isn't twelve digits.
    """
    for account_id in account_ids or ():
        if not ACCOUNT_ID.fullmatch(account_id):
            raise typer.BadParameter(f"{account_id!r} is no account ID: it has twelve digits", param_hint="--account")
    return frozenset(account_ids or ())
