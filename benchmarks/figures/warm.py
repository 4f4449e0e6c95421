"""Warm batches of 1,000 files for ten accounts: the function beside the other ways, in turn, on one core."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks.contestants import Contestant, Took, contestant
from benchmarks.figures import Bench, ideal_seconds
from benchmarks.marks import Figure

FILES = {"deliver_to_owner": 1000, "bare": 1000, "boto3_threads": 500, "client_per_account": 500, "tutorial": 5}
"""The others get fewer, to save time: their files per second are the same. At 64 connections 500 files are eight rounds
of copies, and 1,000 are sixteen."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Speed, ratios, and what a file costs in requests and bytes."""
    own = FILES["deliver_to_owner"]
    with ExitStack() as stack:
        running = {name: stack.enter_context(contestant(bench.cloud, name)) for name in FILES}
        bench.cloud.counts()
        bench.say("deliver_to_owner, first batch")
        running["deliver_to_owner"].run(own)
        connections = bench.cloud.counts()["connections"]
        for name in list(FILES)[1:]:
            bench.say(f"{name}, first batch")
            running[name].run(FILES[name])
        bench.cloud.counts()
        rounds = [_round(bench, running, number) for number in range(bench.repeats)]
        counts = _own_counts(bench, running["deliver_to_owner"])
    walls = [took["deliver_to_owner"].wall for took in rounds]
    yield Figure("files-per-second", own / median(walls), "files/s", "1,000 files, 10 accounts, 64 connections, warm")
    yield Figure("of-the-ideal", ideal_seconds(own) / median(walls), "", "of what S3's latency alone allows")
    yield Figure("of-the-ideal-best", ideal_seconds(own) / min(walls), "", "the best of the repeats, not the median")
    possible = median(took["bare"].wall for took in rounds)
    yield Figure("bare-of-the-ideal", ideal_seconds(own) / possible, "", "of a client that only sends")
    for name in list(FILES)[1:]:
        plain = name.replace("_", "-")
        yield Figure(f"against-{plain}", _ratio(rounds, name), "×", f"files/s against {plain}, warm")
    yield Figure("cpu-per-file", median(took["deliver_to_owner"].cpu for took in rounds) / own * 1e6, "µs", "CPU, warm")
    to_s3 = {name: count for name, count in counts["requests"].items() if name.endswith("Object")}
    yield Figure("requests-per-file", sum(to_s3.values()) / own, "", "requests to S3 per file, warm")
    others = sum(counts["requests"].values()) - sum(to_s3.values())
    yield Figure("other-requests", others, "", "to STS and DynamoDB, for a warm batch of 1,000")
    yield Figure("log-bytes", counts["log_bytes"], "bytes", "of log files through the function")
    yield Figure("bytes-per-file", (counts["bytes_in"] + counts["bytes_out"]) / own, "bytes", "HTTP, both ways, warm")
    yield Figure("connections", connections.get("s3", 0), "", "to S3, opened by the first batch of 1,000")
    yield Figure("connections-warm", sum(counts["connections"].values()), "", "opened by a warm batch of 1,000")


def _round(bench: Bench, running: Mapping[str, Contestant], number: int) -> dict[str, Took]:
    bench.say(f"all contenders, warm, {number + 1} of {bench.repeats}")
    return {name: one.run(FILES[name], first=FILES[name] * (number + 1)) for name, one in running.items()}


def _own_counts(bench: Bench, own: Contestant) -> dict[str, Any]:
    bench.cloud.counts()
    own.run(FILES["deliver_to_owner"])
    return bench.cloud.counts()


def _ratio(rounds: Sequence[Mapping[str, Took]], name: str) -> float:
    """The median of what each round gave: its contenders ran within seconds of one another."""
    own = "deliver_to_owner"
    return median((FILES[own] / took[own].wall) / (FILES[name] / took[name].wall) for took in rounds)
