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
    text = _policy(subscription, bucket, layout, key_arns)
    if len(text) > MAX_CHARACTERS:
        # Many prefixes: any prefix then, which is as safe while no readable key holds AWSLogs/ twice.
        any_prefix = replace(layout, key_prefixes=("*",))
        text = _policy(
            subscription, bucket, any_prefix, key_arns, deny=f"{_root(subscription, bucket)}*AWSLogs/*AWSLogs/*"
        )
    if len(text) > MAX_CHARACTERS:
        raise SessionPolicyTooLongError(subscription.name, len(text))
    return text


def _policy(
    subscription: Subscription, bucket: str, layout: KeyLayout, key_arns: Sequence[str], deny: str | None = None
) -> str:
    target = subscription.copy_to
    statements = [
        # Versions too: an event names the version that it is about.
        _allow(READ, owned_resources(subscription, bucket, layout)),
        # Aborting cleans up after a multipart copy of more than 5 GB that failed.
        _allow(["s3:PutObject", "s3:AbortMultipartUpload"], [f"{_root(subscription, target.bucket)}{target.prefix}*"]),
    ]
    if key_arns:
        statements.append(_allow(["kms:Decrypt"], list(key_arns)))
    if target.kms_key_arn:
        # Decrypt as well: S3 reads the parts of a multipart upload back when it joins them.
        statements.append(_allow(["kms:GenerateDataKey", "kms:Decrypt"], [target.kms_key_arn]))
    if deny:
        statements.append({"Effect": "Deny", "Action": READ, "Resource": deny})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _root(subscription: Subscription, bucket: str) -> str:
    return f"arn:{subscription.partition}:s3:::{bucket}/"


def owned_resources(subscription: Subscription, bucket: str, layout: KeyLayout) -> list[str]:
    """The ARN patterns of the central bucket's objects that belong to the subscription's scope, and no others."""
    root = _root(subscription, bucket)
    account_id = subscription.scope
    forms = [f"AWSLogs/{account_id}/*", f"AWSLogs/aws-account-id={account_id}/*"]
    if layout.organization_id:
        forms.append(f"AWSLogs/{layout.organization_id}/{account_id}/*")
    owned = [root + prefix + form for prefix in layout.key_prefixes for form in forms]
    return owned + [f"{root}{prefix}*" for prefix, owner in layout.prefix_accounts.items() if owner == account_id]


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}
