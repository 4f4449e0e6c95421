"""The fake AWS: one process, pure asyncio, that answers after a constant latency and counts what it was asked.

Started as `python -m benchmarks.fake_aws CERTIFICATE`; it prints its port, serves until its standard input closes, and
tells its counts at `/-/counts`, which sets them to zero.
"""

import asyncio
import json
import os
import selectors
import ssl
import sys
import threading
import time
from collections import Counter
from typing import Any

from benchmarks.answers import LATENCY_SECONDS, answer, body_length, chunks_end, expects_continue, parse

HEAD_END = b"\r\n\r\n"
SERVICES = {"AssumeRole": "sts", "PublishBatch": "sns", "BatchGetItem": "dynamodb", "SendMessageBatch": "sqs"}


class ExactSelector(selectors.EpollSelector):
    """An epoll that wakes in time: Python's rounds every wait up to a millisecond, a twentieth of a copy's latency."""

    def select(self, timeout: float | None = None) -> Any:
        """Wait in whole milliseconds, rounded down; the loop spins through the rest."""
        return super().select(timeout if timeout is None or timeout <= 0 else int(timeout * 1000) / 1000)


class Counts:
    """What was asked since the last reset, and which buckets are to refuse."""

    def __init__(self) -> None:
        self.broken: frozenset[str] = frozenset()
        self.reset()

    def reset(self) -> None:
        """Forget everything counted."""
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.connections: Counter[str] = Counter()
        self.bytes_in = self.bytes_out = self.log_bytes = 0
        self.cpu_before = time.process_time()

    def take(self) -> dict[str, Any]:
        """Everything counted; then start anew."""
        taken = {
            "requests": dict(self.requests),
            "refused": dict(self.refused),
            "connections": dict(self.connections),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "log_bytes": self.log_bytes,
            "cpu": time.process_time() - self.cpu_before,
        }
        self.reset()
        return taken


class Connection(asyncio.Protocol):
    """One client's connection: requests in, answers out, each after its latency."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._buffer = b""
        self._is_new = True
        self._may_continue = False
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: Any) -> None:
        """Keep the way to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read as many requests as are there."""
        self._buffer += data
        while (end := self._buffer.find(HEAD_END)) >= 0:
            head = self._buffer[:end]
            start = end + len(HEAD_END)
            stop = self._body_end(head, start)
            if stop is None or len(self._buffer) < stop:
                return
            self._counts.bytes_in += stop
            body, self._buffer = self._buffer[start:stop], self._buffer[stop:]
            self._may_continue = False
            self._serve(head, body)

    def _body_end(self, head: bytes, start: int) -> int | None:
        if not self._may_continue and expects_continue(head):
            self._may_continue = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = body_length(head)
        if length is not None:
            return start + length
        return chunks_end(self._buffer, start)

    def _serve(self, head: bytes, body: bytes) -> None:
        request = parse(head, body)
        if request.path.startswith("/-/"):
            return self._control(request.path)
        operation, counts = request.operation, self._counts
        status, content = answer(request, counts.broken)
        counts.requests[operation] += 1
        counts.bytes_out += len(content)
        if self._is_new:
            self._is_new = False
            counts.connections[SERVICES.get(operation, "s3")] += 1
        if operation in ("GetObject", "PutObject"):
            counts.log_bytes += len(content if operation == "GetObject" else body)
        if status != 200:
            counts.refused[request.bucket] += 1
        self._loop.call_later(LATENCY_SECONDS[operation], self._write, content)
        return None

    def _write(self, content: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(content)

    def _control(self, path: str) -> None:
        what, *rest = path.removeprefix("/-/").split("/")
        told: dict[str, Any] = {}
        if what == "counts":
            told = self._counts.take()
        elif what == "break":
            self._counts.broken = frozenset(rest) - {""}
        content = json.dumps(told).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))


async def serve(certificate: str) -> None:
    """Serve on a free port until standard input closes."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts), "127.0.0.1", 0, ssl=context, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(over.set)), daemon=True).start()
    await over.wait()
    os._exit(0)  # open connections are nobody's any more


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(ExactSelector())) as runner:
        runner.run(serve(sys.argv[1]))
