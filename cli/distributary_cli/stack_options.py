"""The options that say whose stack, which receivers, and from when until when."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from distributary.windows import TimeError, Window, parse_time
from distributary_cli import options

if TYPE_CHECKING:
    from boto3.session import Session

Since = Annotated[str, typer.Option(metavar="TIME", help="From when on, by the times in the keys, UTC.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Until then; without it, until now.")]


@dataclass(frozen=True, slots=True)
class Where:
    """Account A's stack."""

    stack: options.Stack = options.DEFAULT_STACK
    region: options.Region = None
    profile: options.Profile = None

    def session(self) -> "Session":
        """The session of whoever calls the command."""
        from distributary_cli import tables

        return tables.open_session(self.region, self.profile)


@dataclass(frozen=True, slots=True)
class Receivers:
    """Which subscriptions."""

    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ID", help="Only this receiving account; may be given several times."),
    ] = None
    subscription: Annotated[
        list[str] | None,
        typer.Option("--subscription", metavar="NAME", help="Only this subscription; may be given several times."),
    ] = None


def read_window(since: str, until: str | None) -> Window:
    """The window that the options mean.

    Raises:
        typer.BadParameter: if one of them is no time, or the window ends before it begins.
    """
    now = datetime.now(UTC)
    times = []
    for option, text in (("--since", since), ("--until", until)):
        try:
            times.append(parse_time(text, now) if text is not None else None)
        except TimeError as error:
            raise typer.BadParameter(str(error), param_hint=option) from error
    begin, end = times
    if begin is not None and begin >= (end or now):
        raise typer.BadParameter("the window ends before it begins", param_hint="--since")
    return Window(begin, end)
