"""The fake AWS as the benchmark sees it: started on a core of its own, asked for its counts, told to break a bucket."""

import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from benchmarks.authority import write_certificate
from benchmarks.samples import CENTRAL_ACCOUNT, CENTRAL_BUCKET, REGION, TABLE

ROOT = Path(__file__).parents[1]
OWN_VARIABLES = ("DISTRIBUTARY_", "LD_", "PATH", "HOME", "TMPDIR", "LANG", "LC_")
"""What a contender inherits of the caller's environment. DISTRIBUTARY_ENGINE chooses the engine."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running fake AWS."""

    port: int
    trusted: Path

    @property
    def endpoint(self) -> str:
        """Where all services are."""
        return f"https://127.0.0.1:{self.port}"

    def counts(self) -> dict[str, Any]:
        """What was asked since the last time; see `fake_aws.Counts.take`."""
        return self._ask("counts")

    def break_buckets(self, *buckets: str) -> None:
        """Let these buckets, and no others, refuse every copy with 403 AccessDenied."""
        self._ask("/".join(("break", *buckets)))

    def _ask(self, what: str) -> dict[str, Any]:
        connection = HTTPSConnection("127.0.0.1", self.port, context=self.trust(), timeout=10)
        try:
            connection.request("GET", f"/-/{what}")
            told: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return told

    def trust(self) -> ssl.SSLContext:
        """TLS as a client of this cloud speaks it."""
        return ssl.create_default_context(cafile=str(self.trusted))

    def environ(self, connections: int) -> dict[str, str]:
        """The environment variables of a function in this cloud, as the template sets them."""
        own = {name: value for name, value in os.environ.items() if name.startswith(OWN_VARIABLES)}
        return own | {
            "AWS_ACCESS_KEY_ID": "ASIAFUNCTIONEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "function",
            "AWS_SESSION_TOKEN": "function",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(self.trusted),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": "distributary-deliver-to-owner",
            "CENTRAL_BUCKET": CENTRAL_BUCKET,
            "CENTRAL_ACCOUNT_ID": CENTRAL_ACCOUNT,
            "SUBSCRIPTIONS_TABLE": TABLE,
            "CONCURRENCY": str(connections),
            "QUEUE_URL": f"{self.endpoint}/{CENTRAL_ACCOUNT}/owner",
            "DEAD_LETTER_QUEUE_URL": f"{self.endpoint}/{CENTRAL_ACCOUNT}/owner-dead-letters",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core")]),
        }


@contextmanager
def fake_cloud(core: int | None = None) -> Iterator[Cloud]:
    """Run a fake AWS in a process of its own, on this core if one is given."""
    with tempfile.TemporaryDirectory() as folder:
        trusted, served = write_certificate(Path(folder))
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fake_aws", str(served)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            port = process.stdout.readline()
            if not port:
                raise RuntimeError("the fake AWS didn't start; its error is above")
            yield Cloud(int(port), trusted)
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait(timeout=10)
