"""Who is let into a bucket, and what the others are told."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import s3

from distributary_local.gaps.callers import bucket_policy, caller, may
from distributary_local.gaps.copies import denied, source_of
from distributary_local.gaps.patching import Response, around


def bucket_policy_caller() -> None:
    """Show another account's bucket policy the caller's own ARN and tags.

    AWS: "Bucket owner granting cross-account bucket permissions",
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-walkthroughs-managing-access-example2.html, and the
    principals that a bucket policy may name: users, roles and sessions as well as accounts.
    ministack: evaluates it for `arn:aws:iam::ACCOUNT:root`, so that a statement for a role never matches.
    """

    @around(iam_evaluator, "evaluate_resource_policy")
    def evaluate(original: Any, document: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        principal = caller()
        if (
            principal is not None
            and (request.principal_type, principal.account) == ("Root", request.principal_account)
            and principal.type != "Root"
        ):
            request = dataclasses.replace(
                request, principal_arn=principal.arn, principal_type=principal.type, principal_keys=principal.keys
            )
        return original(document, request, *args, **kwargs)


def expected_bucket_owner() -> None:
    """Honour ExpectedBucketOwner and ExpectedSourceBucketOwner.

    AWS: "Verifying bucket ownership with bucket owner condition",
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html: 403 if another account owns it.
    ministack: ignores both headers.
    """

    @around(s3, "_apply_bucket_scope")
    def scope(
        original: Any, method: str, bucket: str, key: str, headers: dict[str, str], *args: Any, **kwargs: Any
    ) -> Response | None:
        expectations = (
            (bucket, headers.get("x-amz-expected-bucket-owner")),
            (source_of(headers).bucket, headers.get("x-amz-source-expected-bucket-owner")),
        )
        for name, expected in expectations:
            if name and expected and s3._bucket_owner_account(name) not in (None, expected):
                return denied(name)
        response: Response | None = original(method, bucket, key, headers, *args, **kwargs)
        return response


def missing_key_is_forbidden() -> None:
    """Answer 403 for a key that doesn't exist to a caller who may not list the bucket.

    AWS: "GetObject", https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: "If you don't have the
    s3:ListBucket permission, Amazon S3 returns an HTTP status code 403 (Access Denied) error"; HeadObject and the
    source of a copy likewise.
    ministack: 404 NoSuchKey, so that code which takes 404 for "gone" seems to work.
    """

    def forbid(name: str, bucket_of: Callable[..., str]) -> None:
        @around(s3, name)
        def read(original: Any, *args: Any) -> Response:
            response: Response = original(*args)
            if response[0] == 404 and b"NoSuchKey" in response[2]:
                bucket = bucket_of(*args)
                if not may(caller(), "s3:ListBucket", f"arn:aws:s3:::{bucket}", *bucket_policy(bucket)):
                    return denied(bucket)
            return response

    forbid("_get_object", lambda bucket, *_: bucket)
    forbid("_head_object", lambda bucket, *_: bucket)
    forbid("_copy_object", lambda _, __, headers: source_of(headers).bucket)
    forbid("_upload_part_copy", lambda _, __, ___, headers: source_of(headers).bucket)


GAPS = (bucket_policy_caller, expected_bucket_owner, missing_key_is_forbidden)
