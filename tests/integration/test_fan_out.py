"""The third party gets everybody's files; whoever wants notifications gets them in a form that programs read."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote_plus

import pytest
from aws_lambda_powertools.utilities.parser.models import S3EventNotificationEventBridgeModel, S3Model
from botocore.exceptions import ClientError
from integration.stacks import central_stack, owner_stack, reader_stack, subscribe, third_party_stack
from integration.waiting import wait_until

from distributary.subscription_forms import from_mapping
from distributary.subscriptions import Subscription
from distributary_local.announcements import told_key
from distributary_local.deliveries import final_outcomes, read_bucket, read_outcomes
from distributary_local.deployment import (
    CENTRAL_ACCOUNT_ID,
    FORMATS,
    ORGANIZATION_ID,
    OWNERS,
    THIRD_PARTY_ACCOUNT_ID,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
)
from distributary_local.emulator import session_of
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
        self._url, self._form = deployment.notification_queues[account_id], FORMATS[account_id]
        self.bodies: list[Any] = []

    def read(self) -> list[Any]:
        answer = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for message in answer.get("Messages", []):
            attributes = {name: one["StringValue"] for name, one in message.get("MessageAttributes", {}).items()}
            self.bodies.append((json.loads(message["Body"]), attributes))
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.bodies

    def about(self, key: str) -> list[tuple[Any, dict[str, str]]]:
        """All notifications about a key so far, and their attributes."""
        return [(body, attributes) for body, attributes in self.read() if told_key(self._form, body) == key]

    def wait_for(self, key: str) -> tuple[Any, dict[str, str]]:
        """The first notification about a key, and its attributes."""
        wait_until(lambda: not self.about(key))
        return self.about(key)[0]


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
    body, attributes = Subscriber(deployment, B).wait_for(key)
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
    body, _ = Subscriber(deployment, C).wait_for(key)
    assert body == {"s3Bucket": deployment.buckets[C], "s3ObjectKey": [key]}


def test_the_third_party_is_told_as_eventbridge_would(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key = new_key(C)
    put(deployment, key)
    body, _ = Subscriber(deployment, Z).wait_for(key)
    event = S3EventNotificationEventBridgeModel.model_validate(body)
    assert (event.detail.bucket.name, event.detail.object.size) == (deployment.third_party_bucket, 4)


def test_a_repeated_event_repeats_the_same_notification(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key, subscriber = new_key(B), Subscriber(deployment, B)
    put(deployment, key)
    first, _ = subscriber.wait_for(key)
    message = json.dumps({"s3Bucket": deployment.outputs["CentralBucketName"], "s3ObjectKey": [key]})
    sqs = deployment.emulator.client("sqs", CENTRAL_ACCOUNT_ID)
    sqs.send_message(QueueUrl=deployment.outputs["OwnerQueueUrl"], MessageBody=message)
    wait_until(lambda: len(subscriber.about(key)) < 2)
    second, _ = subscriber.about(key)[-1]
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


@pytest.fixture(scope="module")
def only_told(deployment: Deployment) -> Iterator[dict[str, str]]:
    """B is told, in SNS's envelope, and gets no copies: the outputs of Account A's stack, B's and its reader role's."""
    names, organization = {"DeliveryRoleName": "told-delivery"}, {"OrganizationId": ORGANIZATION_ID}
    with ExitStack() as stacks:
        central = stacks.enter_context(central_stack(deployment, "told", **names, **organization))
        bucket = {"CentralBucketName": central["CentralBucketName"]}
        own = {**names, **bucket, "DeliverToOwnerRoleArn": central["DeliverToOwnerRoleArn"], "ExternalId": "told"}
        own |= {"Copies": "no", "Notifications": "queue", "RawMessageDelivery": "false"}
        outputs = stacks.enter_context(owner_stack(deployment, B, "told", **own))
        reads = {"ReceivingAccountId": B, **bucket, **organization}
        reader = stacks.enter_context(reader_stack(deployment, "told-reader", **reads))
        plain = {"name": "told", "account_id": B, "external_id": "told"}
        plain |= {"delivery_role_arn": outputs["DeliveryRoleArn"]}
        notify = {"notify": {"topic_arn": outputs["NotificationTopicArn"]}}
        subscribe(deployment, central["SubscriptionsTableName"], from_mapping(plain | notify))
        yield {**central, **outputs, "ReaderRoleArn": reader["RoleArn"]}


def receive(deployment: Deployment, account_id: str, queue_url: str) -> Any:
    """The body of the only message that a queue gets."""
    client = deployment.emulator.client("sqs", account_id)
    messages: list[Any] = []

    def nothing() -> bool:
        messages.extend(client.receive_message(QueueUrl=queue_url).get("Messages", []))
        return not messages

    wait_until(nothing)
    [message] = messages
    return json.loads(message["Body"])


def test_b_is_told_in_sns_s_envelope_and_fetches_just_that_from_the_central_bucket(
    deployment: Deployment,
    only_told: dict[str, str],
    new_key: Callable[[str], str],
    as_user: Callable[[str, Any], Any],
) -> None:
    bucket, key, central = only_told["CentralBucketName"], new_key(B), deployment.emulator.client("s3", A)
    central.put_object(Bucket=bucket, Key=key, Body=b"logs")
    envelope = receive(deployment, B, only_told["NotificationQueueUrl"])
    assert (envelope["Type"], envelope["TopicArn"]) == ("Notification", only_told["NotificationTopicArn"])
    attributes = {name: one["Value"] for name, one in envelope["MessageAttributes"].items()}
    assert attributes == {"account_id": B, "log_type": "CloudTrail", "region": "us-east-1"}

    [record] = S3Model.model_validate_json(envelope["Message"]).Records
    told = record.s3.object
    assert told is not None
    assert (record.eventName, record.s3.bucket.name, told.size) == ("ObjectCreated:Put", bucket, 4)
    central.put_object(Bucket=bucket, Key=key, Body=b"overwritten")
    siem = as_user(B, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": only_told["ReaderRoleArn"]})
    sts = deployment.emulator.client_of(siem, "sts")
    got = sts.assume_role(RoleArn=only_told["ReaderRoleArn"], RoleSessionName="siem")["Credentials"]
    session = session_of(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
    s3 = deployment.emulator.client_of(session, "s3")
    wanted = {"Bucket": record.s3.bucket.name, "Key": unquote_plus(told.key), "IfMatch": f'"{told.eTag}"'}
    assert s3.get_object(**wanted, VersionId=told.versionId)["Body"].read() == b"logs"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.get_object(**wanted)


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
