"""What `logs get` says: while it runs, and at its end."""

import errno
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from distributary_cli import output
from distributary_cli.logs_downloads import COMPLETE, FETCHED, WOULD_FETCH
from distributary_cli.logs_folders import Folder
from distributary_cli.logs_targets import Target

FAILED, STOPPED = "failed", "stopped"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""Errors that no other file escapes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went with one log file."""

    target: Target
    status: str
    reason: str = ""
    ends_all: bool = False
    """Whether every other log file would fail likewise."""


@dataclass(slots=True)
class Report:
    """Counts the outcomes; keeps the failures only."""

    bucket: str
    folder: Folder
    dry_run: bool
    lines: bool = False
    """Whether each log file gets a line as soon as it is known."""
    ended: str = ""
    """Why the command ended before its last log file, if it did."""
    counts: dict[str, int] = field(default_factory=dict)
    size: int = 0
    """Bytes of what was, or would be, fetched."""
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and say it. What ends all, and what is stopped with it, is no log file's own failure."""
        if outcome.ends_all:
            self.ended = self.ended or outcome.reason
        if outcome.ends_all or outcome.status == STOPPED:
            return
        self.counts[outcome.status] = self.counts.get(outcome.status, 0) + 1
        key = outcome.target.key
        if outcome.status == FAILED:
            self.failed.append(outcome)
            return
        if outcome.status != COMPLETE:
            self.size += outcome.target.size or (0 if self.dry_run else self.folder.path(key).stat().st_size)
        if self.lines:
            sys.stdout.write(f"{outcome.status:<11} {output.visible(self.folder.shown(key))}\n")

    def print(self, *, json: bool) -> None:
        """The summary, and each failure."""
        status = WOULD_FETCH if self.dry_run else FETCHED
        done, complete = self.counts.get(status, 0), self.counts.get(COMPLETE, 0)
        if json:
            output.print_json(self._data(status.replace(" ", "_"), done, complete))
        else:
            said = f"{done} {status} ({self.size:,} bytes), {complete} there already, {len(self.failed)} failed"
            sys.stdout.write(f"{said}: s3://{self.bucket} to {output.visible(self.folder.root)}\n")
        for outcome in self.failed:
            output.warn(f"Error: {output.visible(outcome.target.key)}: {outcome.reason}")

    def _data(self, status: str, done: int, complete: int) -> dict[str, Any]:
        return {
            "bucket": self.bucket,
            "to": str(self.folder.root),
            status: done,
            "bytes": self.size,
            "complete": complete,
            "failed": [{"key": outcome.target.key, "reason": outcome.reason} for outcome in self.failed],
        }


class Bar:
    """The progress of a whole command, if there is a terminal to draw it on."""

    def __init__(self, drawn: Progress | None) -> None:
        self._drawn = drawn
        self._task: TaskID | None = drawn.add_task("", total=0, found=0, done=0) if drawn else None
        self._found = self._done = self._size = 0

    @property
    def shown(self) -> bool:
        """Whether it is drawn."""
        return self._drawn is not None

    def found(self, targets: Iterable[Target]) -> Iterator[Target]:
        """The same log files, each counted as it comes."""
        for target in targets:
            self._found += 1
            self._size += target.size or 0
            self._draw(found=self._found, total=self._size)
            yield target

    def ended(self) -> None:
        """One more log file is done with."""
        self._done += 1
        self._draw(done=self._done)

    def arrived(self, size: int) -> None:
        """So many more bytes are here."""
        self._draw(advance=size)

    def _draw(self, **changes: Any) -> None:
        if self._drawn and self._task is not None:
            self._drawn.update(self._task, **changes)


@contextmanager
def reported(report: Report, *, json: bool) -> Iterator[Bar]:
    """A bar while the block runs, or lines; then the report, however the block ends."""
    try:
        with progress(shown=not (json or report.dry_run)) as bar:
            report.lines = not (json or bar.shown)
            yield bar
    finally:
        report.print(json=json)


@contextmanager
def progress(*, shown: bool) -> Iterator[Bar]:
    """A bar on standard error while the block runs, if that is a terminal."""
    if not (shown and sys.stderr.isatty()):
        yield Bar(None)
        return
    columns = (
        TextColumn("{task.fields[done]} of {task.fields[found]} files"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as drawn:
        yield Bar(drawn)
