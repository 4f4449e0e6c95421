"""CopyObject and UploadPartCopy."""

from typing import Any, NamedTuple

from ministack.core.responses import AccountScopedDict
from ministack.services import s3

from distributary_local.gaps.callers import bucket_policy, caller, may
from distributary_local.gaps.patching import Response, around


class Source(NamedTuple):
    """What the header x-amz-copy-source names, decoded."""

    bucket: str
    key: str
    version_id: str | None


def source_of(headers: dict[str, str]) -> Source:
    """Read x-amz-copy-source; the bucket is "" if the header is absent."""
    path, _, query = headers.get("x-amz-copy-source", "").partition("?")
    bucket, _, key = s3.url_unquote(path).lstrip("/").partition("/")
    return Source(bucket, key, s3._parse_qs(query).get("versionId", [None])[0])


def denied(bucket: str, key: str = "") -> Response:
    """Return S3's answer to whoever may not."""
    response: Response = s3._error("AccessDenied", "Access Denied", 403, f"/{bucket}/{key}" if key else f"/{bucket}")
    return response


class _AnyAccount(AccountScopedDict):  # type: ignore[misc]  # ministack ships no types
    """Finds in the bucket owner's account what the caller's account doesn't have: bucket names are global."""

    __slots__ = ()

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key)
        if found is None:
            owner = s3._bucket_owner_account(key[0] if isinstance(key, tuple) else key)
            found = self.get_scoped(owner, None, key) if owner else None
        return default if found is None else found


def cross_account_copy() -> None:
    """Let a copy read an object, its version and its tags in another account's bucket, if the policies allow it.

    AWS: "CopyObject", https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html; nothing says that both
    buckets must have one owner.
    ministack: looks for the source in the destination's account only and answers NoSuchBucket.
    Not shown: the limit of 5 GB for one copy.
    """
    for name in ("_buckets", "_object_versions", "_object_tags"):
        shared = _AnyAccount()
        shared._data = getattr(s3, name)._data
        setattr(s3, name, shared)


def conditional_copy() -> None:
    """Honour If-None-Match and If-Match on CopyObject.

    AWS: "How to prevent object overwrites with conditional writes",
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: 412 PreconditionFailed.
    ministack: honours them on PutObject and CompleteMultipartUpload, ignores them on CopyObject and overwrites.
    Not shown: 409 ConditionalRequestConflict, when two writers race.
    """

    @around(s3, "_copy_object")
    def copy(original: Any, bucket: str, key: str, headers: dict[str, str]) -> Response:
        existing = (s3._ensure_bucket(bucket) or {"objects": {}})["objects"].get(key)
        failed: Response | None = s3._check_put_preconditions(headers, existing)
        response: Response = failed or original(bucket, key, headers)
        return response


def copy_tagging_permissions() -> None:
    """Ask for the tagging permissions that a copy of a tagged object needs.

    AWS: "CopyObject", see above, and "Actions, resources, and condition keys for Amazon S3": copying tags takes
    s3:GetObjectTagging (s3:GetObjectVersionTagging for a version) on the source and s3:PutObjectTagging on the
    destination; with x-amz-tagging-directive REPLACE and no tags it takes neither.
    ministack: asks for neither.
    """

    @around(s3, "_copy_object")
    def copy(original: Any, bucket: str, key: str, headers: dict[str, str]) -> Response:
        source = source_of(headers)
        copies_tags = headers.get("x-amz-tagging-directive", "COPY").upper() == "COPY"
        writes_tags = bool(_tags(source)) if copies_tags else bool(headers.get("x-amz-tagging"))
        if copies_tags and writes_tags and not _may_read_tags(source):
            return denied(bucket, key)
        if writes_tags and not may(
            caller(), "s3:PutObjectTagging", f"arn:aws:s3:::{bucket}/{key}", *bucket_policy(bucket)
        ):
            return denied(bucket, key)
        response: Response = original(bucket, key, headers)
        return response


def _tags(source: Source) -> Any:
    current = ((s3._ensure_bucket(source.bucket) or {}).get("objects", {}).get(source.key) or {}).get("version_id")
    return s3._object_tags.get((source.bucket, source.key, source.version_id or current))


def _may_read_tags(source: Source) -> bool:
    action = "s3:GetObjectVersionTagging" if source.version_id else "s3:GetObjectTagging"
    return may(caller(), action, f"arn:aws:s3:::{source.bucket}/{source.key}", *bucket_policy(source.bucket))


GAPS = (cross_account_copy, conditional_copy, copy_tagging_permissions)
