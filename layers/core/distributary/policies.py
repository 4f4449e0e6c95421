"""The session policy: what one delivery session may do, whatever its role allows. Pure.

A session's permissions are the intersection of the role's policies and the session policy, so a wrong route fails
closed even with a role that may do everything.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

import json
from typing import Any

from distributary.errors import DistributaryError
from distributary.keys import KeyLayout
from distributary.subscriptions import Subscription

MAX_CHARACTERS = 2048
"""STS's limit for an inline session policy."""


class SessionPolicyTooLongError(DistributaryError):
    """The key prefixes in use do not fit into STS's 2,048 characters: configure fewer or shorter ones."""

    def __init__(self, subscription: str, characters: int) -> None:
        super().__init__(
            f"the session policy of subscription {subscription} has {characters} characters and STS takes "
            f"{MAX_CHARACTERS}: configure fewer or shorter KEY_PREFIXES"
        )


def session_policy(subscription: Subscription, bucket: str, layout: KeyLayout, key_arn: str | None) -> str:
    """The policy, as JSON, that narrows a delivery session of `subscription`.

    Args:
        subscription: who receives, and where.
        bucket: the central bucket's name.
        layout: the forms of keys in use; each owned form becomes one resource.
        key_arn: the central bucket's KMS key, if it has one.

    Raises:
        SessionPolicyTooLongError: if STS would refuse it for its length.
    """
    target = subscription.copy_to
    arn = f"arn:{subscription.partition}:s3:::"
    statements = [
        # Versions too: an event names the version that it is about.
        _allow(["s3:GetObject", "s3:GetObjectVersion"], owned_resources(subscription, bucket, layout)),
        # Aborting cleans up after a multipart copy of more than 5 GB that failed.
        _allow(["s3:PutObject", "s3:AbortMultipartUpload"], [f"{arn}{target.bucket}/{target.prefix}*"]),
    ]
    if key_arn:
        statements.append(_allow(["kms:Decrypt"], [key_arn]))
    if target.kms_key_arn:
        # Decrypt as well: S3 reads the parts of a multipart upload back when it joins them.
        statements.append(_allow(["kms:GenerateDataKey", "kms:Decrypt"], [target.kms_key_arn]))
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    if len(text) > MAX_CHARACTERS:
        raise SessionPolicyTooLongError(subscription.name, len(text))
    return text


def owned_resources(subscription: Subscription, bucket: str, layout: KeyLayout) -> list[str]:
    """The ARN patterns of the central bucket's objects that belong to the subscription's scope, and no others."""
    root = f"arn:{subscription.partition}:s3:::{bucket}/"
    account_id = subscription.scope
    forms = [f"AWSLogs/{account_id}/*", f"AWSLogs/aws-account-id={account_id}/*"]
    if layout.organization_id:
        forms.append(f"AWSLogs/{layout.organization_id}/{account_id}/*")
    owned = [root + prefix + form for prefix in layout.key_prefixes for form in forms]
    return owned + [f"{root}{prefix}*" for prefix, owner in layout.prefix_accounts.items() if owner == account_id]


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}
