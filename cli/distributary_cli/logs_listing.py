"""Lists the wanted log files of a bucket, in the order of their keys, with no more in memory than one page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from distributary.keys import LogFile
from distributary.listings import walk
from distributary.prefixes import Planner
from distributary.selections import Selection

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A log file as a listing shows it."""

    log_file: LogFile
    size: int
    """Bytes."""
    last_modified: datetime
    etag: str
    """Without its quotation marks."""

    @property
    def key(self) -> str:
        """The log file's key."""
        return self.log_file.key

    def to_json(self) -> dict[str, Any]:
        """The form of `logs ls --json`."""
        return {
            "key": self.key,
            "account_id": self.log_file.account_id,
            "log_type": self.log_file.log_type,
            "region": self.log_file.region,
            "size": self.size,
            "last_modified": self.last_modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "etag": self.etag,
        }


def list_files(client: "S3Client", bucket: str, selection: Selection) -> Iterator[ListedFile]:
    """Every wanted log file of a bucket.

    Raises:
        botocore.exceptions.ClientError: as ListObjectsV2 does.
    """
    planner = Planner(selection, datetime.now(UTC))
    for place in planner.start():
        for found in walk(client, bucket, planner, place):
            if log_file := selection.read(found.key, found.last_modified):
                yield ListedFile(log_file, found.size, found.last_modified, found.etag)
