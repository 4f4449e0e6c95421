"""Whole processes, started to ended: this function's and s5cmd's, 1,000 copies each with 64 workers on one core."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.answers import access_key
from benchmarks.cloud import ROOT
from benchmarks.contestants import CONNECTIONS
from benchmarks.figures import Bench
from benchmarks.marks import Figure
from benchmarks.samples import CENTRAL_BUCKET, account, bucket, files

FILES = 1000
S5CMD = ROOT / ".venv" / "bench" / "bin" / "s5cmd"
OWN = [sys.executable, "-m", "benchmarks.worker", "deliver_to_owner", "2"]


class NoS5cmdError(Exception):
    """s5cmd isn't installed: `make bench` does that."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Wall time of both, and their ratio.

    Raises:
        NoS5cmdError: if it isn't installed.
    """
    if not S5CMD.exists():
        raise NoS5cmdError(f"{S5CMD} is missing; `make bench` installs it")
    order = json.dumps({"files": FILES, "accounts": 10}) + "\n"
    copies = "".join(
        f"cp s3://{CENTRAL_BUCKET}/{key} s3://{bucket(owner)}/{key}\n" for owner, key in files(FILES, accounts=1)
    )
    own_environ = bench.cloud.environ(CONNECTIONS)
    # s5cmd has one set of credentials, and so one owner.
    other_environ = own_environ | {"AWS_ACCESS_KEY_ID": access_key(account(0))}
    with tempfile.TemporaryDirectory() as folder:
        commands = Path(folder) / "copies.txt"
        commands.write_text(copies)
        flags = ["--endpoint-url", bench.cloud.endpoint, "--no-verify-ssl", "--numworkers", str(CONNECTIONS)]
        s5cmd = [str(S5CMD), *flags, "run", str(commands)]
        own, other, ratios = [], [], []
        for number in range(bench.repeats):
            bench.say(f"whole processes, {number + 1} of {bench.repeats}")
            own.append(_wall(OWN, own_environ, order))
            bench.cloud.counts()
            other.append(_wall(s5cmd, other_environ))
            ratios.append(own[-1] / other[-1])
    counts = bench.cloud.counts()
    requests = sum(counts["requests"].values()) / FILES
    yield Figure(
        "process", median(own) * 1000, "ms", "1,000 files, 10 accounts, from the interpreter's start to its end"
    )
    yield Figure("process-s5cmd", median(other) * 1000, "ms", "s5cmd run, 1,000 copies, one account, 64 workers")
    yield Figure("s5cmd-requests-per-file", requests, "", "requests to S3 of s5cmd")
    yield Figure("s5cmd-connections", counts["connections"]["s3"], "", "opened by s5cmd")
    yield Figure("against-s5cmd", median(ratios), "×", "wall time against s5cmd's")


def _wall(command: Sequence[str], environ: Mapping[str, str], given: str = "") -> float:
    start = time.perf_counter()
    done = subprocess.run(
        command, env=environ, cwd=ROOT, input=given, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    took = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-500:]}")
    return took
