"""The copy engine on boto3: one client for each Region, whatever the account."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from distributary.copies import LARGEST_BYTES, Copy, CopyVanishedError, with_region
from distributary.credentials import SessionCredentials
from distributary.objects import Source, StoredObject
from distributary.sdk import large_copies
from distributary.sdk.signing import clients_by_region, signing_with

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10
"""While a copy takes long, S3 keeps sending white space, so this need not cover it."""
MAX_ATTEMPTS = 2
"""The queue repeats, too; a hanging copy must end well before the function's timeout."""


CREATING = frozenset({"CopyObject", "CompleteMultipartUpload"})
"""The operations whose PreconditionFailed means that the key exists."""


class SdkCopier:
    """Copies with boto3; a `distributary.copies.CopyEngine`."""

    def __init__(self, connections: int, large: int = LARGEST_BYTES) -> None:
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
            # Fewer connections than threads, or one host pool per bucket, would open a TLS connection per file.
            max_pool_connections=connections,
            s3={"addressing_style": "path"},
        )
        self._large = large
        self.client: Callable[[str], S3Client] = clients_by_region("s3", config, _stay_in_region)
        """The client of a Region."""

    def copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject | None:
        """As `CopyEngine.copy`."""
        client, is_large = self.client(copy.region), copy.source.size is not None and copy.source.size > self._large
        with signing_with(credentials):
            head = self._head(copy.source) if is_large else None
            try:
                if head is not None:
                    made = large_copies.copy_in_parts(client, head, **_names(copy))
                    return StoredObject.of(made["ETag"], made.get("VersionId"), copy.source.size, datetime.now(UTC))
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
                raise with_region(error, copy) from None
        made_now = answer["CopyObjectResult"]
        return StoredObject.of(made_now["ETag"], answer.get("VersionId"), copy.source.size, made_now["LastModified"])

    def find_source(self, source: Source, credentials: SessionCredentials) -> StoredObject:
        """What the central bucket holds: for events that don't tell size or ETag."""
        with signing_with(credentials):
            head = self._head(source)
        return StoredObject.of(head["ETag"], head.get("VersionId"), head["ContentLength"], head["LastModified"])

    def _head(self, source: Source) -> "HeadObjectOutputTypeDef":
        """Asked in the central bucket's own Region, which need not be the copy's."""
        return self.client(source.region).head_object(**source.copy_source, ExpectedBucketOwner=source.owner)  # type: ignore[arg-type]

    def find_copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject:
        """The copy that was there before, by listing it: whoever delivers may not read it."""
        with signing_with(credentials):
            listed = self.client(copy.region).list_object_versions(
                Bucket=copy.bucket, Prefix=copy.key, MaxKeys=1, ExpectedBucketOwner=copy.bucket_owner
            )
        # A key comes before all that begin with it, and its newest version first.
        for found in listed.get("Versions", []):
            if found["Key"] == copy.key:
                return StoredObject.of(found["ETag"], found["VersionId"], found["Size"], found["LastModified"])
        raise CopyVanishedError(f"s3://{copy.bucket}/{copy.key} was there, and is gone: it will be copied again")


def _stay_in_region(client: "S3Client") -> None:
    """Keep botocore from following a bucket into another Region: it does so once for a request, and believes it has."""

    def pretend(context: dict[str, Any], **_: Any) -> None:
        context["s3_redirect"]["redirected"] = True

    client.meta.events.register_last("before-parameter-build.s3", pretend)


def _names(copy: Copy) -> dict[str, Any]:
    """What both ways of copying say: from where, to where, and whose both buckets must be."""
    return {
        "Bucket": copy.bucket,
        "Key": copy.key,
        "CopySource": copy.source.copy_source,
        "ExpectedBucketOwner": copy.bucket_owner,
        "ExpectedSourceBucketOwner": copy.source.owner,
    }
