"""Server-side copies: one CopyObject per log file, made with the delivery session's credentials.

No byte of a log file passes through here. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from distributary import large_copies
from distributary.errors import DistributaryError
from distributary.objects import Source, StoredObject
from distributary.signing import caller_chosen_session, signing_with

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10
"""While a copy takes long, S3 keeps sending white space, so this need not cover it."""
MAX_ATTEMPTS = 2
"""The queue repeats, too; a hanging copy must end well before the function's timeout."""


CREATING = frozenset({"CopyObject", "CompleteMultipartUpload"})
"""The operations whose PreconditionFailed means that the key exists."""


class CopyVanishedError(DistributaryError):
    """A copy that was there before was deleted before it could be described."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Copy:
    """One object to copy from Account A's bucket to a receiver's; keys are decoded."""

    source: Source
    bucket: str
    bucket_owner: str
    region: str
    key: str


class Copier:
    """Copies with one shared client per Region. Safe for many threads."""

    def __init__(self, connections: int, large: int = large_copies.THRESHOLD) -> None:
        self._config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
            # Fewer connections than threads, or one host pool per bucket, would open a TLS connection per file.
            max_pool_connections=connections,
            s3={"addressing_style": "path"},
        )
        self._large = large
        self._session = caller_chosen_session()
        self._clients: dict[str, S3Client] = {}
        self._lock = threading.Lock()

    def copy(self, copy: Copy, credentials: ReadOnlyCredentials) -> StoredObject | None:
        """Copy unless the destination holds the key already.

        Returns:
            The copy, or None if one was there before: a repeated event, or a retry whose first attempt had succeeded
            without its answer arriving.

        Raises:
            botocore.exceptions.ClientError: whatever else S3 answers.
            botocore.exceptions.BotoCoreError: if S3 cannot be reached.
        """
        client = self.client(copy.region)
        with signing_with(credentials):
            try:
                if copy.source.size is not None and copy.source.size > self._large:
                    made = large_copies.copy_in_parts(client, **_names(copy))
                    return _stored(made["ETag"], made.get("VersionId"), copy.source.size, datetime.now(UTC))
                answer = client.copy_object(
                    **_names(copy),
                    IfNoneMatch="*",
                    MetadataDirective="COPY",  # a digest file's signature lives in its metadata
                    TaggingDirective="REPLACE",  # no tags, so that no permission on tags is needed
                    AnnotationDirective="EXCLUDE",  # each annotation would cost a PUT and two permissions
                )
            except ClientError as error:
                # UploadPartCopy's 412 is about the source, which has changed: that is no copy.
                if error.response["Error"]["Code"] == "PreconditionFailed" and error.operation_name in CREATING:
                    return None
                raise
        made_now = answer["CopyObjectResult"]
        return _stored(made_now["ETag"], answer.get("VersionId"), copy.source.size, made_now["LastModified"])

    def find_source(self, source: Source, credentials: ReadOnlyCredentials) -> StoredObject:
        """What the central bucket holds: for events that don't tell size or ETag. Raises as `copy` does."""
        with signing_with(credentials):
            head = self.client(source.region).head_object(**source.copy_source, ExpectedBucketOwner=source.owner)  # type: ignore[arg-type]
        return _stored(head["ETag"], head.get("VersionId"), head["ContentLength"], head["LastModified"])

    def find_copy(self, copy: Copy, credentials: ReadOnlyCredentials) -> StoredObject:
        """The copy that was there before, by listing it: whoever delivers may not read it. Raises as `copy` does."""
        with signing_with(credentials):
            listed = self.client(copy.region).list_object_versions(
                Bucket=copy.bucket, Prefix=copy.key, MaxKeys=1, ExpectedBucketOwner=copy.bucket_owner
            )
        # A key comes before all that begin with it, and its newest version first.
        for found in listed.get("Versions", []):
            if found["Key"] == copy.key:
                return _stored(found["ETag"], found["VersionId"], found["Size"], found["LastModified"])
        raise CopyVanishedError(f"s3://{copy.bucket}/{copy.key} was there, and is gone: it will be copied again")

    def client(self, region: str) -> "S3Client":
        """The Region's one client."""
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._session.client("s3", region_name=region, config=self._config)
            return self._clients[region]


def _names(copy: Copy) -> dict[str, Any]:
    """What both ways of copying say: from where, to where, and whose both buckets must be."""
    return {
        "Bucket": copy.bucket,
        "Key": copy.key,
        "CopySource": copy.source.copy_source,
        "ExpectedBucketOwner": copy.bucket_owner,
        "ExpectedSourceBucketOwner": copy.source.owner,
    }


def _stored(etag: str, version_id: str | None, size: int | None, time: datetime) -> StoredObject:
    return StoredObject(etag.strip('"'), None if version_id == "null" else version_id, size, time)
