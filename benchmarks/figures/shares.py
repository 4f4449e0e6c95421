"""The same at Lambda's smaller sizes: a quota of processor time, batches of 100 as the template's, and the price."""

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from benchmarks.contestants import contestant
from benchmarks.figures import Bench, ideal_seconds
from benchmarks.marks import Figure
from benchmarks.prices import dollars_per_million, gb_seconds_per_million
from benchmarks.quotas import FULL_MEGABYTES, processor_share

FILES = 100
WARMING = 200
LASTING = {"deliver_to_owner": 1000, "boto3_threads": 250}
"""Files of a batch whose work is longer than one period's quota."""
SIZES = (256, 512, FULL_MEGABYTES)
REST_SECONDS = 0.25
"""Longer than the quota's period: each batch starts with a full share, as after Lambda's wait for messages."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Speed, ratio and price of each size.

    Raises:
        NoQuotaError: if this machine has no processor shares to give.
    """
    for megabytes in SIZES:
        yield from _measure(bench, megabytes)


def _measure(bench: Bench, megabytes: int) -> Iterator[Figure]:
    bench.say(f"a share of {megabytes} MB")
    with ExitStack() as stack:
        # A share for each: one that rests must not give the other its time.
        running = {}
        for number, name in enumerate(LASTING):
            share = stack.enter_context(processor_share(megabytes, number)) if megabytes < FULL_MEGABYTES else None
            running[name] = stack.enter_context(contestant(bench.cloud, name))
            running[name].run(WARMING)
            if share:
                share(running[name].pid)
        rounds = [
            {name: one.run(FILES, first=FILES * number, rest=REST_SECONDS).wall for name, one in running.items()}
            for number in range(bench.repeats)
        ]
        lasting = {
            name: LASTING[name] / one.run(LASTING[name], rest=REST_SECONDS).wall for name, one in running.items()
        }
    wall = median(took["deliver_to_owner"] for took in rounds)
    ratio = median(took["boto3_threads"] / took["deliver_to_owner"] for took in rounds)
    at = f"100 files, {megabytes} MB"
    yield Figure(f"files-per-second-{megabytes}", FILES / wall, "files/s", f"{at}, warm, rested")
    yield Figure(f"of-the-ideal-{megabytes}", ideal_seconds(FILES) / wall, "", f"of what S3's latency allows, {at}")
    yield Figure(f"against-boto3-threads-{megabytes}", ratio, "×", f"files/s against boto3-threads, {at}")
    own, other = lasting["deliver_to_owner"], lasting["boto3_threads"]
    yield Figure(f"lasting-{megabytes}", own, "files/s", f"1,000 files at once, {megabytes} MB: no rest helps")
    yield Figure(f"lasting-against-boto3-threads-{megabytes}", own / other, "×", "the same against boto3-threads")
    gb_seconds = gb_seconds_per_million(wall, FILES, megabytes)
    yield Figure(f"gb-seconds-{megabytes}", gb_seconds, "GB-s", f"for a million files, {at}")
    dollars = dollars_per_million(wall, FILES, megabytes)
    yield Figure(f"dollars-{megabytes}", dollars, "$", f"Lambda's price of a million files, {at}")
