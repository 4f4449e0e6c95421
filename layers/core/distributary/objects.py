"""Objects in S3, as delivery speaks of them: where one comes from, and what is stored."""

from datetime import datetime
from typing import NamedTuple, Self


class Source(NamedTuple):
    """An object of the central bucket; the key is decoded."""

    bucket: str
    owner: str
    """The account ID of the bucket's owner."""
    region: str
    key: str
    version_id: str | None = None
    """The version that the event names; None where it names none."""
    size: int | None = None
    """Bytes; None where the event didn't say."""

    @property
    def copy_source(self) -> dict[str, str]:
        """CopySource's form; the version is pinned where the event names one."""
        source = {"Bucket": self.bucket, "Key": self.key}
        return source | ({"VersionId": self.version_id} if self.version_id else {})


class StoredObject(NamedTuple):
    """What S3 says of a stored object."""

    etag: str
    """Without its quotes."""
    version_id: str | None
    size: int | None
    """Bytes; None where S3's answer doesn't tell, as CopyObject's doesn't."""
    time: datetime
    """When it was stored, UTC."""

    @classmethod
    def of(cls, etag: str, version_id: str | None, size: int | None, time: datetime) -> Self:
        """From what S3 says: an ETag in quotes, and the version `null` of a bucket that has never been versioned."""
        return cls(etag.strip('"'), None if version_id == "null" else version_id, size, time)
