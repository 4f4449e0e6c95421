"""Server-side copies: one CopyObject per log file, made with the delivery session's credentials.

No byte of a log file passes through here. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, ReadOnlyCredentials
from botocore.exceptions import ClientError

from distributary import large_copies
from distributary.credentials import CallerChosenCredentials, signing_with

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10
"""While a copy takes long, S3 keeps sending white space, so this need not cover it."""
MAX_ATTEMPTS = 2
"""The queue repeats, too; a hanging copy must end well before the function's timeout."""


CREATING = frozenset({"CopyObject", "CompleteMultipartUpload"})
"""The operations whose PreconditionFailed means that the key exists."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One object to copy from one account's bucket to another's; keys are decoded."""

    source_bucket: str
    source_owner: str
    source_key: str
    source_version_id: str | None
    size: int | None
    """Bytes; None where the event didn't say."""
    bucket: str
    bucket_owner: str
    region: str
    key: str

    @property
    def source(self) -> dict[str, str]:
        """CopySource's form; the version is pinned where the event names one."""
        source = {"Bucket": self.source_bucket, "Key": self.source_key}
        return source | ({"VersionId": self.source_version_id} if self.source_version_id else {})


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
        self._session = _session()
        self._clients: dict[str, S3Client] = {}
        self._lock = threading.Lock()

    def copy(self, copy: Copy, credentials: ReadOnlyCredentials) -> bool:
        """Copy unless the destination holds the key already.

        Returns:
            True if the object was copied, False if it was there before: a repeated event, or a retry whose first
            attempt had succeeded without its answer arriving.

        Raises:
            botocore.exceptions.ClientError: whatever else S3 answers.
            botocore.exceptions.BotoCoreError: if S3 cannot be reached.
        """
        client = self.client(copy.region)
        with signing_with(credentials):
            try:
                if copy.size is not None and copy.size > self._large:
                    large_copies.copy_in_parts(client, **_names(copy))
                else:
                    client.copy_object(
                        **_names(copy),
                        IfNoneMatch="*",
                        MetadataDirective="COPY",  # a digest file's signature lives in its metadata
                        TaggingDirective="REPLACE",  # no tags, so that no permission on tags is needed
                        AnnotationDirective="EXCLUDE",  # each annotation would cost a PUT and two permissions
                    )
            except ClientError as error:
                # UploadPartCopy's 412 is about the source, which has changed: that is no copy.
                if error.response["Error"]["Code"] == "PreconditionFailed" and error.operation_name in CREATING:
                    return False
                raise
        return True

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
        "CopySource": copy.source,
        "ExpectedBucketOwner": copy.bucket_owner,
        "ExpectedSourceBucketOwner": copy.source_owner,
    }


class _Provider(CredentialProvider):
    METHOD = "distributary"

    def load(self) -> CallerChosenCredentials:
        return CallerChosenCredentials()


def _session() -> Session:
    """A session whose only credentials are the caller's choice: the function's own can never sign a copy."""
    session = botocore.session.Session()
    session.register_component("credential_provider", CredentialResolver([_Provider()]))
    return Session(botocore_session=session)
