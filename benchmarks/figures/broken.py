"""One of fifty owners' buckets refuses everything: what that costs the other forty-nine."""

from collections.abc import Iterator
from statistics import median

from benchmarks.contestants import contestant
from benchmarks.figures import Bench
from benchmarks.marks import Figure
from benchmarks.samples import account, bucket

FILES, ACCOUNTS = 1000, 50
OTHERS = FILES - FILES // ACCOUNTS


def measure(bench: Bench) -> Iterator[Figure]:
    """Throughput of the others with and without the broken one, and how often that one is asked."""
    refusing = bucket(account(0))
    without: list[float] = []
    beside: list[float] = []
    asked: list[int] = []
    with contestant(bench.cloud, "deliver_to_owner") as function:
        function.run(FILES, ACCOUNTS)
        for number in range(bench.repeats + 1):
            bench.say(f"one broken owner of fifty, {number} of {bench.repeats}")
            bench.cloud.break_buckets()
            without.append(OTHERS / function.run(FILES, ACCOUNTS, without=0).wall)
            bench.cloud.break_buckets(refusing)
            bench.cloud.counts()
            beside.append(OTHERS / function.run(FILES, ACCOUNTS).wall)
            asked.append(bench.cloud.counts()["refused"].get(refusing, 0))
        bench.cloud.break_buckets()
    loss = median(1 - one / other for one, other in zip(beside[1:], without[1:], strict=True))
    yield Figure("beside-broken", median(beside[1:]), "files/s", "of 49 owners, while a fiftieth refuses everything")
    yield Figure("broken-owner-loss", loss, "", "of their throughput, against a batch without the fiftieth")
    yield Figure("broken-owner-first", asked[0], "requests", "to the broken one, in the batch that finds out")
    yield Figure(
        "broken-owner-requests", median(asked[1:]), "requests", "to the broken one, in each later batch of 1,000"
    )
