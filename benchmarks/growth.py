"""How time and memory grow with the number of files and of accounts: `make bench GROWTH=1`, some minutes."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from benchmarks.contestants import Contestant, contestant
from benchmarks.figures import Bench, ideal_seconds

BATCH = 1000
FILES = (100, 1_000, 10_000, 100_000)
ACCOUNTS = (1, 10, 100, 1_000, 10_000)
ACCOUNTS_OF_FILES = 100
FILES_OF_ACCOUNTS = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """What so many files of so many accounts took, warm."""

    files: int
    accounts: int
    cpu_microseconds: float
    """Of each file."""
    of_the_ideal: float
    """The share of what S3's latency alone allows."""
    memory: float
    """Resident afterwards, in MB of a million bytes."""


def measure(bench: Bench) -> dict[str, list[dict[str, float]]]:
    """Both series: more files of a hundred accounts in one environment, and ten thousand files of more accounts."""
    return {
        "files": [asdict(point) for point in _by_files(bench)],
        "accounts": [asdict(point) for point in _by_accounts(bench)],
    }


def _by_files(bench: Bench) -> Iterator[Point]:
    with contestant(bench.cloud, "deliver_to_owner") as function:
        function.run(BATCH, ACCOUNTS_OF_FILES)
        for files in FILES:
            bench.say(f"{files:,} files of {ACCOUNTS_OF_FILES} accounts")
            yield _point(function, files, ACCOUNTS_OF_FILES)


def _by_accounts(bench: Bench) -> Iterator[Point]:
    for accounts in ACCOUNTS:
        bench.say(f"{FILES_OF_ACCOUNTS:,} files of {accounts:,} accounts")
        with contestant(bench.cloud, "deliver_to_owner") as function:
            for first in range(0, max(accounts, BATCH), BATCH):
                function.run(BATCH, accounts, first=first)  # every account has its session
            yield _point(function, FILES_OF_ACCOUNTS, accounts)


def _point(function: Contestant, files: int, accounts: int) -> Point:
    """Run so many files in batches; a few batches at least, since one alone says little."""
    size = min(files, BATCH)
    batches = max(files // size, 5)
    took = [function.run(size, accounts, first=number * size) for number in range(batches)]
    return Point(
        files=files,
        accounts=accounts,
        cpu_microseconds=round(sum(one.cpu for one in took) / (batches * size) * 1e6, 1),
        of_the_ideal=round(batches * ideal_seconds(size) / sum(one.wall for one in took), 4),
        memory=round(took[-1].rss / 1e6, 1),
    )
