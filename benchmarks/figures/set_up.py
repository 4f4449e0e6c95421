"""What an environment spends before its first file: importing the function and building what it needs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from benchmarks.cloud import ROOT
from benchmarks.figures import Bench
from benchmarks.marks import Figure

PROGRAMS = {
    "empty": "pass",
    "own": "import sys; sys.path.insert(0, 'functions/deliver_to_owner'); import app; app.deliverer()",
    "boto3": "import boto3; [boto3.client(name) for name in ('s3', 'sts', 'sns')]",
    "own first file": "from benchmarks import worker as w; from benchmarks.contenders import deliver_to_owner as c;"
    "c.make()(w.sqs_event(1, 1), w.Context())",
    "boto3 first file": "from benchmarks import worker as w; from benchmarks.contenders import boto3_threads as c;"
    "c.make()(w.sqs_event(1, 1), w.Context())",
}


def measure(bench: Bench) -> Iterator[Figure]:
    """CPU over an empty interpreter's, and against boto3 with three clients."""
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(bench.repeats + 1):
        bench.say(f"set-up, {number} of {bench.repeats}")
        for name, program in PROGRAMS.items():
            taken[name].append(_cpu_seconds(bench, program))
    took = {name: median(values[1:]) for name, values in taken.items()}  # the first compiles
    own, boto3 = took["own"] - took["empty"], took["boto3"] - took["empty"]
    yield Figure("set-up-cpu", own * 1000, "ms", "CPU to import the function and build, less an empty interpreter's")
    yield Figure("set-up-cpu-boto3", boto3 * 1000, "ms", "the same for boto3 with s3, sts and sns clients")
    yield Figure("set-up-ratio", own / boto3, "×", "set-up against boto3's")
    for name in ("own", "boto3"):
        cpu = took[f"{name} first file"] - took["empty"]
        what = "CPU up to and with the first file" + (", the same" if name == "own" else " of boto3-threads")
        yield Figure(f"first-file-cpu{'' if name == 'own' else '-boto3'}", cpu * 1000, "ms", what)


def _cpu_seconds(bench: Bench, program: str) -> float:
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=bench.cloud.environ(64), stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"failed: {program}")
    return used.ru_utime + used.ru_stime
