"""The function as Lambda runs it: built from environment variables, its requests to AWS counted."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from fakes import Context
from functions.deliver_to_owner import app
from samples import CENTRAL_BUCKET, A, B, C, batch, cloudtrail_key, created, subscription
from wire_fakes import MotoConnections

from distributary.batches import Deliverer
from distributary.environment import build_deliverer
from distributary.keys import LogFile
from distributary.settings import SettingError
from distributary.subscription_table import to_item

ENVIRON = {
    "CENTRAL_BUCKET": CENTRAL_BUCKET,
    "CENTRAL_ACCOUNT_ID": A,
    "SUBSCRIPTIONS_TABLE": "table",
    "AWS_REGION": "us-east-1",
}


Asked = Callable[[], Counter[str]]
"""What AWS was asked for since the last time."""


@pytest.fixture(params=["wire", "sdk"])
def world(request: pytest.FixtureRequest, aws: None) -> Iterator[tuple[Deliverer, Asked]]:  # noqa: ARG001
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
            s3.put_object(Bucket=CENTRAL_BUCKET, Key=cloudtrail_key(owner, number), Body=b"hello\n")
    environ = ENVIRON | {"DISTRIBUTARY_ENGINE": request.param}
    with closing(build_deliverer(environ, "deliver_to_owner", by_owner)) as built:
        yield built, (count_boto3 if request.param == "sdk" else count_wire)(built)


def count_boto3(built: Deliverer) -> Callable[[], Counter[str]]:
    asked: Counter[str] = Counter()
    carrier: Any = built.carrier
    table: Any = built.table
    clients = (table._client, carrier._sessions._client, carrier._engine._copier.client("us-east-1"))
    for client in (*clients, carrier._announcer._publisher.client("us-east-1")):
        client.meta.events.register("before-send", lambda event_name, **_: asked.update([event_name.split(".")[2]]))
    return lambda: take(asked)


def count_wire(built: Deliverer) -> Callable[[], Counter[str]]:
    carrier: Any = built.carrier
    connections = carrier._engine._caller._connections = MotoConnections()

    def asked() -> Counter[str]:
        operations = Counter(connections.operations)
        connections.requests.clear()
        return operations

    return asked


def take(asked: Counter[str]) -> Counter[str]:
    taken = Counter(asked)
    asked.clear()
    return taken


def by_owner(log_file: LogFile) -> str:
    return log_file.account_id


def ten_files_each(first: int) -> dict[str, Any]:
    keys = [cloudtrail_key(owner, number) for owner in (B, C) for number in range(first, first + 10)]
    body = {"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": keys}
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "m0", "body": __import__("json").dumps(body)}]}


def test_a_warm_function_makes_one_request_for_each_file_and_no_other(world: tuple[Deliverer, Asked]) -> None:
    deliverer, asked = world
    assert deliverer.handle(ten_files_each(0), Context()) == {"batchItemFailures": []}
    assert asked() == {"BatchGetItem": 1, "AssumeRole": 2, "CopyObject": 20}
    assert deliverer.handle(ten_files_each(10), Context()) == {"batchItemFailures": []}
    assert asked() == {"CopyObject": 20}


def test_notifications_cost_a_tenth_of_a_request_each_and_none_of_s3(world: tuple[Deliverer, Asked]) -> None:
    deliverer, asked = world
    topic = boto3.client("sns").create_topic(Name="log-files")["TopicArn"]
    item = to_item(B, [subscription(B, notify={"topic_arn": topic})])
    boto3.client("dynamodb").put_item(TableName="table", Item=item)
    keys = [created(cloudtrail_key(B, number)) for number in range(20)]
    assert deliverer.handle(batch(*keys), Context()) == {"batchItemFailures": []}
    assert asked() == {"BatchGetItem": 1, "AssumeRole": 1, "CopyObject": 20, "PublishBatch": 2}


def test_a_missing_setting_is_told_when_the_first_event_comes_not_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CENTRAL_ACCOUNT_ID", raising=False)
    app.deliverer.cache_clear()
    with pytest.raises(SettingError, match="CENTRAL_ACCOUNT_ID is not set"):
        app.handler(ten_files_each(0), Context())
