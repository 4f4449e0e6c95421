"""A contender's process, seen from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from benchmarks.cloud import ROOT, Cloud

CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Took:
    """What one call of a handler took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, of all threads."""
    rss: int
    """Bytes resident afterwards."""
    peak: int
    """Bytes resident at most so far."""
    profile: str = ""


@dataclass(slots=True)
class Contestant:
    """A running contender."""

    name: str
    pid: int
    orders: IO[str]
    answers: IO[str]

    def run(self, files: int, accounts: int = 10, **more: Any) -> Took:
        """Let it handle one event; see `worker` for what else there is to say.

        Raises:
            RuntimeError: if it broke; its error is on standard error.
        """
        print(json.dumps({"files": files, "accounts": accounts, **more}), file=self.orders, flush=True)
        return Took(**self.answer())

    def answer(self) -> dict[str, Any]:
        """The next answer; the first one says that it is ready."""
        if line := self.answers.readline():
            answer: dict[str, Any] = json.loads(line)
            return answer
        raise RuntimeError(f"the contender {self.name} broke; its error is above")


@contextmanager
def contestant(cloud: Cloud, name: str, connections: int = CONNECTIONS) -> Iterator[Contestant]:
    """Start a contender, ready to handle its first event.

    Args:
        cloud: where its requests go.
        name: a module of `contenders`.
        connections: how many requests it has under way at once.
    """
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker", name, str(writing)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=[writing],
        env=cloud.environ(connections),
        cwd=ROOT,
        text=True,
    )
    os.close(writing)
    assert process.stdin is not None
    with os.fdopen(reading) as answers:
        started = Contestant(name, process.pid, process.stdin, answers)
        try:
            started.answer()
            yield started
        finally:
            process.stdin.close()
            process.wait(timeout=60)
