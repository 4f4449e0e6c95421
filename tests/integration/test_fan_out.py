"""The third party gets everybody's files; whoever wants notifications gets them in a form that programs read."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest
from aws_lambda_powertools.utilities.parser.models import S3EventNotificationEventBridgeModel, S3Model
from integration.stacks import central_stack, subscribe, third_party_stack
from integration.waiting import wait_until

from distributary.subscription_forms import from_mapping
from distributary.subscriptions import Subscription
from distributary_local.deliveries import final_outcomes, read_bucket, read_outcomes
from distributary_local.deployment import (
    CENTRAL_ACCOUNT_ID,
    ORGANIZATION_ID,
    OWNERS,
    THIRD_PARTY_ACCOUNT_ID,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
)
from distributary_local.outage import third_party_outage

A, B, C = OWNERS
Z = THIRD_PARTY_ACCOUNT_ID
TO_Z, TO_OWNERS = "FAN_OUT_LOG_GROUP", "DELIVER_TO_OWNER_LOG_GROUP"


def put(deployment: Deployment, *keys: str) -> None:
    client = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID)
    for key in keys:
        client.put_object(Bucket=deployment.outputs["CentralBucketName"], Key=key, Body=b"logs")


def wait_for(deployment: Deployment, log_group: str, *keys: str) -> dict[str, str]:
    """The final outcomes of these keys in one function's log, when all of them have one."""
    wait_until(lambda: set(keys) - final_outcomes(read_outcomes(deployment, log_group)).keys())
    told = final_outcomes(read_outcomes(deployment, log_group))
    return {key: told[key].outcome for key in keys}


class Subscriber:
    """A program that reads its account's notification queue, and deletes what it has read."""

    def __init__(self, deployment: Deployment, account_id: str) -> None:
        self._client = deployment.emulator.client("sqs", account_id)
        self._url = deployment.notification_queues[account_id]
        self.bodies: list[Any] = []

    def read(self) -> list[Any]:
        answer = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for message in answer.get("Messages", []):
            attributes = {name: one["StringValue"] for name, one in message.get("MessageAttributes", {}).items()}
            self.bodies.append((json.loads(message["Body"]), attributes))
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.bodies

    def wait_for(self, key: str, key_of: Callable[[Any], str]) -> tuple[Any, dict[str, str]]:
        """The first notification about a key, and its attributes."""
        wait_until(lambda: key not in {key_of(body) for body, _ in self.read()})
        return next((body, attributes) for body, attributes in self.bodies if key_of(body) == key)


def s3_key(body: Any) -> str:
    return unquote_plus(body["Records"][0]["s3"]["object"]["key"])


