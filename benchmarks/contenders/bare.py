"""The least that a client can do: copies that nobody signed, answers that nobody reads. What is possible here."""

import asyncio
import os
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from benchmarks.answers import access_key
from benchmarks.contenders import Handler
from benchmarks.contenders.plain import objects


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as one is answered. An answer is small: it arrives in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def start(self, requests: Iterator[bytes]) -> asyncio.Future[None]:
        self._requests, self._done = requests, asyncio.get_running_loop().create_future()
        self._next()
        return self._done

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - asyncio's signature
        self._next()

    def _next(self) -> None:
        if (request := next(self._requests, None)) is None:
            self._done.set_result(None)
        else:
            self._transport.write(request)


def make() -> Handler:
    """The handler; it keeps its connections."""
    loop, connections = asyncio.new_event_loop(), list[_Connection]()

    async def send(requests: Iterator[bytes]) -> None:
        if not connections:
            connections.extend([await _connect() for _ in range(int(os.environ["CONCURRENCY"]))])
        await asyncio.gather(*(one.start(requests) for one in connections))

    def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
        loop.run_until_complete(send(_request(*one) for one in objects(event)))

    return handler


def _request(bucket: str, key: str, account_id: str) -> bytes:
    return (
        f"PUT /logs-of-{account_id}/{key} HTTP/1.1\r\nHost: 127.0.0.1\r\nx-amz-copy-source: {bucket}/{key}\r\n"
        f"Content-Length: 0\r\nAuthorization: AWS4-HMAC-SHA256 Credential={access_key(account_id)}/x\r\n\r\n"
    ).encode()


async def _connect() -> _Connection:
    port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port or 443
    trust = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", port, ssl=trust)
    return connection
