"""What the fake AWS itself can do: were a contender near it, its figure would be the fake's."""

import asyncio
import time
from collections.abc import Iterator

from benchmarks.answers import LATENCY_SECONDS, access_key
from benchmarks.contestants import CONNECTIONS
from benchmarks.figures import Bench
from benchmarks.marks import Figure
from benchmarks.samples import CENTRAL_BUCKET, account, bucket, key

MANY_CONNECTIONS = 400
SECONDS = 1.5


class Client(asyncio.Protocol):
    """Sends the same copy again as soon as it is answered; `send` starts it."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to send."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self) -> None:
        """Send one."""
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - asyncio's signature
        """Send the next one. An answer is small: it arrives in one piece."""
        self.answered += 1
        self.send()

    def close(self) -> None:
        """Send no more."""
        self._transport.close()


def measure(bench: Bench) -> Iterator[Figure]:
    """Requests that the fake answers each second."""
    bench.say("the fake AWS's own ceiling")
    per_second = asyncio.run(_requests_per_second(bench, MANY_CONNECTIONS))
    counts = bench.cloud.counts()
    cpu = counts["cpu"] / sum(counts["requests"].values())
    at_64 = asyncio.run(_requests_per_second(bench, CONNECTIONS))
    possible = CONNECTIONS / LATENCY_SECONDS["CopyObject"]
    yield Figure("fake-ceiling", per_second, "requests/s", f"the fake AWS alone, {MANY_CONNECTIONS} connections")
    yield Figure("fake-cpu", cpu * 1e6, "µs/request", "its own work, TLS included")
    yield Figure("fake-of-the-ideal", at_64 / possible, "", "what a client that does no work gets at 64 connections")


async def _requests_per_second(bench: Bench, connections: int) -> float:
    owner = account(0)
    object_key = key(owner, 0)
    request = (
        f"PUT /{bucket(owner)}/{object_key} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"x-amz-copy-source: {CENTRAL_BUCKET}/{object_key}\r\nContent-Length: 0\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={access_key(owner)}/x\r\n\r\n"
    ).encode()
    loop, trust = asyncio.get_running_loop(), bench.cloud.trust()
    clients = [
        (await loop.create_connection(lambda: Client(request), "127.0.0.1", bench.cloud.port, ssl=trust))[1]
        for _ in range(connections)
    ]
    for client in clients:
        client.send()
    before, start = sum(client.answered for client in clients), time.perf_counter()
    await asyncio.sleep(SECONDS)
    answered, took = sum(client.answered for client in clients) - before, time.perf_counter() - start
    for client in clients:
        client.close()
    return answered / took
