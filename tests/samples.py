"""The accounts, buckets and subscriptions that the tests speak of."""

from typing import Any

from distributary.keys import KeyLayout, LogFile
from distributary.settings import Settings
from distributary.subscription_forms import from_mapping
from distributary.subscriptions import Subscription

A, B, C = "111111111111", "222222222222", "333333333333"
CENTRAL_BUCKET = "central-logs-111111111111"
ORGANIZATION_ID = "o-exampleorg"
LAYOUT = KeyLayout(
    key_prefixes=("", "trails/", f"{ORGANIZATION_ID}/", "/"),
    organization_id=ORGANIZATION_ID,
    prefix_accounts={"cdn/": B},
)
SETTINGS = Settings(
    central_bucket=CENTRAL_BUCKET,
    central_account_id=A,
    subscriptions_table="distributary-subscriptions",
    layout=LAYOUT,
    log_key_arns=(),
    concurrency=8,
)


def plain_subscription(account_id: str = B, **changes: Any) -> dict[str, Any]:
    """A subscription as people write it."""
    return {
        "name": f"owner-{account_id}",
        "account_id": account_id,
        "delivery_role_arn": f"arn:aws:iam::{account_id}:role/distributary-delivery",
        "external_id": f"external-id-of-{account_id}",
        "copy_to": {"bucket": f"owner-logs-{account_id}", "region": "us-east-1"},
    } | changes


def subscription(account_id: str = B, **changes: Any) -> Subscription:
    """The same, read."""
    return from_mapping(plain_subscription(account_id, **changes))


def cloudtrail_key(account_id: str = B, number: int = 0) -> str:
    """A CloudTrail log file's key; another number is another file."""
    folder = f"AWSLogs/{account_id}/CloudTrail/us-east-1/2026/11/21"
    return f"{folder}/{account_id}_CloudTrail_us-east-1_20261121T0000Z_{number:016d}.json.gz"


def log_file(account_id: str = B, log_type: str = "CloudTrail", region: str | None = "us-east-1") -> LogFile:
    """A log file that the grammar has read."""
    return LogFile(key=cloudtrail_key(account_id), account_id=account_id, log_type=log_type, region=region)
