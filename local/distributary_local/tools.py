"""Runs sam and the `distributary` command against the local AWS."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from distributary_local.emulator import REGION, Emulator

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv" / "bin"
"""Where `make setup` puts them."""
ARCHITECTURE = "arm64" if os.uname().machine in ("arm64", "aarch64") else "x86_64"
"""This machine's, in Lambda's words."""


class DeploymentError(Exception):
    """A step of the deployment failed; the message holds what the tool printed."""


def credentials(account_id: str) -> dict[str, str]:
    """The local AWS takes a twelve-digit access key ID as the root of that account, with any secret."""
    return {"AWS_ACCESS_KEY_ID": account_id, "AWS_SECRET_ACCESS_KEY": "local"}


@contextmanager
def one_build_at_a_time() -> Iterator[None]:
    """Two local stacks may start at once, and share sam's build cache."""
    (ROOT / ".local").mkdir(exist_ok=True)
    with (ROOT / ".local" / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sam_build(build: Path) -> None:
    """Build template.yaml into a folder, from the cache what hasn't changed.

    Raises:
        DeploymentError: with sam's output, if it fails.
    """
    with one_build_at_a_time():
        run(None, "", "sam", "build", "--build-dir", build, "--cache-dir", ROOT / ".local" / "cache")


def run(
    emulator: Emulator | None, account_id: str, *command: object, extra: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """Run a tool as the root of an account, with nothing of the caller's AWS settings in its environment.

    Raises:
        DeploymentError: with the tool's output, if it fails.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**environment(emulator, account_id), **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = _tail(f"{done.stdout}\n{done.stderr}")
        raise DeploymentError(f"{command[0]} {command[1]} failed with exit code {done.returncode}:\n{said}")
    return done


def environment(emulator: Emulator | None, account_id: str) -> dict[str, str]:
    """What a tool runs in: the root of an account of the local AWS, or nobody; never the caller's account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    local = {**credentials(account_id), "AWS_ENDPOINT_URL": emulator.endpoint_url} if emulator else {}
    return kept | {
        **local,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": os.pathsep.join([str(TOOLS), os.environ.get("PATH", os.defpath)]),
        "PYTHON": sys.executable,
        "SAM_CLI_TELEMETRY": "0",
    }


def _tail(text: str, lines: int = 40) -> str:
    kept: Sequence[str] = text.strip().splitlines()[-lines:]
    return "\n".join(kept)
