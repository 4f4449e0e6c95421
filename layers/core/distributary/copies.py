"""Server-side copies, and what delivery needs of whatever makes them. `wire.copies` does, and `sdk.copies`.

No byte of a log file passes through here. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from typing import NamedTuple, Protocol

from botocore.exceptions import ClientError

from distributary.credentials import SessionCredentials
from distributary.errors import DistributaryError
from distributary.objects import Source, StoredObject

LARGEST_BYTES = 5 * 1024**3
"""What one CopyObject takes; what is larger is copied in parts."""


class CopyVanishedError(DistributaryError):
    """A copy that was there before was deleted before it could be described."""

    retryable = True


class Copy(NamedTuple):
    """One object to copy from Account A's bucket to a receiver's; keys are decoded."""

    source: Source
    bucket: str
    bucket_owner: str
    region: str
    key: str


def with_region(error: ClientError, copy: Copy) -> ClientError:
    """The error, which names the bucket's Region if S3 says that it is another than the subscription's.

    Nobody follows it there: the notification would tell a Region where the copy isn't.
    """
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region", copy.region)
    if region == copy.region:
        return error
    said = f"{copy.bucket} is in {region}, and its subscription says {copy.region}"
    told = {**error.response, "Error": {**error.response["Error"], "Message": said}}
    return ClientError(told, error.operation_name)  # type: ignore[arg-type] # as the answer has it, but for the message


class CopyEngine(Protocol):
    """Makes and describes copies, many at once.

    Each method raises botocore.exceptions.ClientError for what S3 answers, and BotoCoreError if it cannot be reached.
    """

    async def copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject | None:
        """Copy unless the destination holds the key already.

        Returns:
            The copy, or None if one was there before: a repeated event, or a retry whose first attempt had succeeded
            without its answer arriving.
        """

    async def find_copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject:
        """Describe the copy that was there before. Raises CopyVanishedError if it no longer is."""

    async def find_source(self, source: Source, credentials: SessionCredentials) -> StoredObject:
        """What the central bucket holds: for events that don't tell size or ETag."""