def test_the_third_party_gets_the_files_of_every_account(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    keys = [new_key(account_id) for account_id in (*OWNERS, UNSUBSCRIBED_ACCOUNT_ID)]
    put(deployment, *keys)
    assert wait_for(deployment, TO_Z, *keys) == dict.fromkeys(keys, "delivered")
    central = read_bucket(deployment, A, deployment.outputs["CentralBucketName"])
    received = read_bucket(deployment, Z, deployment.third_party_bucket)
    assert {key: received[key] for key in keys} == {key: central[key] for key in keys}
    assert wait_for(deployment, TO_OWNERS, *keys)[keys[-1]] == "unsubscribed"


@pytest.mark.parametrize("odd", ["", " space", "+plus", "=&?#", "%41%2B", "::", "snow☃", '"\\'])
def test_b_is_told_of_its_copy_and_can_fetch_exactly_that(
    deployment: Deployment, new_key: Callable[[str], str], as_user: Callable[[str, Any], Any], odd: str
) -> None:
    key = new_key(B).removesuffix(".json.gz") + odd + ".json.gz"
    put(deployment, key)
    body, attributes = Subscriber(deployment, B).wait_for(key, s3_key)
    [record] = S3Model.model_validate(body).Records
    told = record.s3.object
    assert told is not None
    assert attributes == {"account_id": B, "log_type": "CloudTrail", "region": "us-east-1"}
    siem = as_user(B, {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "*"})
    got = deployment.emulator.client_of(siem, "s3").get_object(
        Bucket=record.s3.bucket.name, Key=key, VersionId=told.versionId, IfMatch=f'"{told.eTag}"'
    )
    assert (got["Body"].read(), got["ContentLength"]) == (b"logs", told.size)


def test_c_is_told_through_its_topic_in_account_a(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key = new_key(C)
    put(deployment, key)
    body, _ = Subscriber(deployment, C).wait_for(key, lambda body: str(body["s3ObjectKey"][0]))
    assert body == {"s3Bucket": deployment.buckets[C], "s3ObjectKey": [key]}


def test_the_third_party_is_told_as_eventbridge_would(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key = new_key(C)
    put(deployment, key)
    body, _ = Subscriber(deployment, Z).wait_for(key, lambda body: str(body["detail"]["object"]["key"]))
    event = S3EventNotificationEventBridgeModel.model_validate(body)
    assert (event.detail.bucket.name, event.detail.object.size) == (deployment.third_party_bucket, 4)


def test_a_repeated_event_repeats_the_same_notification(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key, subscriber = new_key(B), Subscriber(deployment, B)
    put(deployment, key)
    first, _ = subscriber.wait_for(key, s3_key)
    message = json.dumps({"s3Bucket": deployment.outputs["CentralBucketName"], "s3ObjectKey": [key]})
    sqs = deployment.emulator.client("sqs", CENTRAL_ACCOUNT_ID)
    sqs.send_message(QueueUrl=deployment.outputs["OwnerQueueUrl"], MessageBody=message)
    wait_until(lambda: [s3_key(body) for body, _ in subscriber.read()].count(key) < 2)
    second = next(body for body, _ in reversed(subscriber.bodies) if s3_key(body) == key)
    told = [body["Records"][0]["s3"] for body in (first, second)]
    assert told[0] == told[1]


def test_an_outage_of_the_third_party_leaves_the_owners_alone_and_loses_nothing(
    deployment: Deployment, new_key: Callable[[str], str]
) -> None:
    keys = [new_key(owner) for owner in OWNERS for _ in range(5)]
    with third_party_outage(deployment):
        put(deployment, *keys)
        assert wait_for(deployment, TO_OWNERS, *keys) == dict.fromkeys(keys, "delivered")
        wait_until(lambda: set(keys) - {told.key for told in read_outcomes(deployment, TO_Z)})
        tried = {told.outcome for told in read_outcomes(deployment, TO_Z) if told.key in keys}
        assert tried == {"failed"}
        assert not set(keys) & read_bucket(deployment, Z, deployment.third_party_bucket).keys()
    assert wait_for(deployment, TO_Z, *keys) == dict.fromkeys(keys, "delivered")
    assert set(keys) <= read_bucket(deployment, Z, deployment.third_party_bucket).keys()


class TestTwoThirdParties:
    """One of them is broken: its account has no delivery role yet."""

    Y = "888888888888"

    def test_the_failure_of_one_repeats_nothing_of_the_others(
        self, deployment: Deployment, new_key: Callable[[str], str]
    ) -> None:
        names = {"DeliveryRoleName": "two-delivery"}
        parties = {"OrganizationId": ORGANIZATION_ID, "ThirdPartyAccountIds": f"{Z},{self.Y}"}
        with central_stack(deployment, "two", **names, **parties) as central:
            common = {**names, "FanOutRoleArn": central["FanOutRoleArn"], "ExternalId": "two"}
            common |= {"CentralBucketName": central["CentralBucketName"], "Notifications": "queue"}
            with third_party_stack(deployment, Z, "two", **common, BucketName="two-good") as good:
                topic = {"topic_arn": good["NotificationTopicArn"]}
                both = [self.subscription(Z, "good", notify=topic), self.subscription(self.Y, "late")]
                subscribe(deployment, central["SubscriptionsTableName"], *both)
                key = new_key(B)
                s3 = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID)
                s3.put_object(Bucket=central["CentralBucketName"], Key=key, Body=b"logs")
                log = "/aws/lambda/two-fan-out"
                wait_until(lambda: "failed" not in {told.outcome for told in read_outcomes(deployment, log)})
                with third_party_stack(deployment, self.Y, "two", **common, BucketName="two-late"):
                    wait_until(lambda: key not in final_outcomes(read_outcomes(deployment, log)))
                    assert key in read_bucket(deployment, self.Y, "two-late")
                    versions = deployment.emulator.client("s3", Z).list_object_versions(Bucket="two-good")["Versions"]
                    assert [version["Key"] for version in versions] == [key]
                    assert self.announcements(deployment, good["NotificationQueueUrl"]) == 1

    @staticmethod
    def subscription(account_id: str, name: str, **changes: Any) -> Subscription:
        role = f"arn:aws:iam::{account_id}:role/two-delivery"
        copy_to = {"bucket": f"two-{name}", "region": "us-east-1"}
        plain = {
            "name": name,
            "scope": "all",
            "account_id": account_id,
            "delivery_role_arn": role,
            "external_id": "two",
        }
        return from_mapping(plain | {"copy_to": copy_to} | changes)

    @staticmethod
    def announcements(deployment: Deployment, queue_url: str) -> int:
        answer = deployment.emulator.client("sqs", Z).receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        return len(answer.get("Messages", []))
