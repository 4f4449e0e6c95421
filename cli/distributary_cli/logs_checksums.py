"""Whether a file's content is an object's, by what S3 says of it.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html (when an ETag is an MD5)
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK_BYTES = 1 << 20

_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """A checksum that the whole object's content has."""

    algorithm: str
    """`md5`, `sha256`, `sha1` or `crc32`."""
    digest: bytes

    def holds(self, path: Path) -> bool:
        """Whether a file has it."""
        return _digest(path, self.algorithm) == self.digest


def proof(answer: Mapping[str, Any]) -> Proof | None:
    """What an answer of GetObject or HeadObject proves a file with; None where S3 has nothing that can.

    An ETag is the content's MD5, but not after a multipart upload (it then has a `-`), and not with SSE-KMS or SSE-C. A
    checksum of several parts (`COMPOSITE`) isn't the content's either.
    """
    if answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        for algorithm in ("sha256", "sha1", "crc32"):
            text = answer.get(f"Checksum{algorithm.upper()}")
            if text and "-" not in text:
                return Proof(algorithm, base64.b64decode(text))
    encrypted = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms") or "SSECustomerAlgorithm" in answer
    return None if encrypted else md5_proof(answer["ETag"])


def md5_proof(etag: str) -> Proof | None:
    """What an ETag proves, if it is an MD5 by its form; that it really is one, only the encryption says."""
    digest = etag.strip('"')
    return Proof("md5", bytes.fromhex(digest)) if _MD5.fullmatch(digest) else None


def _digest(path: Path, algorithm: str) -> bytes:
    crc, known = 0, None if algorithm == "crc32" else hashlib.new(algorithm, usedforsecurity=False)
    update: Callable[[bytes], object] | None = known.update if known else None
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            if update:
                update(block)
            else:
                crc = zlib.crc32(block, crc)
    return known.digest() if known else crc.to_bytes(4, "big")
