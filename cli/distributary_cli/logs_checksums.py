"""Whether a file's content is an object's, by what S3 says of it.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html (when an ETag is an MD5)
"""

import base64
import functools
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK_BYTES = 1 << 20
HASHES = ("sha256", "sha512", "sha1", "md5")

_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """A checksum that the whole object's content has."""

    algorithm: str
    """One of `HASHES`, or `crc32`, `crc32c`, `crc64nvme`."""
    digest: bytes

    def holds(self, path: Path) -> bool:
        """Whether a file has it."""
        return _digest(path, self.algorithm) == self.digest


def proof(answer: Mapping[str, Any]) -> Proof | None:
    """What an answer of GetObject or HeadObject proves a file with; None where S3 has nothing that can.

    An ETag is the content's MD5, but not after a multipart upload (it then has a `-`), and not with SSE-KMS or SSE-C. A
    checksum of several parts (`COMPOSITE`) isn't the content's either. CRC-64/NVME, which S3 adds where the writer
    named no checksum, comes last: Python takes a second for some megabytes of it.
    """
    encrypted = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms") or "SSECustomerAlgorithm" in answer
    return (
        _named(answer, (*HASHES, "crc32"))
        or (None if encrypted else md5_proof(answer["ETag"]))
        or _named(answer, ("crc32c", "crc64nvme"))
    )


def md5_proof(etag: str) -> Proof | None:
    """What an ETag proves, if it is an MD5 by its form; that it really is one, only the encryption says."""
    digest = etag.strip('"')
    return Proof("md5", bytes.fromhex(digest)) if _MD5.fullmatch(digest) else None


def _named(answer: Mapping[str, Any], algorithms: tuple[str, ...]) -> Proof | None:
    if answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        for algorithm in algorithms:
            text = answer.get(f"Checksum{algorithm.upper()}")
            if text and "-" not in text:
                return Proof(algorithm, base64.b64decode(text))
    return None


def _digest(path: Path, algorithm: str) -> bytes:
    with path.open("rb") as file:
        if algorithm in HASHES:
            return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).digest()
        size, update = _CRCS[algorithm]
        crc = 0
        while block := file.read(BLOCK_BYTES):
            crc = update(block, crc)
    return crc.to_bytes(size, "big")


def _crc(polynomial: int, ones: int, content: bytes, crc: int) -> int:
    """As `zlib.crc32`, with another polynomial, its bits reflected; zlib has only the one."""
    table, crc = _crc_table(polynomial), crc ^ ones
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ ones


@functools.cache
def _crc_table(polynomial: int) -> list[int]:
    table = list(range(256))
    for _ in range(8):
        table = [(crc >> 1) ^ (polynomial if crc & 1 else 0) for crc in table]
    return table


# Source: https://reveng.sourceforge.io/crc-catalogue/all.htm (CRC-32/ISCSI, CRC-64/NVME)
_CRCS: dict[str, tuple[int, Callable[[bytes, int], int]]] = {
    "crc32": (4, zlib.crc32),
    "crc32c": (4, functools.partial(_crc, 0x82F63B78, (1 << 32) - 1)),
    "crc64nvme": (8, functools.partial(_crc, 0x9A6C9329AC4BC9B5, (1 << 64) - 1)),
}
