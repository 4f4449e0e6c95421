"""What is in a log file, line by line: CloudTrail's records one to a line, other logs as they are.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

import gzip
import io
import json
import re
import secrets
import zlib
from collections.abc import Iterator
from typing import IO, Any, cast

from distributary.errors import DistributaryError

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
MAX_LINE_BYTES = 1 << 28
"""Of one line, or of one JSON document: 256 MiB. CloudTrail's files unpack to some 50 at most."""

_RECORDS = re.compile(rb'\s*\{\s*"Records"\s*:')
_KEPT = secrets.token_hex(16)  # no log file can hold what nobody knew when it was written
_KEPT_NUMBER = re.compile(f'"{_KEPT}([^"]*)"')


class UnreadableFileError(DistributaryError):
    """A log file's content is damaged, or is no text."""


def lines(content: IO[bytes]) -> Iterator[bytes]:
    """The lines of a log file, gzip or plain, without their ends; empty ones are left out.

    A JSON document with `Records` becomes one line for each of them; any other that takes several lines becomes one.
    Their numbers stay as they are written.

    Raises:
        UnreadableFileError: where the content is damaged, after the lines before that.
    """
    raw = io.BufferedReader(cast("io.RawIOBase", content))  # all that it asks is readinto
    start = raw.peek(4)[:4]
    if start == PARQUET:
        raise UnreadableFileError("it is a Parquet file, which has no lines: fetch it with `distributary logs get`")
    text = cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if start.startswith(GZIP) else raw)
    try:
        yield from _lines(text)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFileError(f"its gzip data is damaged ({error})") from error


def _lines(text: IO[bytes]) -> Iterator[bytes]:
    first = _read_line(text)
    if first.lstrip()[:1] in (b"{", b"[") and _parse(first) is None:
        whole = first + text.read(MAX_LINE_BYTES)
        if text.read(1):
            raise UnreadableFileError(f"it is one JSON document of more than {MAX_LINE_BYTES:,} bytes, or damaged")
        document = _parse(whole)
        _refuse_damaged(whole, document)
        yield from _records(document) if document is not None else filter(bytes.strip, whole.splitlines())
        return
    line = first
    while line:
        document = _parse(line) if b'"Records"' in line else None
        _refuse_damaged(line, document)
        if isinstance(document, dict) and isinstance(document.get("Records"), list):
            yield from _records(document)
        elif line.strip():
            yield line.rstrip(b"\r\n")
        line = _read_line(text)


def _read_line(text: IO[bytes]) -> bytes:
    line = text.readline(MAX_LINE_BYTES + 1)
    if len(line) > MAX_LINE_BYTES:
        raise UnreadableFileError(f"it has a line of more than {MAX_LINE_BYTES:,} bytes")
    return line


def _refuse_damaged(text: bytes, document: Any) -> None:
    if document is None and _RECORDS.match(text):
        raise UnreadableFileError("its JSON is damaged")


def _records(document: Any) -> Iterator[bytes]:
    records = document.get("Records") if isinstance(document, dict) else document
    for record in records if isinstance(records, list) else [document]:
        yield _KEPT_NUMBER.sub(r"\1", json.dumps(record, separators=(",", ":"))).encode()


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text, parse_float=_number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> float | str:
    """A number that Python writes as it is written here, or its text."""
    number = float(text)
    return number if repr(number) == text else _KEPT + text


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
