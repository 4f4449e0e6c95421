"""Reads HTTP/1.1 answers from a stream of bytes. No I/O of its own.

Source: https://www.rfc-editor.org/rfc/rfc9112
"""

from collections.abc import Generator, Mapping
from typing import NamedTuple

MAX_HEAD_BYTES = 65_536
MAX_BODY_BYTES = 32 * 1024**2
"""Twice the longest answer that is asked for here: BatchGetItem's 16 MB."""


class Answer(NamedTuple):
    """An HTTP answer; the headers by their lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Reading = Generator[None, bytes, tuple[Answer, bool]]
"""Sent the bytes as they come, it ends with an answer, and whether the stream may bring another."""


class AnswerReader:
    """Reads one answer after the other."""

    def __init__(self) -> None:
        self._received = b""
        self._reading: Reading | None = None

    def feed(self, received: bytes) -> tuple[Answer, bool] | None:
        """Take what has come; no bytes are the stream's end.

        Returns:
            The answer, if it is whole now, and whether the stream may bring another.

        Raises:
            EOFError: where the stream ends before the answer does.
            ValueError: where the bytes are not an HTTP answer.
        """
        self._received += received
        try:
            if self._reading is None:
                if not received:
                    raise EOFError("the connection was closed")
                self._reading = self._read()
                next(self._reading)
            else:
                self._reading.send(received)
        except StopIteration as end:
            self._reading = None
            answer, may_go_on = end.value
            return answer, may_go_on and not self._received  # nobody asked for more
        return None

    def _read(self) -> Reading:
        while True:
            version, status, headers = _parse_head((yield from self._until(b"\r\n\r\n")))
            if status // 100 != 1:  # such as 100 Continue: the answer proper follows
                break
        body, has_end = yield from self._body(status, headers)
        hangs_up = version != "HTTP/1.1" or headers.get("connection", "").lower() == "close"
        return Answer(status, headers, body), has_end and not hangs_up

    def _body(self, status: int, headers: Mapping[str, str]) -> Generator[None, bytes, tuple[bytes, bool]]:
        """The body, and whether it said itself where it ends."""
        if status in (204, 304):
            return b"", True
        if "transfer-encoding" in headers:
            return (yield from self._chunks(headers["transfer-encoding"])), True
        if "content-length" in headers:
            return (yield from self._take(int(headers["content-length"]))), True
        while (yield):
            if len(self._received) > MAX_BODY_BYTES:
                raise ValueError(f"a body of more than {MAX_BODY_BYTES} bytes")
        body, self._received = self._received, b""
        return body, False

    def _chunks(self, encoding: str) -> Generator[None, bytes, bytes]:
        """A body in pieces; the trailers that may follow are passed over."""
        if encoding.lower() != "chunked":
            raise ValueError(f"transfer-encoding {encoding!r}")
        chunks = []
        while size := int((yield from self._until(b"\r\n")).partition(b";")[0], 16):
            chunks.append((yield from self._take(size)))
            if (yield from self._take(2)) != b"\r\n":
                raise ValueError("a chunk is longer than it says")
        while (yield from self._until(b"\r\n")):
            pass
        return b"".join(chunks)

    def _until(self, end: bytes) -> Generator[None, bytes, bytes]:
        while (length := self._received.find(end)) < 0:
            if len(self._received) > MAX_HEAD_BYTES:
                raise ValueError(f"{MAX_HEAD_BYTES} bytes without an end of line or headers")
            _must_go_on((yield))
        found, self._received = self._received[:length], self._received[length + len(end) :]
        return found

    def _take(self, size: int) -> Generator[None, bytes, bytes]:
        if not 0 <= size <= MAX_BODY_BYTES:
            raise ValueError(f"a body of {size} bytes")
        while len(self._received) < size:
            _must_go_on((yield))
        taken, self._received = self._received[:size], self._received[size:]
        return taken


def _must_go_on(received: bytes) -> None:
    if not received:
        raise EOFError("the connection was closed in the middle of an answer")


def _parse_head(head: bytes) -> tuple[str, int, dict[str, str]]:
    """Version, status and headers."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise ValueError(f"it begins with {first[:80]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return version, int(rest[:3]), headers
