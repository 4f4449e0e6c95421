"""A contender's process: reads one order a line, runs it, answers with what it took.

Started as `python -m benchmarks.worker CONTENDER RESULTS` where RESULTS is a file descriptor to write answers to: the
contender's log goes to standard output. An order is `{"files": 1000, "accounts": 10, "first": 0}`;
`"without": 0` leaves out an account's files, `"rest": 0.2` waits before the clock starts.
"""

import cProfile
import gc
import importlib
import io
import json
import os
import pstats
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.contenders import Handler
from benchmarks.samples import account, sqs_event


class Context:
    """Lambda's context with all the time in the world."""

    aws_request_id = "c6104cbe-af31-11e0-8154-cbc7ccf896c7"

    def get_remaining_time_in_millis(self) -> int:
        """A minute, always."""
        return 60_000


def memory() -> dict[str, int]:
    """This process's resident memory, now and at its peak, in bytes."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    told = {words[0]: int(words[1]) * 1024 for words in lines if words[0] in ("VmRSS:", "VmHWM:")}
    return {"rss": told["VmRSS:"], "peak": told["VmHWM:"]}


def run(handler: Handler, order: dict[str, Any]) -> dict[str, Any]:
    """One call of the handler, timed.

    Raises:
        RuntimeError: if the handler left a file undelivered that it should have delivered.
    """
    event = _event(order)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is this call's, not that of making the event
    if order.get("rest"):
        time.sleep(order["rest"])  # a throttled process gets its share of the processor back
    profile = cProfile.Profile() if order.get("profile") else None
    wall, cpu = time.perf_counter(), time.process_time()
    answer = profile.runcall(handler, event, Context()) if profile else handler(event, Context())
    took: dict[str, Any] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if failures := (answer or {}).get("batchItemFailures"):
        raise RuntimeError(f"{len(failures)} of {order['files']} files were left undelivered")
    if profile:
        took["profile"] = _shown(profile)
    return took | memory()


def _event(order: dict[str, Any]) -> dict[str, Any]:
    """The event, as the runtime would have read it from JSON, each string its own."""
    event = sqs_event(order["files"], order["accounts"], order.get("first", 0))
    if "without" in order:
        absent = account(order["without"])
        event["Records"] = [record for record in event["Records"] if f"AWSLogs/{absent}/" not in record["body"]]
    read: dict[str, Any] = json.loads(json.dumps(event))
    return read


def _shown(profile: cProfile.Profile) -> str:
    text = io.StringIO()
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(30)
    return text.getvalue()


def main() -> None:
    """Serve orders until standard input ends."""
    name, results = sys.argv[1], os.fdopen(int(sys.argv[2]), "w", buffering=1)
    handler: Handler = importlib.import_module(f"benchmarks.contenders.{name}").make()
    print(json.dumps(memory()), file=results)
    for line in sys.stdin:
        print(json.dumps(run(handler, json.loads(line))), file=results)


if __name__ == "__main__":
    main()
