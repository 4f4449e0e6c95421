"""The container engine that `sam local` uses, and the way from its containers to a server of this machine.

On Linux a container reaches this machine by the address of the engine's bridge only, and the local AWS listens on the
loopback address only: whoever reaches it is root there. So the bridge's address is served for as long as an invocation
takes. Where the engine runs in a virtual machine (Docker Desktop), that machine passes on what is sent to the host.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import cast

from distributary_local.emulator import LOOPBACK
from distributary_local.tools import ROOT

HOST_NAME = "local-aws"
"""This machine's name in the containers, by `--add-host local-aws:host-gateway`; without dots, for S3's sake."""
_ASK = """
from samcli.local.docker.container_client_factory import ContainerClientFactory
for config in ContainerClientFactory.create_client().networks.get("bridge").attrs["IPAM"]["Config"]:
    print(config.get("Gateway", ""))
"""


class EngineError(Exception):
    """There is no container engine; the message says what to do."""


def bridge_address() -> str:
    """The address that containers know this machine by, as the engine that sam would choose says.

    Raises:
        EngineError: if no engine answers.
    """
    asked = subprocess.run(
        [ROOT / ".venv" / "sam" / "bin" / "python", "-c", _ASK], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise EngineError(
            "sam local needs a container engine, and none answers: install or start Docker until `docker info` works,"
            " then try again. make demo and make test do without."
        )
    return asked.stdout.split()[0] if asked.stdout.split() else ""


@contextmanager
def reachable(host: str, port: int, address: str) -> Iterator[str]:
    """Let containers reach a server of this machine for a while.

    Args:
        host: where it listens.
        port: likewise.
        address: of the engine's bridge.

    Yields:
        The server's URL, as containers know it.
    """
    if host != LOOPBACK:  # chosen by whoever started it
        yield f"http://{host}:{port}"
        return
    try:
        relay = _Relay((address, 0), port)
    except OSError:  # no address of this machine: the engine's virtual machine passes on to the loopback address
        yield f"http://{HOST_NAME}:{port}"
        return
    with relay:
        Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://{HOST_NAME}:{relay.server_address[1]}"
        finally:
            relay.shutdown()


class _Relay(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # a container that has ended need not say so
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], port: int) -> None:
        super().__init__(address, _Connection)
        self.port = port


class _Connection(BaseRequestHandler):
    def handle(self) -> None:
        with socket.create_connection((LOOPBACK, cast(_Relay, self.server).port)) as server:
            answers = Thread(target=_pass_on, args=(server, self.request), daemon=True)
            answers.start()
            _pass_on(self.request, server)
            answers.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # one side is gone: the other is told below
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
