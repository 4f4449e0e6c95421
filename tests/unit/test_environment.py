"""The function as Lambda runs it: built from environment variables, its requests to AWS counted."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from fakes import Context
from functions.deliver_to_owner import app
from samples import CENTRAL_BUCKET, A, B, C, batch, cloudtrail_key, created, subscription

from distributary.batches import Deliverer
from distributary.environment import build_deliverer
from distributary.settings import SettingError
from distributary.subscription_table import to_item

ENVIRON = {
    "CENTRAL_BUCKET": CENTRAL_BUCKET,
    "CENTRAL_ACCOUNT_ID": A,
    "SUBSCRIPTIONS_TABLE": "table",
    "AWS_REGION": "us-east-1",
}


@pytest.fixture
def requests() -> Counter[str]:
    return Counter()


@pytest.fixture
def count(requests: Counter[str]) -> Callable[..., None]:
    def count(request: Any, event_name: str, **_: Any) -> None:  # noqa: ARG001 - botocore passes it by name
        requests[event_name.removeprefix("before-send.")] += 1

    return count


@pytest.fixture
def deliverer(aws: None, count: Callable[..., None]) -> Iterator[Deliverer]:  # noqa: ARG001
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "scope", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "scope", "KeyType": "HASH"}],
    )
    for bucket in (CENTRAL_BUCKET, f"owner-logs-{B}", f"owner-logs-{C}"):
        s3.create_bucket(Bucket=bucket)
    for owner in (B, C):
        dynamodb.put_item(TableName="table", Item=to_item(owner, [subscription(owner)]))
        for number in range(20):
            s3.put_object(Bucket=CENTRAL_BUCKET, Key=cloudtrail_key(owner, number), Body=b"logs")
    built = build_deliverer(ENVIRON, "deliver_to_owner", lambda log_file: log_file.account_id)

    clients = (built.table._client, built.carrier._sessions._client, built.carrier._engine.client("us-east-1"))  # type: ignore[attr-defined]
    for client in clients:
        client.meta.events.register("before-send", count)
    with built.pool:
        yield built


def ten_files_each(first: int) -> dict[str, Any]:
    keys = [cloudtrail_key(owner, number) for owner in (B, C) for number in range(first, first + 10)]
    body = {"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": keys}
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "m0", "body": __import__("json").dumps(body)}]}


def test_a_warm_function_makes_one_request_for_each_file_and_no_other(
    deliverer: Deliverer, requests: Counter[str]
) -> None:
    assert deliverer.handle(ten_files_each(0), Context()) == {"batchItemFailures": []}
    assert requests == {"dynamodb.BatchGetItem": 1, "sts.AssumeRole": 2, "s3.CopyObject": 20}
    requests.clear()
    assert deliverer.handle(ten_files_each(10), Context()) == {"batchItemFailures": []}
    assert requests == {"s3.CopyObject": 20}


def test_notifications_cost_a_tenth_of_a_request_each_and_none_of_s3(
    deliverer: Deliverer, requests: Counter[str], count: Callable[..., None]
) -> None:
    topic = boto3.client("sns").create_topic(Name="log-files")["TopicArn"]
    item = to_item(B, [subscription(B, notify={"topic_arn": topic})])
    boto3.client("dynamodb").put_item(TableName="table", Item=item)
    deliverer.carrier._announcer.client("us-east-1").meta.events.register("before-send", count)  # type: ignore[attr-defined]
    keys = [created(cloudtrail_key(B, number)) for number in range(20)]
    assert deliverer.handle(batch(*keys), Context()) == {"batchItemFailures": []}
    assert requests == {"dynamodb.BatchGetItem": 1, "sts.AssumeRole": 1, "s3.CopyObject": 20, "sns.PublishBatch": 2}


def test_a_missing_setting_is_told_when_the_first_event_comes_not_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CENTRAL_ACCOUNT_ID", raising=False)
    app.deliverer.cache_clear()
    with pytest.raises(SettingError, match="CENTRAL_ACCOUNT_ID is not set"):
        app.handler(ten_files_each(0), Context())
