"""fan_out: each file copied to a third party and announced on its topic, in warm batches of 1,000."""

from collections.abc import Iterator
from statistics import median

from benchmarks.contestants import contestant
from benchmarks.figures import Bench, ideal_seconds
from benchmarks.marks import Figure

FILES = 1000


def measure(bench: Bench) -> Iterator[Figure]:
    """Speed, and what a file costs in CPU and requests."""
    with contestant(bench.cloud, "fan_out") as function:
        bench.say("fan_out, first batch")
        function.run(FILES)
        bench.cloud.counts()
        took = []
        for number in range(bench.repeats):
            bench.say(f"fan_out, warm, {number + 1} of {bench.repeats}")
            took.append(function.run(FILES, first=FILES * (number + 1)))
        requests = bench.cloud.counts()["requests"]
    wall = median(one.wall for one in took)
    yield Figure("fan-out", FILES / wall, "files/s", "copied and announced, 1,000 files, one third party, warm")
    yield Figure("fan-out-of-the-ideal", ideal_seconds(FILES) / wall, "", "of what the copies' latency alone allows")
    yield Figure("fan-out-cpu-per-file", median(one.cpu for one in took) / FILES * 1e6, "µs", "CPU, warm")
    done = FILES * bench.repeats
    yield Figure("fan-out-copies-per-file", requests["CopyObject"] / done, "", "requests to S3 per file, warm")
    yield Figure("fan-out-publishes-per-file", requests["PublishBatch"] / done, "", "requests to SNS per file, warm")
