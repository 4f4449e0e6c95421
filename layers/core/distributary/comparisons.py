"""Compares two listings: what the receiver lacks, has otherwise, or has besides. Pure; memory doesn't grow with them.

S3 lists keys in the order of their UTF-8 bytes, so two listings merge like sorted files.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Listed:
    """One object as a listing shows it."""

    key: str
    size: int
    """Bytes."""
    etag: str
    """Without its quotes."""
    last_modified: datetime


class Verdict(StrEnum):
    """What the comparison says of one key."""

    PRESENT = "present"
    MISSING = "missing"
    DIFFERENT = "different"
    EXTRA = "extra"


def compare(
    central: Iterable[Listed], received: Iterable[Listed], *, prefix: str = "", with_etags: bool = False
) -> Iterator[tuple[Verdict, Listed]]:
    """Merge two listings in key order, and judge each key; what is told of is the central object, where there is one.

    Args:
        central: what the receiver should have.
        received: what it has.
        prefix: what stands before the keys in the receiver's bucket.
        with_etags: whether equal bytes have equal ETags: not where either bucket encrypts with KMS.

    Raises:
        ValueError: if a listing is not in key order: a merge would find everything missing.
    """
    ours, theirs = _ordered(central), _ordered(received)
    mine, other = next(ours, None), next(theirs, None)
    while mine is not None or other is not None:
        key = other.key.removeprefix(prefix) if other else None
        if mine is None or (key is not None and other is not None and _order(key) < _order(mine.key)):
            assert other is not None  # noqa: S101 - one of the two is left
            yield Verdict.EXTRA, other
            other = next(theirs, None)
        elif key == mine.key and other is not None:
            yield _judge(mine, other, with_etags=with_etags), mine
            mine, other = next(ours, None), next(theirs, None)
        else:
            yield Verdict.MISSING, mine
            mine = next(ours, None)


def _judge(mine: Listed, other: Listed, *, with_etags: bool) -> Verdict:
    same_size = mine.size == other.size
    # An ETag with a hyphen is that of a multipart upload: it depends on the parts, which a copy doesn't keep.
    same_bytes = not with_etags or "-" in mine.etag + other.etag or mine.etag == other.etag
    return Verdict.PRESENT if same_size and same_bytes else Verdict.DIFFERENT


def _ordered(listing: Iterable[Listed]) -> Iterator[Listed]:
    last: bytes | None = None
    for one in listing:
        order = _order(one.key)
        if last is not None and order <= last:
            raise ValueError(f"{one.key!r} comes after a greater key")
        last = order
        yield one


def _order(key: str) -> bytes:
    return key.encode()
