"""The copy engine on the wire: one CopyObject per log file. What is rare is left to another engine, boto3's.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import quote

from botocore.exceptions import ClientError

from distributary.copies import LARGEST_BYTES, Copy, CopyEngine, with_region
from distributary.credentials import SessionCredentials
from distributary.objects import Source, StoredObject
from distributary.times import utc_time
from distributary.wire.answers import Answer
from distributary.wire.calls import Call, Caller
from distributary.wire.protocols import UnreadableAnswerError, xml_error

SAFE = "/~"
"""What a key's encoding leaves as it is, beside letters, digits, `_`, `.` and `-`."""
_FIELD = re.compile(rb"<(ETag|LastModified)>([^<]*)</")
_QUOTE = re.compile('"|&(?:quot|#34|#x22);')


class WireCopier:
    """Copies with requests of its own; a `distributary.copies.CopyEngine`.

    Args:
        caller: makes the requests.
        other: makes the engine for all that isn't a plain copy: asked for when the first is due.
    """

    def __init__(self, caller: Caller, other: Callable[[], CopyEngine]) -> None:
        self._caller = caller
        self._other = other

    async def copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject | None:
        """As `CopyEngine.copy`."""
        if copy.source.size is not None and copy.source.size > LARGEST_BYTES:
            return await (await self._sdk()).copy(copy, credentials)
        try:
            answer = await self._caller.call(copy_object(copy), credentials, xml_error)
        except ClientError as error:
            told, answered = error.response["Error"], error.response["ResponseMetadata"]
            if answered["HTTPStatusCode"] == HTTPStatus.PRECONDITION_FAILED or told["Code"] == "PreconditionFailed":
                return None  # the latter comes within a 200
            raise with_region(error, copy) from None
        etag, time = _result(answer)
        return StoredObject.of(etag, answer.headers.get("x-amz-version-id"), copy.source.size, time)

    async def find_copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject:
        """As `CopyEngine.find_copy`."""
        return await (await self._sdk()).find_copy(copy, credentials)

    async def find_source(self, source: Source, credentials: SessionCredentials) -> StoredObject:
        """As `CopyEngine.find_source`."""
        return await (await self._sdk()).find_source(source, credentials)

    async def _sdk(self) -> CopyEngine:
        """In a thread: what it imports would hold up the event loop for a quarter of a second."""
        return await asyncio.to_thread(self._other)


def _result(answer: Answer) -> tuple[str, datetime]:
    """The copy's ETag and time. There is nothing else in an answer, and one for every file: no need of a tree."""
    told = dict(_FIELD.findall(answer.body))
    try:
        etag, time = (
            _QUOTE.sub("", told[b"ETag"].decode()),
            utc_time(told[b"LastModified"].decode()),
        )
    except (KeyError, ValueError) as error:
        raise UnreadableAnswerError(f"CopyObject answered {answer.body[:200]!r}") from error
    return etag, time


@lru_cache(maxsize=64)
def _encoded(key: str) -> str:
    """Most copies have their source's key, which is then encoded once."""
    return quote(key, safe=SAFE)


def copy_object(copy: Copy) -> Call:
    """The request, with the headers that `sdk.copies` has boto3 send, in path style: one endpoint for all buckets."""
    source = f"{_encoded(copy.source.bucket)}/{_encoded(copy.source.key)}"
    version = f"?versionId={copy.source.version_id}" if copy.source.version_id else ""
    return Call(
        service="s3",
        region=copy.region,
        operation="CopyObject",
        method="PUT",
        path=f"/{copy.bucket}/{_encoded(copy.key)}",
        headers={
            "if-none-match": "*",
            "x-amz-copy-source": source + version,
            "x-amz-expected-bucket-owner": copy.bucket_owner,
            "x-amz-metadata-directive": "COPY",
            "x-amz-object-annotation-directive": "EXCLUDE",
            "x-amz-source-expected-bucket-owner": copy.source.owner,
            "x-amz-tagging-directive": "REPLACE",
        },
    )
