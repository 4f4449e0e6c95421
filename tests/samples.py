"""The accounts, buckets and subscriptions that the tests speak of."""

import json
import time
from collections.abc import Mapping
from typing import Any

from distributary.keys import KeyLayout, LogFile
from distributary.settings import Settings
from distributary.subscription_forms import from_mapping
from distributary.subscriptions import Subscription

A, B, C, Z = "111111111111", "222222222222", "333333333333", "999999999999"
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
    region="us-east-1",
    queue_url=None,
    dead_letter_queue_url=None,
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


def created(key: str, bucket: str = CENTRAL_BUCKET, version_id: str | None = None) -> dict[str, Any]:
    """EventBridge's event, as the rule puts it into the queue."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": A,
        "time": "2026-11-21T06:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "sequencer": "00617F08299329D189",
            }
            | ({"version-id": version_id} if version_id else {}),
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": A,
            "reason": "PutObject",
        },
    }


def batch(*bodies: str | Mapping[str, Any], receives: int = 1, age: float = 0) -> dict[str, Any]:
    """What Lambda's poller hands over; message IDs count from m0."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": f"handle-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": str(receives),
                    "SentTimestamp": str(int((time.time() - age) * 1000)),
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:{A}:owner",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def failed(response: Mapping[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
