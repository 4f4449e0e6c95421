"""What goes to standard output and what to standard error, and how text from outside is made safe to show."""

import json
import sys
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

UNLIMITED = 100_000
"""Standard output's width: no cell of a table is cut off or folded, so that what is copied from one is whole."""


def out() -> Console:
    """Standard output. Made anew each time: tests and pipes replace the streams."""
    return Console(file=sys.stdout, width=UNLIMITED, soft_wrap=True, markup=False, highlight=False, emoji=False)


def err() -> Console:
    """Standard error."""
    return Console(file=sys.stderr, soft_wrap=True, markup=False, highlight=False, emoji=False)


def visible(value: object) -> str:
    """Text from outside without anything that a terminal would obey: control characters are shown as escapes."""
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in str(value))


def line(*parts: tuple[str, str] | str) -> Text:
    """A line of texts, each plain or with its style, safe to print."""
    text = Text()
    for part in parts:
        content, style = (part, "") if isinstance(part, str) else part
        text.append(visible(content), style)
    return text


def grid(*columns: str) -> Table:
    """An empty table with those columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def print_json(data: Any, *, indent: int | None = 2) -> None:
    """Print data as JSON, ASCII only, and nothing else; at once, for whoever reads line by line."""
    sys.stdout.write(json.dumps(data, indent=indent) + "\n")
    sys.stdout.flush()


def warn(message: str) -> None:
    """Say something that is no result, line by line."""
    for part in message.splitlines():
        err().print(line(part))


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what went wrong and what to do, and leave."""
    first, *more = message.splitlines()
    err().print(line(("Error: ", "bold red"), first))
    warn("\n".join(more))
    raise typer.Exit(code)


def on_a_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def confirm(question: str) -> bool:
    """Ask on standard error, so that standard output stays the result's. Ctrl-D is a no; Ctrl-C goes through."""
    err().print(line(question, " [y/N] "), end="")
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        err().print()
        return False
