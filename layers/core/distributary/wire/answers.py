"""Reads HTTP/1.1 answers from a stream of bytes. No I/O of its own.

Source: https://www.rfc-editor.org/rfc/rfc9112
"""

import re
from collections.abc import Generator, Mapping
from typing import NamedTuple

_FIRST_LINE = re.compile(r"(HTTP/1\.[0-9]) ([1-5][0-9]{2})(?: |$)", re.ASCII)
_DIGITS = re.compile("[0-9A-Fa-f]+")
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
        hangs_up = version != "HTTP/1.1" or "close" in headers.get("connection", "").lower()
        return Answer(status, headers, body), has_end and not hangs_up

    def _body(self, status: int, headers: Mapping[str, str]) -> Generator[None, bytes, tuple[bytes, bool]]:
        """The body, and whether it said itself where it ends."""
        if status in (204, 304):
            return b"", True
        if "transfer-encoding" in headers:
            return (yield from self._chunks(headers["transfer-encoding"])), True
        if "content-length" in headers:
            return (yield from self._take(_number(headers["content-length"], 10))), True
        while (yield):
            if len(self._received) > MAX_BODY_BYTES:
                raise ValueError(f"a body of more than {MAX_BODY_BYTES} bytes")
        body, self._received = self._received, b""
        return body, False

    def _chunks(self, encoding: str) -> Generator[None, bytes, bytes]:
        """A body in pieces; the trailers that may follow are passed over."""
        if encoding.lower() != "chunked":
            raise ValueError(f"transfer-encoding {encoding!r}")
        chunks, length = [], 0
        while size := _number((yield from self._until(b"\r\n")).partition(b";")[0].decode("latin-1"), 16):
            length += size
            chunks.append((yield from self._take(size, length)))
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

    def _take(self, size: int, in_all: int = 0) -> Generator[None, bytes, bytes]:
        if max(size, in_all) > MAX_BODY_BYTES:
            raise ValueError(f"a body of more than {MAX_BODY_BYTES} bytes")
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
    if (told := _FIRST_LINE.match(first)) is None:
        raise ValueError(f"it begins with {first[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        if name == "content-length" and headers.get(name, value) != value:
            raise ValueError("it has two lengths")
        headers[name] = value
    return told[1], int(told[2]), headers


def _number(text: str, base: int) -> int:
    """A length as HTTP writes it: digits alone, where Python's `int` takes signs and underscores as well."""
    if not _DIGITS.fullmatch(text.strip()):
        raise ValueError(f"a length of {text[:80]!r}")
    return int(text, base)
