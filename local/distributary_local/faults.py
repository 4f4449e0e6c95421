"""AWS's faults between a function and the local AWS: errors, lost answers, resets, slowness.

microburst is the proxy; it lives in an environment of its own, `.venv/faults`. Its rules are described on
https://pypi.org/project/microburst/0.10.0/. A rule here is its plain form; a copy is a PutObject to it, with a header.
"""

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from distributary_local.emulator import Emulator, free_port

Rule = dict[str, Any]
COPY_OBJECT: Rule = {"service": "s3", "operation": "PutObject", "headers": {"x-amz-copy-source": ""}}
_LOCAL = Path(__file__).resolve().parents[1]
_INTERPRETER = _LOCAL.parent / ".venv" / "faults" / "bin" / "python"
_START_DEADLINE = 60.0  # seconds; two are enough on an idle machine


class FaultProxyError(Exception):
    """The proxy could not be started, or refused a rule; the message says why."""


@dataclass(frozen=True, slots=True)
class FaultProxy:
    """A running proxy: what calls AWS through `endpoint_url` meets the faults that are injected."""

    endpoint_url: str
    log: Path

    def inject(self, *rules: Rule) -> None:
        """Inject these faults from now on, and no others; without any, everything passes."""
        self._ask("POST", "/rules", json.dumps(rules))

    def fired(self) -> list[int]:
        """How often each of the present faults was injected, in their order."""
        return [rule["fired_count"] for rule in json.loads(self._ask("GET", "/rules"))]

    def sessions(self) -> list[str]:
        """The access key IDs of all role sessions that have called S3, in their order."""
        lines = (line.split() for line in self.log.read_text().splitlines())
        return [words[1] for words in lines if len(words) == 2 and words[0] == "session"]

    def _ask(self, method: str, path: str, body: str | None = None) -> str:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint_url).netloc, timeout=10)
        try:
            connection.request(method, f"/_microburst{path}", body)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise FaultProxyError(f"{method} {path}: {answer.status} {text}")
        return text


@contextmanager
def running(emulator: Emulator) -> Iterator[FaultProxy]:
    """Start a proxy before an emulator, and stop it at the end."""
    if not _INTERPRETER.exists():
        raise FaultProxyError(f"There is no {_INTERPRETER}: run make setup.")
    port, log = free_port(), emulator.directory / "faults.log"
    command = [str(_INTERPRETER), "-P", "-m", "distributary_local.fault_proxy"]
    command += ["--upstream", emulator.endpoint_url, "--host", "127.0.0.1", "--port", str(port), "--no-resign"]
    environment = {"PYTHONPATH": str(_LOCAL), "PATH": os.defpath, "HOME": str(emulator.directory), "LANG": "C.UTF-8"}
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        proxy = FaultProxy(f"http://127.0.0.1:{port}", log)
        _wait_until_it_answers(proxy, process)
        yield proxy
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(proxy: FaultProxy, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            proxy._ask("GET", "/health")
            return
        time.sleep(0.05)
    raise FaultProxyError(f"The proxy didn't start.\n{proxy.log.read_text()[-2000:]}")
