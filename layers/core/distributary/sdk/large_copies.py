"""Copies of more than 5 GB, which CopyObject refuses: in parts, keeping the metadata, visible only when complete.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/CopyingObjectsMPUapi.html
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        CompleteMultipartUploadOutputTypeDef,
        HeadObjectOutputTypeDef,
    )

PART_BYTES = 512 * 1024**2
"""At S3's 10,000 parts this reaches its largest object, 5 TB."""
PARTS_AT_ONCE = 8
KEPT_HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata")


def copy_in_parts(
    client: "S3Client",
    head: "HeadObjectOutputTypeDef",
    *,
    Bucket: str,  # noqa: N803 - AWS's spelling: these go straight into calls
    Key: str,  # noqa: N803
    CopySource: dict[str, str],  # noqa: N803
    ExpectedBucketOwner: str,  # noqa: N803
    ExpectedSourceBucketOwner: str,  # noqa: N803
    part_bytes: int = PART_BYTES,
) -> "CompleteMultipartUploadOutputTypeDef":
    """Copy one large object, whose HeadObject says `head`; raises what S3 answers.

    That is PreconditionFailed as well, if the key exists already.
    """
    destination = {"Bucket": Bucket, "Key": Key, "ExpectedBucketOwner": ExpectedBucketOwner}
    upload = client.create_multipart_upload(**destination, **_kept(head))  # type: ignore[arg-type]
    destination["UploadId"] = upload["UploadId"]
    # The ETag pins the bytes where the event named no version: the parts must come from one object.
    source = {
        "CopySource": CopySource,
        "CopySourceIfMatch": head["ETag"],
        "ExpectedSourceBucketOwner": ExpectedSourceBucketOwner,
    }

    def copy_part(number: int, part_range: str) -> "CompletedPartTypeDef":
        names: dict[str, Any] = {**destination, **source, "PartNumber": number, "CopySourceRange": part_range}
        return {"PartNumber": number, "ETag": client.upload_part_copy(**names)["CopyPartResult"]["ETag"]}

    try:
        with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
            # A context for each part: the credentials to sign with are in it.
            ranges = enumerate(_ranges(head["ContentLength"], part_bytes), start=1)
            under_way = [pool.submit(copy_context().run, copy_part, number, part) for number, part in ranges]
            parts = [future.result() for future in under_way]
        return client.complete_multipart_upload(**destination, MultipartUpload={"Parts": parts}, IfNoneMatch="*")  # type: ignore[arg-type]
    except Exception:
        # The first error is the one that counts; a lifecycle rule removes what cannot be aborted now.
        with suppress(ClientError, BotoCoreError):
            client.abort_multipart_upload(**destination)  # type: ignore[arg-type]
        raise


def _kept(head: "HeadObjectOutputTypeDef") -> dict[str, Any]:
    return {name: value for name, value in head.items() if name in KEPT_HEADERS}


def _ranges(size: int, part_bytes: int) -> Iterator[str]:
    for start in range(0, size, part_bytes):
        yield f"bytes={start}-{min(start + part_bytes, size) - 1}"
