"""The fake AWS: one process that answers after a constant latency and counts what it was asked.

Started as `python -m benchmarks.fake_aws CERTIFICATE`; it prints its port, serves until its standard input closes, and
tells its counts at `/-/counts`, which sets them to zero. It is a bare loop around epoll: asyncio does two thirds of the
requests, and waits in whole milliseconds, of which a copy's latency has only twenty.
"""

import heapq
import json
import select
import socket
import ssl
import sys
import time
from collections import Counter
from typing import Any

from benchmarks.answers import LATENCY_SECONDS, answer, body_length, chunks_end, expects_continue, parse

HEAD_END = b"\r\n\r\n"
SERVICES = {"AssumeRole": "sts", "PublishBatch": "sns", "BatchGetItem": "dynamodb", "SendMessageBatch": "sqs"}
AGAIN = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
RECEIVE_BYTES = 65_536


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


class Connection:
    """One client's connection: takes in requests, names the answers and when they are due."""

    def __init__(self, connected: ssl.SSLSocket, counts: Counts) -> None:
        self.socket = connected
        self._counts = counts
        self._buffer = b""
        self._is_new = True
        self._has_shaken_hands = False
        self._was_told_to_continue = False

    def receive(self) -> list[tuple[float, bytes]]:
        """What came in since the last time: for each whole request its latency and its answer.

        Raises:
            OSError: if the client has gone.
        """
        answers: list[tuple[float, bytes]] = []
        try:
            if not self._has_shaken_hands:
                self.socket.do_handshake()
                self._has_shaken_hands = True
            while True:
                received = self.socket.recv(RECEIVE_BYTES)
                if not received:
                    raise ConnectionResetError
                self._buffer += received
                answers += self._take_requests()
                if not self.socket.pending() and not self._buffer:
                    return answers
        except AGAIN:
            return answers

    def _take_requests(self) -> list[tuple[float, bytes]]:
        answers = []
        while (end := self._buffer.find(HEAD_END)) >= 0:
            head = self._buffer[:end]
            if not self._was_told_to_continue and expects_continue(head):
                self._was_told_to_continue = True
                answers.append((0.0, b"HTTP/1.1 100 Continue\r\n\r\n"))
            start, length = end + len(HEAD_END), body_length(head)
            stop = chunks_end(self._buffer, start) if length is None else start + length
            if stop is None or len(self._buffer) < stop:
                return answers
            self._counts.bytes_in += stop
            body, self._buffer = self._buffer[start:stop], self._buffer[stop:]
            self._was_told_to_continue = False
            answers.append(self._answer(head, body))
        return answers

    def _answer(self, head: bytes, body: bytes) -> tuple[float, bytes]:
        request = parse(head, body)
        if request.path.startswith("/-/"):
            return 0.0, self._control(request.path)
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
        return LATENCY_SECONDS[operation], content

    def _control(self, path: str) -> bytes:
        what, *rest = path.removeprefix("/-/").split("/")
        told: dict[str, Any] = {}
        if what == "counts":
            told = self._counts.take()
        elif what == "break":
            self._counts.broken = frozenset(rest) - {""}
        content = json.dumps(told).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content)


class Server:
    """Accepts, reads, and writes each answer when it is due."""

    def __init__(self, certificate: str) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._counts = Counts()
        self._connections: dict[int, Connection] = {}
        self._due: list[tuple[float, int, Connection, bytes]] = []
        self._number = 0
        self._epoll = select.epoll()
        for opened in (self._listener.fileno(), sys.stdin.fileno()):
            self._epoll.register(opened, select.EPOLLIN)

    def serve(self) -> None:
        """Serve until standard input closes."""
        while True:
            # epoll itself waits in whole milliseconds, select in microseconds.
            select.select([self._epoll], [], [], self._timeout())
            ready = self._epoll.poll(0)
            arrived = time.monotonic()  # latency counts from here, not from a request's turn
            for number, _ in ready:
                self._write_due()
                if number == self._listener.fileno():
                    self._accept()
                elif number == sys.stdin.fileno():
                    return
                else:
                    self._read(number, arrived)
            self._write_due()

    def _timeout(self) -> float | None:
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _accept(self) -> None:
        accepted, _ = self._listener.accept()
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wrapped = self._context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        self._connections[wrapped.fileno()] = Connection(wrapped, self._counts)
        self._epoll.register(wrapped.fileno(), select.EPOLLIN)

    def _read(self, number: int, arrived: float) -> None:
        connection = self._connections[number]
        try:
            for latency, content in connection.receive():
                self._write_at(arrived + latency, connection, content)
        except OSError:  # the client has gone, as it may
            self._epoll.unregister(number)
            del self._connections[number]
            connection.socket.close()

    def _write_at(self, due: float, connection: Connection, content: bytes) -> None:
        self._number += 1  # the order of what is due at the same time
        heapq.heappush(self._due, (due, self._number, connection, content))

    def _write_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            due, _, connection, content = heapq.heappop(self._due)
            try:
                sent = connection.socket.send(content)
            except AGAIN:
                sent = 0
            except OSError:  # the client has gone: nobody waits for it
                continue
            if sent < len(content):
                self._write_at(due + 0.001, connection, content[sent:])


if __name__ == "__main__":
    server = Server(sys.argv[1])
    print(server.port, flush=True)
    server.serve()
