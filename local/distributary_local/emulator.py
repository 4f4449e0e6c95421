"""The local AWS as a process of its own: start it, wait until it answers, stop it and its functions.

ministack pins its own botocore, so it lives in an environment of its own, `.venv/emulator`; `make setup` makes it.
"""

import dataclasses
import functools
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

REGION = "us-east-1"
LOOPBACK = "127.0.0.1"
_START_DEADLINE = 60.0  # seconds; a second is enough on an idle machine
_STOP_DEADLINE = 10.0
_LOCAL = Path(__file__).resolve().parents[1]
_INTERPRETER = _LOCAL.parent / ".venv" / "emulator" / "bin" / "python"
_SECRET = "local"  # noqa: S105  # ministack doesn't look at the secret of a root user
_MODULE = "distributary_local.gaps"


class EmulatorError(Exception):
    """The local AWS could not be started or stopped; the message says what to do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Emulator:
    """A running local AWS."""

    pid: int
    host: str
    port: int
    directory: Path

    @property
    def endpoint_url(self) -> str:
        """The URL of all its services."""
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        """End the process and its Lambda workers, at once if it doesn't end by itself; do nothing if it is gone."""
        if _is_ours(self.pid, self.directory):
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + _STOP_DEADLINE
            while _is_ours(self.pid, self.directory) and time.monotonic() < deadline:
                time.sleep(0.05)
            _end_group(self.pid)
        _pid_file(self.directory).unlink(missing_ok=True)

    def session(self, account_id: str) -> boto3.Session:
        """Return a boto3 session of the account's root user; root bypasses most policies, so never test with it."""
        return session_of(account_id, _SECRET)

    def client(self, service: str, account_id: str, **options: Any) -> Any:
        """Return a client of the account's root user; `options` go to boto3."""
        return self.client_of(self.session(account_id), service, **options)

    def client_of(self, session: boto3.Session, service: str, **options: Any) -> Any:
        """Return a client with a session's credentials that talks to this emulator."""
        options.setdefault("config", Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))
        return session.client(service, endpoint_url=self.endpoint_url, **options)  # type: ignore[call-overload]

    def expire_session(self, access_key_id: str) -> None:
        """End the life of a role session now, as its expiration would."""
        if _request(self.endpoint_url, "POST", f"/_local/expire-session?access_key_id={access_key_id}") != 200:
            raise EmulatorError(f"No session has the access key {access_key_id}.")


