"""From when until when: what `--since` and `--until` say, the day folders that hold it, and a log file's own time."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from distributary.errors import DistributaryError

FIRST_DAY = date(2006, 3, 14)
"""S3's own: no log file is older."""
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DayFolder = tuple[int] | tuple[int, int] | tuple[int, int, int]
"""A whole year, a whole month, or a day."""

_AGO = re.compile(r"([0-9]{1,6})([mhdw])", re.ASCII)
# 20261121T0605Z, with seconds or milliseconds too; Redshift writes 2026-11-21T06:05.
_STAMP = re.compile(
    r"(20[0-9]{2})-?(0[1-9]|1[0-2])-?([0-2][0-9]|3[01])T([01][0-9]|2[0-3]):?([0-5][0-9])(?::?([0-5][0-9])[0-9]*)?"
    r"(?![0-9])",
    re.ASCII,
)


class TimeError(DistributaryError):
    """A text is no time that `--since` and `--until` take."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no time: write 2026-11-21, 2026-11-21T06:00 (both UTC), or how long ago, such as 2h or 3d"
        )


@dataclass(frozen=True, slots=True)
class Window:
    """The times that are wanted: `since` belongs to them, `until` doesn't. None is without limit. UTC."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether every time is wanted."""
        return self.since is None and self.until is None

    def holds(self, time: datetime) -> bool:
        """Whether a time is wanted."""
        return (self.since is None or self.since <= time) and (self.until is None or time < self.until)

    def folders(self, now: datetime, margin: timedelta, *, by_day: bool = False) -> Iterator[DayFolder]:
        """The folders that cover the window: whole years and months where it holds them, days at its ends.

        `by_day`: days only.
        """
        first = FIRST_DAY if self.since is None else _moved(self.since, -margin)
        last = _moved(now if self.until is None else self.until - timedelta(microseconds=1), margin)
        return (_days if by_day else _cover)(max(first, FIRST_DAY), last)


ALWAYS = Window()


def parse_time(text: str, now: datetime) -> datetime:
    """A time in UTC; a day alone is its midnight, a time without an offset is UTC, `2h` is two hours before now.

    Raises:
        TimeError: if it is none of these.
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        time = datetime.fromisoformat(text.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TimeError(text) from error


def file_time(name: str, last_modified: datetime) -> datetime:
    """The time in a log file's name, the last one where it has several; otherwise when S3 stored it."""
    for found in reversed(list(_STAMP.finditer(name))):
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        if 1 <= day <= calendar.monthrange(year, month)[1]:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return last_modified


def _moved(time: datetime, by: timedelta) -> date:
    """The day, moved; at either end of the calendar it stays where it is."""
    try:
        return (time + by).date()
    except OverflowError:
        return time.date()


def _days(first: date, last: date) -> Iterator[DayFolder]:
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        yield (day.year, day.month, day.day)


def _cover(first: date, last: date) -> Iterator[DayFolder]:
    """Years, months and days from the first day to the last one, both included, with as few folders as can be."""
    day = first
    while day <= last:
        month_ends = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        if (day.month, day.day) == (1, 1) and day.replace(month=12, day=31) <= last:
            yield (day.year,)
            end = day.replace(month=12, day=31)
        elif day.day == 1 and month_ends <= last:
            yield (day.year, day.month)
            end = month_ends
        else:
            yield (day.year, day.month, day.day)
            end = day
        if end == date.max:
            return
        day = end + timedelta(days=1)
