"""First batches in new processes: a hundred accounts at once, and what memory a thousand files for them take."""

import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from benchmarks.cloud import ROOT
from benchmarks.contestants import contestant
from benchmarks.figures import Bench
from benchmarks.marks import Figure

MEGABYTE = 1_000_000
OWN, OTHER = "deliver_to_owner", "client_per_account"


def measure(bench: Bench) -> Iterator[Figure]:
    """The cold batch and the peak of memory."""
    walls: dict[str, list[float]] = {OWN: [], OTHER: []}
    for number in range(min(bench.repeats, 3)):
        for name, taken in walls.items():
            bench.say(f"{name}, cold, 100 files for 100 accounts, {number + 1}")
            with contestant(bench.cloud, name) as started:
                taken.append(started.run(100, accounts=100).wall)
    own, other = median(walls[OWN]), median(walls[OTHER])
    yield Figure(
        "cold-batch", own * 1000, "ms", "100 files for 100 accounts: an environment's first call, after import"
    )
    yield Figure("cold-batch-client-per-account", other * 1000, "ms", "the same with a boto3 client per account")
    yield Figure("cold-batch-ratio", own / other, "×", "cold batch against one client per account")
    bench.say("memory")
    with contestant(bench.cloud, OWN) as started:
        peak = max(started.run(1000, accounts=100).peak, started.run(1000, accounts=100).peak)
    what = "resident at most, 1,000 files, 100 accounts, less an empty interpreter's"
    yield Figure("peak-memory", (peak - _empty_peak()) / MEGABYTE, "MB", what)
    yield Figure("peak-memory-whole", peak / MEGABYTE, "MB", "the same, the interpreter included")


def _empty_peak() -> int:
    """The peak of an interpreter that does nothing, in bytes."""
    lean = "import re; print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    command = [sys.executable, "-c", lean]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout) * 1024
