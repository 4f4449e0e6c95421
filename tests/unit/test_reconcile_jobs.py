"""The reconcile function from its event to its answer, against moto, which checks no permissions."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from fakes import Context
from functions.reconcile import app
from samples import CENTRAL_BUCKET, SETTINGS, A, B, C, Z, cloudtrail_key, plain_subscription, subscription

from distributary.events import ObjectCreated, read_message
from distributary.reconcile_environment import build_jobs
from distributary.reconcile_jobs import Jobs, RequestError
from distributary.reconciliation import NothingToCompareError
from distributary.settings import SettingError
from distributary.subscription_forms import from_mapping
from distributary.subscription_table import StoredSubscriptionError, to_item
from distributary.subscriptions import ALL
from distributary.windows import TimeError

TABLE = SETTINGS.subscriptions_table
LATER = "2100-01-01"


class World:
    """The buckets of A and B, the queues, the table, and what the function has started of itself."""

    def __init__(self) -> None:
        self.s3, self.sqs, self.dynamodb = boto3.client("s3"), boto3.client("sqs"), boto3.client("dynamodb")
        for bucket in (CENTRAL_BUCKET, f"owner-logs-{B}"):
            self.s3.create_bucket(Bucket=bucket)
        self.queue = self.sqs.create_queue(QueueName="owner")["QueueUrl"]
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "scope", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "scope", "KeyType": "HASH"}],
        )
        self.started: list[Mapping[str, Any]] = []
        environ = {
            "CENTRAL_BUCKET": CENTRAL_BUCKET,
            "CENTRAL_ACCOUNT_ID": A,
            "SUBSCRIPTIONS_TABLE": TABLE,
            "AWS_REGION": "us-east-1",
            "OWNER_QUEUE_URL": self.queue,
        }
        built = build_jobs(environ)
        self.jobs = Jobs(
            **{name: getattr(built, name) for name in Jobs.__slots__}
            | {"start": self.started.append, "clock": lambda: datetime(2026, 11, 22, tzinfo=UTC)}
        )

    def subscribe(self, *ones: Any) -> None:
        for one in ones:
            self.dynamodb.put_item(TableName=TABLE, Item=to_item(one.scope, [one]))

    def handle(self, event: Mapping[str, Any], context: Context | None = None) -> dict[str, Any]:
        return self.jobs.handle(event, context or Context())


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - it stands up what this needs
    return World()


def compare_b(**changes: Any) -> dict[str, Any]:
    return {"subscription": {"scope": B, "name": f"owner-{B}"}, "arrived_before": LATER} | changes


def test_one_subscription_is_compared_and_repaired(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.subscribe(subscription(B))
    world.s3.put_object(Bucket=CENTRAL_BUCKET, Key=cloudtrail_key(B), Body=b"logs")
    assert world.handle(compare_b())["missing_keys"] == [cloudtrail_key(B)]
    assert world.handle(compare_b(repair=True))["repaired"] == 1
    [message] = world.sqs.receive_message(QueueUrl=world.queue)["Messages"]
    [notice] = read_message(message["Body"])
    assert isinstance(notice, ObjectCreated)
    assert (notice.key, notice.subscriptions) == (cloudtrail_key(B), ((f"owner-{B}", B),))
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [(one["MissingFiles"], one["RepairedFiles"]) for one in metrics] == [([1.0], [0.0]), ([1.0], [1.0])]


def test_the_schedule_starts_each_subscription_that_copies(world: World) -> None:
    notify_only = plain_subscription(C, notify={"topic_arn": f"arn:aws:sns:us-east-1:{C}:log-files"})
    del notify_only["copy_to"]
    world.subscribe(
        subscription(B), from_mapping(notify_only), subscription(A, paused=True), subscription(Z, scope="all")
    )
    assert world.handle({"days": 2, "grace_minutes": 60, "repair": True}) == {"started": 2}
    assert sorted(one["subscription"]["scope"] for one in world.started) == [B, "all"]
    assert {one["since"] for one in world.started} == {"2026-11-20T00:00:00+00:00"}
    assert {one["arrived_before"] for one in world.started} == {"2026-11-21T23:00:00+00:00"}
    assert all(one["repair"] and one["goes_on"] for one in world.started)


def test_what_was_started_goes_on_by_itself_when_time_runs_out(world: World) -> None:
    world.subscribe(subscription(B))
    keys = [cloudtrail_key(B, number) for number in range(3)]
    for key in keys:
        world.s3.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=b"logs")
    first = world.handle(compare_b(goes_on=True), Context(60_000, 20_000))
    assert first["continue_after"] == keys[1]
    [again] = world.started
    assert world.handle(again)["missing_keys"] == keys[2:]


def test_a_caller_goes_on_himself(world: World) -> None:
    world.subscribe(subscription(B))
    world.s3.put_object(Bucket=CENTRAL_BUCKET, Key=cloudtrail_key(B), Body=b"logs")
    assert world.handle(compare_b(), Context(20_000))["continue_after"] == cloudtrail_key(B)
    assert world.started == []


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"subscription": {"scope": B, "name": "another"}}, RequestError),
        ({"subscription": "payments"}, RequestError),
        ({"subscription": {}}, RequestError),
        (compare_b(since="yesterday-ish"), TimeError),
        ({"days": "two"}, RequestError),
        ({"days": True}, RequestError),
        ({"days": -1}, RequestError),
    ],
)
def test_a_wrong_event_is_one_clear_error(world: World, event: dict[str, Any], error: type[Exception]) -> None:
    world.subscribe(subscription(B))
    with pytest.raises(error):
        world.handle(event)


def test_what_was_subscribed_or_changed_just_now_is_known(world: World) -> None:
    world.subscribe(subscription(B))
    world.s3.put_object(Bucket=CENTRAL_BUCKET, Key=cloudtrail_key(B), Body=b"logs")
    assert world.handle(compare_b())["missing"] == 1
    world.subscribe(subscription(B, name="young", filters={"log_types": ["Config"]}))
    assert world.handle(compare_b(subscription={"scope": B, "name": "young"}))["missing"] == 0
    world.subscribe(subscription(B, name="young"))
    assert world.handle(compare_b(subscription={"scope": B, "name": "young"}))["missing"] == 1


def test_a_subscription_without_copies_is_told_so(world: World) -> None:
    plain = plain_subscription(B, notify={"topic_arn": f"arn:aws:sns:us-east-1:{B}:log-files"})
    del plain["copy_to"]
    world.subscribe(from_mapping(plain))
    with pytest.raises(NothingToCompareError):
        world.handle(compare_b())


def test_a_subscription_without_copies_can_be_announced_everything_and_nobody_is_alarmed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = plain_subscription(B, notify={"topic_arn": f"arn:aws:sns:us-east-1:{B}:log-files"})
    del plain["copy_to"]
    world.subscribe(from_mapping(plain))
    world.s3.put_object(Bucket=CENTRAL_BUCKET, Key=cloudtrail_key(B), Body=b"logs")
    assert world.handle(compare_b(announce=True, repair=True))["repaired"] == 1
    [received] = world.sqs.receive_message(QueueUrl=world.queue)["Messages"]
    [notice] = read_message(received["Body"])
    assert isinstance(notice, ObjectCreated)
    assert (notice.key, notice.subscriptions) == (cloudtrail_key(B), ((f"owner-{B}", B),))
    assert "MissingFiles" not in capsys.readouterr().out
    shard = {"subscription": compare_b()["subscription"], "prefix": f"AWSLogs/{B}/", "announce": True}
    left = world.handle({"Items": [shard], "BatchInput": {"rate": 10, "arrived_before": LATER}})
    assert (left["Items"], left["counts"]["repaired"]) == ([], 1)


def test_what_is_malformed_keeps_nobody_else_from_being_compared_and_fails_by_itself(world: World) -> None:
    world.subscribe(subscription(B))
    world.dynamodb.put_item(TableName=TABLE, Item={"scope": {"S": C}})
    third_parties = to_item(ALL, [subscription(Z, name=name, scope=ALL) for name in ("sound", "bad")])
    del third_parties["subscriptions"]["L"][1]["M"]["external_id"]
    world.dynamodb.put_item(TableName=TABLE, Item=third_parties)
    assert world.handle({}) == {"started": 4}
    named = [(job["subscription"]["scope"], job["subscription"]["name"]) for job in world.started]
    assert {*named} == {(B, f"owner-{B}"), (C, None), (ALL, "sound"), (ALL, "bad")}
    for job in world.started:
        if job["subscription"]["name"] in (None, "bad"):
            with pytest.raises(StoredSubscriptionError):
                world.handle(job)


def test_the_handler_needs_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CENTRAL_ACCOUNT_ID", raising=False)
    app.jobs.cache_clear()
    with pytest.raises(SettingError, match="CENTRAL_ACCOUNT_ID"):
        app.handler({}, Context())
