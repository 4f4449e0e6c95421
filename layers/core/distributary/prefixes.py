"""Which prefixes of a bucket hold the wanted log files: as few as can be, and no other account's. Pure.

    <key prefix>AWSLogs/[<organisation ID>/]<account ID>/<log type>/[<kind>/]<Region>/[<name>/]<year>/<month>/<day>/
    <key prefix>AWSLogs/aws-account-id=<account ID>/aws-service=<log type>/aws-region=<Region>/year=…/month=…/day=…/

What the selection names is spelled out; what it leaves open is found by listing folders. docs/keys.md has the layouts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from distributary.keys import MAPPED, ROOT
from distributary.selections import Selection
from distributary.windows import DayFolder

REGION_FIRST = frozenset(
    {"CloudTrail", "CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated"}
    | {"Config", "vpcflowlogs", "elasticloadbalancing", "GuardDuty", "redshift", "BedrockModelInvocationLogs"}
)
"""Log types with the Region's folder right behind their own, and the year's right behind that."""
MAX_DEPTH = 4
"""Folders below the log type among which a Region or a year is looked for."""
HIVE = "aws-account-id="

_ACCOUNT = re.compile(r"(aws-account-id=)?([0-9]{12})", re.ASCII)
_REGION = re.compile(r"(?:aws-region=)?([a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2})", re.ASCII)
_YEAR = re.compile(r"(?:year=)?20[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A prefix to list: flat or, where only some of its folders hold what is wanted, `folders_first`."""

    prefix: str
    folders_first: bool = False
    log_type: str | None = None
    in_region: bool = False
    depth: int = 0
    """Folders below the account's; -1 where the accounts' own folders are."""
    here_only: bool = False
    """Without its folders: only what lies beside them."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Finds the places of a selection. `now` ends a window that has no other end."""

    selection: Selection
    now: datetime
    by_day: bool = False
    """Whether every day is a place of its own, in the years that there are."""

    def start(self) -> list[Place]:
        """Where to begin, in the order of the keys."""
        layout = self.selection.layout
        organizations = ["", f"{layout.organization_id}/"] if layout.organization_id else [""]
        places = [place for before in set(layout.key_prefixes) for place in self._of(before, organizations)]
        return _in_order([*self._mapped(), *places])

    def inside(self, place: Place, folder: str) -> list[Place]:
        """What to list of a folder that was found at a place; nothing if none of it is wanted."""
        if place.here_only:
            return []
        prefix = f"{place.prefix}{folder}/"
        if place.depth < 0:
            return self._in_root(prefix, folder)
        if place.log_type is None:
            return _in_order(self._type(prefix, folder.removeprefix("aws-service="), place))
        if region := _REGION.fullmatch(folder):
            wanted = not self.selection.regions or region[1] in self.selection.regions
            return self._region(replace(place, prefix=prefix, depth=place.depth + 1)) if wanted else []
        if _YEAR.fullmatch(folder):
            return self._year(place, prefix)
        deeper = place.depth < MAX_DEPTH
        return [replace(place, prefix=prefix, folders_first=deeper, depth=place.depth + 1)]

    def _mapped(self) -> Iterator[Place]:
        """Keys behind a mapped prefix say no more than their account."""
        wanted = self.selection
        if not wanted.regions and (not wanted.log_types or MAPPED in wanted.log_types):
            for prefix, account_id in wanted.layout.prefix_accounts.items():
                if not wanted.account_ids or account_id in wanted.account_ids:
                    yield Place(prefix)

    def _of(self, before: str, organizations: list[str]) -> Iterator[Place]:
        if not self.selection.account_ids:
            yield Place(f"{before}{ROOT}", folders_first=True, depth=-1)
            return
        for account_id in self.selection.account_ids:
            for organization in organizations:
                yield from self._account(f"{before}{ROOT}{organization}{account_id}/")
            yield from self._account(f"{before}{ROOT}{HIVE}{account_id}/")

    def _in_root(self, prefix: str, folder: str) -> list[Place]:
        if folder == self.selection.layout.organization_id:
            return [Place(prefix, folders_first=True, depth=-1)]
        return _in_order(self._account(prefix)) if _ACCOUNT.fullmatch(folder) else []

    def _account(self, prefix: str) -> Iterator[Place]:
        wanted = self.selection
        if not wanted.log_types:
            yield Place(prefix, folders_first=bool(wanted.regions) or not wanted.window.is_open)
            return
        for log_type in wanted.log_types:
            yield from self._type(f"{prefix}{log_type}/", log_type, Place(prefix))
            if HIVE in prefix:
                yield from self._type(f"{prefix}aws-service={log_type}/", log_type, Place(prefix))

    def _type(self, prefix: str, log_type: str, place: Place) -> Iterator[Place]:
        wanted = self.selection
        if wanted.log_types and log_type not in wanted.log_types:
            return
        found = replace(place, prefix=prefix, log_type=log_type, depth=1)
        if not wanted.regions and wanted.window.is_open:
            yield replace(found, folders_first=False)
        elif wanted.regions and (log_type in REGION_FIRST or "aws-service=" in prefix):
            name = "aws-region=" if "aws-service=" in prefix else ""
            for region in wanted.regions:
                yield from self._region(replace(found, prefix=f"{prefix}{name}{region}/", depth=2))
        else:
            yield replace(found, folders_first=True)

    def _region(self, place: Place) -> list[Place]:
        place = replace(place, in_region=True)
        if self.selection.window.is_open:
            return [replace(place, folders_first=False)]
        if not self.by_day and (place.log_type in REGION_FIRST or "aws-service=" in place.prefix):
            return self._days(place, hive="aws-service=" in place.prefix)
        return [replace(place, folders_first=place.depth < MAX_DEPTH)]

    def _year(self, place: Place, prefix: str) -> list[Place]:
        if self.selection.regions and not place.in_region:
            return []
        if self.selection.window.is_open:
            return [Place(prefix)]
        hive = prefix.removeprefix(place.prefix).startswith("year=")
        return [days for days in self._days(place, hive=hive) if days.prefix.startswith(prefix)]

    def _days(self, place: Place, *, hive: bool) -> list[Place]:
        """The window's folders right in a place.

        CloudTrail files its log files under the time in their names; other services under a time that may differ.
        """
        exact = (place.log_type or "").startswith("CloudTrail")
        margin = timedelta() if exact else timedelta(days=1)
        folders = self.selection.window.folders(self.now, margin, by_day=self.by_day)
        paths = {path for folder in folders for path in _paths(folder, place.log_type, hive=hive)}
        return _in_order(Place(f"{place.prefix}{path}") for path in paths)


def _paths(folder: DayFolder, log_type: str | None, *, hive: bool) -> Iterator[str]:
    """How services write a date: Hive-compatible or plain, and Config without leading zeros."""
    if hive:
        yield "".join(f"{name}={number:02}/" for name, number in zip(("year", "month", "day"), folder, strict=False))
        return
    if log_type != "Config":
        yield "".join(f"{number:02}/" for number in folder)
    if log_type not in REGION_FIRST - {"Config"}:
        yield "".join(f"{number}/" for number in folder)


def _in_order(places: "Iterator[Place] | list[Place]") -> list[Place]:
    return sorted(places, key=lambda place: place.prefix)
