"""Fetches one log file: goes on where it stopped, proves what it got, and gives it its name only then.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)

from distributary.errors import DistributaryError
from distributary_cli.logs_checksums import md5_proof, proof
from distributary_cli.logs_folders import Folder, PlaceError
from distributary_cli.logs_targets import Target

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1 << 18
ATTEMPTS = 5
FETCHED, COMPLETE, WOULD_FETCH = "fetched", "complete", "would fetch"


class StoppedError(DistributaryError):
    """The command is ending; what was fetched of the file is kept."""


class DamagedFileError(DistributaryError):
    """What arrived isn't what S3 says the object is. Fetching it again can help."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Downloads:
    """Fetches log files of one bucket into one folder. Safe for many threads."""

    client: "S3Client"
    bucket: str
    folder: Folder
    stop: threading.Event
    """Set when the command ends: downloads then end soon."""
    arrived: Callable[[int], None] = lambda _: None
    """Told how many bytes have arrived."""
    pause: float = 0.5
    """Seconds before the second attempt; doubled before each further one."""

    def look(self, target: Target) -> str:
        """What `fetch` would do; writes nothing."""
        path = self.folder.find(target.key)
        return COMPLETE if path and self._check(path, target) else WOULD_FETCH

    def fetch(self, target: Target) -> str:
        """Fetch a log file, unless it is there.

        Raises:
            PlaceError: if there is something else where it belongs.
            DamagedFileError: if it arrives damaged again and again.
            botocore.exceptions.ClientError: as GetObject does.
            OSError: if it cannot be written.
        """
        path = self.folder.find(target.key)
        if path and self._check(path, target):
            return COMPLETE
        etag = target.etag or self._etag(target.key)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._attempt(target.key, etag)
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("PreconditionFailed", "412"):
                    raise
                etag = self._etag(target.key)  # another object has that key since it was listed
            except (HTTPClientError, IncompleteReadError, FlexibleChecksumError, DamagedFileError):
                if attempt == ATTEMPTS:
                    raise
                self.stop.wait(self.pause * 2 ** (attempt - 1))
            else:
                return FETCHED
        raise DamagedFileError(f"{target.key} is being written over again and again")

    def _etag(self, key: str) -> str:
        try:
            etag = self.client.head_object(Bucket=self.bucket, Key=key)["ETag"]
        except ClientError:  # which says no more than 403 or 404: GetObject says why
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            answer["Body"].close()
            etag = answer["ETag"]
        return etag.strip('"')

    def _check(self, path: Path, target: Target) -> bool:
        """That a file is the object, whole; anything else is left alone."""
        if target.size in (None, path.stat().st_size):
            by_etag = md5_proof(target.etag or "")
            if by_etag and by_etag.holds(path):
                return True
            answer = self.client.head_object(Bucket=self.bucket, Key=target.key, ChecksumMode="ENABLED")
            if answer["ContentLength"] == path.stat().st_size:
                known = proof(answer)
                # Without a checksum: only a whole file is given the object's time.
                if known.holds(path) if known else int(path.stat().st_mtime) == int(answer["LastModified"].timestamp()):
                    return True
        raise PlaceError(f"{self.folder.shown(target.key)} is another file: move it away, or choose another --to")

    def _attempt(self, key: str, etag: str) -> None:
        part = self.folder.part(self.bucket, key, etag)
        begun = part.stat().st_size if part.exists() else 0
        answer = self._ask(key, etag, begun)
        begun = begun if "ContentRange" in answer else 0
        with answer["Body"] as body:
            self._write(body, part, begun)
        known = proof(self._whole(key, etag) if begun else answer)
        if part.stat().st_size != begun + answer["ContentLength"] or (known and not known.holds(part)):
            part.unlink()
            raise DamagedFileError(f"what arrived of {key} is not what S3 holds: its size or checksum differs")
        modified = answer["LastModified"].timestamp()
        os.utime(part, (modified, modified))
        self.folder.keep(part, key)

    def _whole(self, key: str, etag: str) -> Any:
        """What S3 says of the whole object: the answer for a range has no checksum, or the range's."""
        return self.client.head_object(Bucket=self.bucket, Key=key, IfMatch=f'"{etag}"', ChecksumMode="ENABLED")

    def _ask(self, key: str, etag: str, begun: int) -> Any:
        asked: Any = {"Bucket": self.bucket, "Key": key, "IfMatch": f'"{etag}"', "ChecksumMode": "ENABLED"}
        if begun:
            try:
                return self.client.get_object(Range=f"bytes={begun}-", **asked)
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidRange":  # all of it was there, and had no name yet
                    raise
        return self.client.get_object(**asked)

    def _write(self, body: Any, part: Path, begun: int) -> None:
        with part.open("ab" if begun else "wb") as file:
            while chunk := body.read(CHUNK_BYTES):
                if self.stop.is_set():
                    raise StoppedError("stopped")
                file.write(chunk)
                self.arrived(len(chunk))
