"""`make bench`: measure everything, print one table against the marks, fail where a mark is missed."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import growth
from benchmarks.cloud import fake_cloud
from benchmarks.contestants import contestant
from benchmarks.figures import Bench, broken, ceiling, cold, processes, set_up, shares, third_party, warm
from benchmarks.figures.processes import NoS5cmdError
from benchmarks.marks import Figure, judge
from benchmarks.quotas import NoQuotaError
from benchmarks.table import as_json, machine, print_table, today

GROUPS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "ceiling": ceiling.measure,
    "warm": warm.measure,
    "third-party": third_party.measure,
    "shares": shares.measure,
    "processes": processes.measure,
    "cold": cold.measure,
    "set-up": set_up.measure,
    "broken": broken.measure,
}

BUSY_LOAD = 0.7
BUSY = "The machine was busy before this began (load {:.1f}): times suffer by that, ratios less."


def main() -> int:
    """Run the groups that were asked for."""
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("The benchmark needs two cores: one for the fake AWS, one for what is measured.", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, cores[:1])  # contenders inherit it
    start = time.monotonic()
    load = os.getloadavg()[0]

    def say(what: str) -> None:
        print(f"{time.monotonic() - start:4.0f} s  {what}", file=sys.stderr)

    with fake_cloud(cores[1]) as cloud:
        bench = Bench(cloud, options.repeats, say)
        if options.profile:
            return _profile(bench)
        if options.growth:
            return _growth(bench, options.growth)
        figures, skipped = _measure(bench, options.only or list(GROUPS))
    if options.json:
        print(json.dumps(as_json(figures, skipped, load), indent=2, ensure_ascii=False))
    else:
        print_table(figures, Console(width=None if sys.stdout.isatty() else 140))
    missed = [one.sentence for one in judge(figures).values() if not one.is_met]
    busy = [BUSY.format(load)] if load > BUSY_LOAD else []
    for sentence in [*skipped, *missed, *busy]:
        print(sentence, file=sys.stderr)
    return 1 if missed else 0


def _measure(bench: Bench, names: Sequence[str]) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    skipped: list[str] = []
    for name in names:
        try:
            figures += GROUPS[name](bench)
        except (NoQuotaError, NoS5cmdError) as error:
            skipped.append(f"Skipped: {name}: {error}.")
    return figures, skipped


def _profile(bench: Bench) -> int:
    with contestant(bench.cloud, "deliver_to_owner") as function:
        function.run(1000)
        print(function.run(1000, profile=True).profile)
    return 0


def _growth(bench: Bench, result: Path) -> int:
    measured = growth.measure(bench)
    result.write_text(json.dumps({"date": today(), "machine": machine(), **measured}, indent=2) + "\n")
    bench.say(f"written: {result}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=GROUPS, help="a group of figures; may be given several times"
    )
    parser.add_argument("--repeats", type=int, default=5, help="how often what is compared runs in turn")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--profile", action="store_true", help="profile the main thread in a warm batch, and no more")
    parser.add_argument("--growth", type=Path, help="measure growth instead, and write it here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
