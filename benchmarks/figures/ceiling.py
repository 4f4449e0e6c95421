"""What the fake AWS itself can do: were a contender near it, its figure would be the fake's."""

from collections.abc import Iterator

from benchmarks.contestants import contestant
from benchmarks.figures import Bench
from benchmarks.marks import Figure

CONNECTIONS = 400
FILES = 10_000


def measure(bench: Bench) -> Iterator[Figure]:
    """Requests that the fake answers each second, to a client that does nothing else."""
    bench.say("the fake AWS's own ceiling")
    with contestant(bench.cloud, "bare", CONNECTIONS) as bare:
        bare.run(CONNECTIONS)
        bench.cloud.counts()
        took = bare.run(FILES)
        counts = bench.cloud.counts()
    yield Figure("fake-ceiling", FILES / took.wall, "requests/s", f"the fake AWS alone, {CONNECTIONS} connections")
    yield Figure("fake-cpu", counts["cpu"] / FILES * 1e6, "µs/request", "its own work, TLS included")