def start(
    port: int,
    directory: Path,
    *,
    organizations: Mapping[str, Sequence[str]] = {},
    without_gaps: Collection[str] = (),
    host: str = LOOPBACK,
    delay_scale: float = 1,
) -> Emulator:
    """Start the local AWS, detached from this process, and return when it answers.

    `directory` keeps its log, its data and its process ID. `organizations` maps organisation IDs to account IDs.
    `without_gaps` leaves some of ministack's gaps open, for the tests that show they are there. `delay_scale` shortens
    the DelaySeconds of messages.
    """
    if not _INTERPRETER.exists():
        raise EmulatorError(f"There is no {_INTERPRETER}: run make setup.")
    _refuse_busy_port(host, port)
    directory = directory.resolve()
    for name in ("state", "s3", "tmp"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    command = [str(_INTERPRETER), "-P", "-m", _MODULE, str(directory)]
    command += [argument for name in sorted(without_gaps) for argument in ("--without", name)]
    log = str(directory / "emulator.log")
    pid = os.posix_spawn(
        command[0],
        command,
        _environment(host, port, directory, organizations) | {"LOCAL_DELAY_SCALE": str(delay_scale)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    emulator = Emulator(pid, host, port, directory)
    _pid_file(directory).write_text(f"{pid} {host} {port}\n")
    try:
        _wait_until_healthy(emulator)
    except BaseException:
        _end_group(pid)
        _pid_file(directory).unlink()
        raise
    return emulator


@contextmanager
def running(port: int, directory: Path, **options: Any) -> Iterator[Emulator]:
    """Start an emulator, see `start`, and stop it at the end."""
    emulator = start(port, directory, **options)
    try:
        yield emulator
    finally:
        emulator.stop()


def attach(directory: Path) -> Emulator | None:
    """Return the emulator that was started with this directory and still runs, whoever started it; else None."""
    directory = directory.resolve()
    try:
        pid, host, port = _pid_file(directory).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return Emulator(int(pid), host, int(port), directory) if _is_ours(int(pid), directory) else None


def session_of(access_key_id: str, secret_access_key: str, session_token: str | None = None) -> boto3.Session:
    """Return a session with these credentials, without reading AWS's service descriptions again for each."""
    shared = botocore.session.Session()
    shared.register_component("data_loader", _data_loader())
    return boto3.Session(access_key_id, secret_access_key, session_token, REGION, botocore_session=shared)


@functools.cache
def _data_loader() -> Any:
    return botocore.session.Session().get_component("data_loader")


def free_port(host: str = LOOPBACK) -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(host: str, port: int, directory: Path, organizations: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return everything the emulator's environment holds: nothing is inherited, least of all AWS credentials."""
    return {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "BIND_HOST": host,
        "GATEWAY_PORT": str(port),
        "HOME": str(directory),
        "IOT_MTLS_ENABLED": "0",
        "LANG": "C.UTF-8",
        "LOCAL_FUNCTION_PYTHON": _function_python(directory),
        "LOCAL_ORGANIZATIONS": json.dumps({name: list(accounts) for name, accounts in organizations.items()}),
        "MINISTACK_REGION": REGION,
        "PATH": os.defpath,
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": str(_LOCAL),
        "PYTHONUNBUFFERED": "1",
        "S3_DATA_DIR": str(directory / "s3"),
        "SFN_WAIT_SCALE": "0.1",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(directory / "state"),
        "TMPDIR": str(directory / "tmp"),
    }


def _function_python(directory: Path) -> str:
    """Return an interpreter without any packages, for the functions to run on; make it the first time."""
    home = directory / "runtime" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    interpreter = home / "bin" / "python"
    if not interpreter.exists():
        venv.EnvBuilder(symlinks=True, with_pip=False, clear=True).create(home)
    return str(interpreter)


def _refuse_busy_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise EmulatorError(
                f"Port {port} on {host} is taken or forbidden. Name another one: LOCAL_PORT={port + 1} make up"
            ) from error


def _wait_until_healthy(emulator: Emulator) -> None:
    deadline = time.monotonic() + _START_DEADLINE
    while time.monotonic() < deadline:
        if os.waitpid(emulator.pid, os.WNOHANG) != (0, 0):
            raise EmulatorError(f"The local AWS ended while starting.\n{_log_tail(emulator.directory)}")
        with suppress(OSError):
            if _request(emulator.endpoint_url, "GET", "/_ministack/health") == 200:
                return
        time.sleep(0.05)
    raise EmulatorError(f"The local AWS didn't answer in {_START_DEADLINE:.0f} s.\n{_log_tail(emulator.directory)}")


def _request(endpoint_url: str, method: str, path: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(endpoint_url).netloc, timeout=5)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    finally:
        connection.close()


def _log_tail(directory: Path) -> str:
    lines = (directory / "emulator.log").read_text(errors="replace").splitlines()
    return "\n".join(lines[-20:])


def _pid_file(directory: Path) -> Path:
    return directory / "emulator.pid"


def _is_ours(pid: int, directory: Path) -> bool:
    """Say whether this process is the emulator of this directory: process IDs are used again."""
    command = _command_line(pid)
    return _MODULE in command and str(directory) in command


def _command_line(pid: int) -> list[str]:
    """Return the arguments of a process; nothing if it is gone or has ended and waits to be reaped."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        except OSError:
            return []
    found = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.split()


def _end_group(pid: int) -> None:
    """End what is left of the emulator's process group: functions that were running, or itself."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ChildProcessError):  # somebody else started it
        os.waitpid(pid, 0)
