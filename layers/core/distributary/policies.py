"""The session policy: what one delivery session may do, whatever its role allows. Pure.

A session's permissions are the intersection of the role's policies and the session policy, so a wrong route fails
closed even with a role that may do everything.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from distributary.errors import DistributaryError
from distributary.keys import KeyLayout
from distributary.subscriptions import Subscription

MAX_CHARACTERS = 2048
"""STS's limit for an inline session policy."""
READ = ["s3:GetObject", "s3:GetObjectVersion"]


class SessionPolicyTooLongError(DistributaryError):
    """What one session needs doesn't fit into STS's 2,048 characters: too many mapped prefixes or KMS keys."""

    def __init__(self, subscription: str, characters: int) -> None:
        super().__init__(
            f"the session policy of subscription {subscription} has {characters} characters and STS takes "
            f"{MAX_CHARACTERS}: configure fewer mapped prefixes (PrefixAccount1) or KMS keys (TrailKmsKeyArns)"
        )


def session_policy(subscription: Subscription, bucket: str, layout: KeyLayout, key_arns: Sequence[str]) -> str:
    """The policy, as JSON, that narrows a delivery session of `subscription`.

    Args:
        subscription: who receives, and where.
        bucket: the central bucket's name.
        layout: the forms of keys in use; each owned form becomes one resource.
        key_arns: the KMS keys that log files are encrypted with.

    Raises:
        SessionPolicyTooLongError: if STS would refuse it for its length.
    """
    forged = f"{_root(subscription, bucket)}*AWSLogs/*AWSLogs/*"
    text = _policy(subscription, bucket, layout, key_arns, deny=forged if subscription.is_third_party else None)
    if len(text) > MAX_CHARACTERS:
        # Many prefixes: any prefix then, which is as safe while no readable key holds AWSLogs/ twice.
        any_prefix = replace(layout, key_prefixes=("*",))
        text = _policy(subscription, bucket, any_prefix, key_arns, deny=forged)
    if len(text) > MAX_CHARACTERS:
        raise SessionPolicyTooLongError(subscription.name, len(text))
    return text


def listing_policy(subscription: Subscription) -> str:
    """The policy, as JSON, that narrows a session of `subscription`, which has copies, to listing them."""
    target = subscription.copy_to
    assert target is not None  # noqa: S101 - what has no copies isn't listed
    allow = _allow(["s3:ListBucket"], [_root(subscription, target.bucket).removesuffix("/")])
    allow["Condition"] = {"StringLike": {"s3:prefix": f"{target.prefix}*"}}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]}, separators=(",", ":"))


def _policy(
    subscription: Subscription, bucket: str, layout: KeyLayout, key_arns: Sequence[str], deny: str | None = None
) -> str:
    # Versions too: an event names the version that it is about.
    statements = [_allow(READ, owned_resources(subscription, bucket, layout))]
    if key_arns:
        statements.append(_allow(["kms:Decrypt"], list(key_arns)))
    if target := subscription.copy_to:
        root = _root(subscription, target.bucket)
        # Aborting cleans up after a multipart copy of more than 5 GB that failed.
        statements.append(_allow(["s3:PutObject", "s3:AbortMultipartUpload"], [f"{root}{target.prefix}*"]))
        if target.kms_key_arn:
            # Decrypt as well: S3 reads the parts of a multipart upload back when it joins them.
            statements.append(_allow(["kms:GenerateDataKey", "kms:Decrypt"], [target.kms_key_arn]))
    if notify := subscription.notify:
        statements.append(_allow(["sns:Publish"], [notify.topic_arn]))
        if notify.kms_key_arn:
            # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
            statements.append(_allow(["kms:GenerateDataKey", "kms:Decrypt"], [notify.kms_key_arn]))
    if target and notify:
        # A copy that was there before is announced with its size, ETag and version: listed, not read.
        statements.append(_allow(["s3:ListBucketVersions"], [root.removesuffix("/")]))
    if deny:
        statements.append({"Effect": "Deny", "Action": READ, "Resource": deny})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _root(subscription: Subscription, bucket: str) -> str:
    return f"arn:{subscription.partition}:s3:::{bucket}/"


def owned_resources(subscription: Subscription, bucket: str, layout: KeyLayout) -> list[str]:
    """The ARN patterns of the central bucket's objects that belong to the subscription's scope, and no others."""
    root = _root(subscription, bucket)
    if subscription.is_third_party:
        return [f"{root}*"]
    account_id = subscription.account_id
    forms = [f"AWSLogs/{account_id}/*", f"AWSLogs/aws-account-id={account_id}/*"]
    if layout.organization_id:
        forms.append(f"AWSLogs/{layout.organization_id}/{account_id}/*")
    owned = [root + prefix + form for prefix in layout.key_prefixes for form in forms]
    return owned + [f"{root}{prefix}*" for prefix, owner in layout.prefix_accounts.items() if owner == account_id]


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}
