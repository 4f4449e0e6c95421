"""The accounts, subscriptions and events of the benchmark: alike for every contender."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from distributary.subscription_forms import from_mapping
from distributary.subscription_table import to_item
from distributary.subscriptions import ALL

REGION = "us-east-1"
CENTRAL_ACCOUNT = "111111111111"
CENTRAL_BUCKET = "central-logs-111111111111"
THIRD_PARTY = "999999999999"
TABLE = "distributary-subscriptions"
BUCKET_START = "logs-of-"


def account(number: int) -> str:
    """The ID of the owner with this number."""
    return f"2{number:011d}"


def bucket(account_id: str) -> str:
    """The bucket of an account."""
    return f"{BUCKET_START}{account_id}"


def role_arn(account_id: str) -> str:
    """The delivery role of an account."""
    return f"arn:aws:iam::{account_id}:role/distributary-delivery"


def account_in(arn: str) -> str:
    """The account that an ARN names."""
    return arn.split(":")[4]


def key(account_id: str, number: int) -> str:
    """The key of an account's log file with this number."""
    folder = f"AWSLogs/{account_id}/CloudTrail/us-east-1/2026/11/21"
    return f"{folder}/{account_id}_CloudTrail_us-east-1_20261121T0605Z_{number:016d}.json.gz"


@cache
def item(scope: str) -> str:
    """The table's item of a scope, in DynamoDB's JSON: owners get copies, the third party a notification as well."""
    account_id = THIRD_PARTY if scope == ALL else scope
    plain: dict[str, Any] = {
        "name": f"to-{account_id}",
        "account_id": account_id,
        "delivery_role_arn": role_arn(account_id),
        "external_id": f"external-id-of-{account_id}",
        "copy_to": {"bucket": bucket(account_id), "region": REGION},
    }
    if scope == ALL:
        plain |= {"scope": ALL, "notify": {"topic_arn": f"arn:aws:sns:{REGION}:{account_id}:log-files"}}
    return json.dumps(to_item(scope, [from_mapping(plain)]))


def files(count: int, accounts: int, first: int = 0) -> Iterator[tuple[str, str]]:
    """The account and key of so many log files, of the accounts in turn."""
    for number in range(first, first + count):
        account_id = account(number % accounts)
        yield account_id, key(account_id, number)


def sqs_event(count: int, accounts: int, first: int = 0) -> dict[str, Any]:
    """What Lambda's poller hands over for so many log files: EventBridge's events, as events/eventbridge-sqs.json."""
    return {"Records": [_record(number, one) for number, (_, one) in enumerate(files(count, accounts, first))]}


def _record(number: int, object_key: str) -> dict[str, Any]:
    return {
        "messageId": f"51d16380-bbd5-56b9-96b4-{number:012d}",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a-example",
        "body": json.dumps(_object_created(object_key)),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795241234102",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1795241234110",
        },
        "messageAttributes": {},
        "md5OfBody": "73e2e6d6a392b42e94a6652b13df04fa",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{CENTRAL_ACCOUNT}:distributary-OwnerQueue-EXAMPLE1",
        "awsRegion": REGION,
    }


def _object_created(object_key: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "d1436ac5-a05c-5d3a-b0c4-afe887644927",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": CENTRAL_ACCOUNT,
        "time": "2026-11-21T06:07:13Z",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{CENTRAL_BUCKET}"],
        "detail": {
            "version": "0",
            "bucket": {"name": CENTRAL_BUCKET},
            "object": {
                "key": object_key,
                "size": 1433,
                "etag": "f30641f6cd790005ade7a9a5824b314d",
                "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "00617F08299329D189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "cloudtrail.amazonaws.com",
            "source-ip-address": "192.0.2.10",
            "reason": "PutObject",
        },
    }
