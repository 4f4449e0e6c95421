r"""Where a log file's copy lies: one mapping from keys to paths, the same on every operating system. Pure.

A `/` between two names is a folder; every other character that some file system refuses, or reads as something else, is
written as `%` and two hexadecimal digits for each of its bytes, as in a URL: unquoting a path gives the key back. These
are: a `/` beside another or at either end, control characters and others that nobody can see, each of ``%\:*?"<>|``, a
name's first `.`, its last `.` or space, and the first letter of Windows' device names. A name of more than 255 bytes is
cut, and `%~` with the SHA-256 of the whole name added: only such a path doesn't give its key back.
"""

import hashlib
import re

MAX_NAME_BYTES = 255
KEPT_BYTES = 180
"""Of a name that is too long."""

_SEPARATOR = re.compile(r"(?<=[^/])/(?=[^/])")
_RESERVED = frozenset('%/\\:*?"<>|')
# As Python's `os.path.isreserved` has them on Windows.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL)


def relative_path(key: str) -> str:
    """The path of a key's copy, relative to the folder that all are in; `/` separates its names."""
    return "/".join(_name(segment) for segment in _SEPARATOR.split(key))


def _name(segment: str) -> str:
    last = len(segment) - 1
    is_device = _DEVICE.fullmatch(segment) is not None
    name = "".join(
        _escape(mark)
        if mark in _RESERVED
        or not mark.isprintable()
        or (index == 0 and (mark == "." or is_device))
        or (index == last and mark in ". ")
        else mark
        for index, mark in enumerate(segment)
    )
    return name if len(name.encode()) <= MAX_NAME_BYTES else _shortened(name)


def _escape(mark: str) -> str:
    return "".join(f"%{byte:02X}" for byte in mark.encode("utf-8", "surrogatepass"))


def _shortened(name: str) -> str:
    kept = name.encode()[:KEPT_BYTES].decode(errors="ignore")
    return f"{re.sub('%[0-9A-F]?$', '', kept)}%~{hashlib.sha256(name.encode()).hexdigest()}"
