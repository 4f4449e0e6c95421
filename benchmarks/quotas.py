"""Lambda's processor shares by memory size, as a cgroup's quota. Needs Linux and leave to make cgroups (root).

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html (1,769 MB are one vCPU)
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FULL_MEGABYTES = 1769
PERIOD_MICROSECONDS = 100_000
"""The kernel's default: a batch's work that fits into one period's quota runs at full speed."""
VERSION_1 = Path("/sys/fs/cgroup/cpu")
VERSION_2 = Path("/sys/fs/cgroup")


class NoQuotaError(Exception):
    """This machine lets nobody here make cgroups with a quota; the message says why."""


def quota_microseconds(megabytes: int) -> int:
    """The processor time in each period that Lambda gives a function of this size."""
    return PERIOD_MICROSECONDS * min(megabytes, FULL_MEGABYTES) // FULL_MEGABYTES


@contextmanager
def processor_share(megabytes: int, number: int = 0) -> Iterator[Callable[[int], None]]:
    """Yield what puts a process, by its ID, under the share of a function of this size.

    Args:
        megabytes: the function's memory.
        number: tells shares that exist at the same time apart.

    Raises:
        NoQuotaError: where that isn't possible.
    """
    is_first = VERSION_1.is_dir()
    parent = VERSION_1 / _own_group() if is_first else VERSION_2
    group = parent / f"distributary-bench-{os.getpid()}-{megabytes}-{number}"
    try:
        group.mkdir()
    except OSError as error:
        raise NoQuotaError(f"cannot make the cgroup {group}: {error}") from error
    try:
        try:
            _limit(group, quota_microseconds(megabytes), is_first=is_first)
        except OSError as error:
            raise NoQuotaError(f"cannot set a quota in {group}: {error}") from error
        yield lambda pid: _write(group / "cgroup.procs", pid)
    finally:
        group.rmdir()


def _own_group() -> str:
    """Where this process is in the tree of version 1's processor groups: whatever limits or favours it goes on to."""
    lines = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    return next((path.lstrip("/") for _, controllers, path in lines if "cpu" in controllers.split(",")), "")


def _limit(group: Path, quota: int, *, is_first: bool) -> None:
    if is_first:
        _write(group / "cpu.cfs_period_us", PERIOD_MICROSECONDS)
        _write(group / "cpu.cfs_quota_us", quota)
    else:
        _write(group / "cpu.max", f"{quota} {PERIOD_MICROSECONDS}")


def _write(file: Path, value: object) -> None:
    with file.open("w") as opened:
        opened.write(str(value))
