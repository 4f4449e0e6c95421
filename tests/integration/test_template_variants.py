"""The template with other parameters: accounts instead of an organisation, a bucket that exists already, refusals.

docs/existing-bucket.md says what is left to people whose bucket exists already. Here its statements are compared with
those that the template gives to its own bucket, and its commands are followed.
"""

import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from integration.permissions import act_as, answer, document, make_role, permissions, roles, statement
from integration.stacks import central_stack, owner_stack, subscribe, third_party_stack
from integration.waiting import wait_until
from templates import ROOT

from distributary.subscriptions import CopyTarget, Subscription
from distributary_local.deployment import (
    ORGANIZATION_ID,
    OWNERS,
    STACK,
    THIRD_PARTY_ACCOUNT_ID,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
)
from distributary_local.emulator import REGION

(A, B, C), Z = OWNERS, THIRD_PARTY_ACCOUNT_ID
UNLISTED = UNSUBSCRIBED_ACCOUNT_ID
TOPIC_OF_A = f"arn:aws:sns:{REGION}:{A}:topic"
EVERYTHING = {"everything": json.loads(document(statement("*", Resource="*")))}
NOT_IN_THE_DOCUMENT = ("OnlyOverTls", "ServicesWrite", "OrganizationTrailsWrite", "ServicesCheckTheBucket")
"""What a bucket that is in use has in its own words already."""
DOCUMENT = (ROOT / "docs" / "existing-bucket.md").read_text("utf-8")


def blocks(language: str, bucket: str, role_name: str = "distributary-delivery") -> list[str]:
    """The document's blocks of a language, its example's names replaced."""
    text = DOCUMENT.replace("o-exampleorg1", ORGANIZATION_ID).replace(f"central-logs-{A}", bucket)
    text = text.replace("distributary-delivery", role_name)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def documented(bucket: str, role_name: str = "distributary-delivery") -> list[Any]:
    """The bucket's statements, those for listed accounts, a mapped prefix and third parties, and the key's two."""
    found = [json.loads(block) for block in blocks("json", bucket, role_name)]
    assert len(found) == 6
    return found


def policy_of(deployment: Deployment, bucket: str) -> list[dict[str, Any]]:
    policy = deployment.emulator.client("s3", A).get_bucket_policy(Bucket=bucket)["Policy"]
    statements: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return statements


def s3_of(deployment: Deployment, account_id: str, role_name: str) -> Any:
    """S3 as a new role that may do everything that its own account can allow."""
    arn = make_role(deployment.emulator, account_id, role_name, EVERYTHING)
    return act_as(deployment.emulator, arn, "s3").client("s3")


class TestTheDocument:
    """Its statements are the template's."""

    def test_has_the_bucket_policys_statements_for_an_organisation(self, deployment: Deployment) -> None:
        bucket = deployment.outputs["CentralBucketName"]
        wanted, _, mapped, for_third_parties, *_ = documented(bucket)
        deployed = policy_of(deployment, bucket)
        ours = [one for one in deployed if one.get("Sid") not in NOT_IN_THE_DOCUMENT]
        assert ours == [*wanted, for_third_parties, mapped]

    def test_has_the_keys_statement(self, deployment: Deployment) -> None:
        *_, for_owners, for_third_parties = documented("any")
        stack = {"OrganizationId": ORGANIZATION_ID, "ThirdPartyAccountIds": Z, "Encryption": "SSE-KMS"}
        with central_stack(deployment, "key-policy", **stack) as outputs:
            kms = deployment.emulator.client("kms", A)
            policy = kms.get_key_policy(KeyId=outputs["CentralKeyArn"], PolicyName="default")["Policy"]
        ours = [
            one for one in json.loads(policy)["Statement"] if one["Sid"] not in ("Administration", "ServicesEncrypt")
        ]
        assert ours == [for_owners, for_third_parties]


@pytest.fixture(scope="module")
def listed_bucket(deployment: Deployment) -> Iterator[str]:
    """The central bucket of a stack that lists B and C, with a file of each account."""
    parameters = {"AccountIds": f"{B},{C}", "DeliveryRoleName": "listed-delivery", "BucketName": f"listed-logs-{A}"}
    with central_stack(deployment, "listed", **parameters) as outputs:
        bucket, s3 = outputs["CentralBucketName"], deployment.emulator.client("s3", A)
        for owner in (*OWNERS, UNLISTED):
            s3.put_object(Bucket=bucket, Key=f"AWSLogs/{owner}/x", Body=b"logs")
        yield bucket


class TestListedAccounts:
    """AccountIds instead of an organisation."""

    def test_the_document_has_the_statement(self, deployment: Deployment, listed_bucket: str) -> None:
        _, wanted, *_ = documented(listed_bucket, "listed-delivery")
        deployed = {one["Sid"]: one for one in policy_of(deployment, listed_bucket)}
        assert deployed["OwnersReadTheirOwn"] == wanted

    def test_a_listed_account_reads_its_own_and_nothing_else(self, deployment: Deployment, listed_bucket: str) -> None:
        s3 = s3_of(deployment, B, "listed-delivery")
        assert answer(partial(s3.get_object, Bucket=listed_bucket, Key=f"AWSLogs/{B}/x")) == "OK"
        for other in (A, C, UNLISTED):
            assert answer(partial(s3.get_object, Bucket=listed_bucket, Key=f"AWSLogs/{other}/x")) == "AccessDenied"

    def test_another_account_reads_nothing(self, deployment: Deployment, listed_bucket: str) -> None:
        s3 = s3_of(deployment, UNLISTED, "listed-delivery")
        assert answer(lambda: s3.get_object(Bucket=listed_bucket, Key=f"AWSLogs/{UNLISTED}/x")) == "AccessDenied"

    def test_another_role_of_a_listed_account_reads_nothing(self, deployment: Deployment, listed_bucket: str) -> None:
        s3 = s3_of(deployment, B, "not-listed-delivery")
        assert answer(lambda: s3.get_object(Bucket=listed_bucket, Key=f"AWSLogs/{B}/x")) == "AccessDenied"


class TestAnExistingBucket:
    """With a notification and a policy of its own, which must survive."""

    def test_is_served_once_its_people_have_done_what_the_document_says(self, deployment: Deployment) -> None:
        bucket, queue = existing_bucket(deployment, "existing-logs")
        stack = {
            "OrganizationId": ORGANIZATION_ID,
            "ExistingBucketName": bucket,
            "DeliveryRoleName": "existing-delivery",
        }
        with central_stack(deployment, "existing", **stack) as central:
            assert state(deployment, bucket) == before(bucket, queue)
            follow_the_document(deployment, bucket)
            key = f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/{B}_CloudTrail_{uuid.uuid4().hex}.json.gz"
            with owner_of(deployment, central) as owner:
                deployment.emulator.client("s3", A).put_object(Bucket=bucket, Key=key, Body=b"logs")
                s3 = deployment.emulator.client("s3", B)
                wait_until(lambda: "Contents" not in s3.list_objects_v2(Bucket=owner["LogBucketName"], Prefix=key))
        assert key in messages(deployment, queue)

    def test_the_stack_makes_no_central_bucket_and_no_policy(self, deployment: Deployment) -> None:
        bucket, _ = existing_bucket(deployment, "existing-unmade")
        with central_stack(deployment, "unmade", OrganizationId=ORGANIZATION_ID, ExistingBucketName=bucket) as outputs:
            assert outputs["CentralBucketName"] == bucket
            cloudformation = deployment.emulator.client("cloudformation", A)
            found = cloudformation.describe_stack_resources(StackName="unmade")["StackResources"]
        kinds = ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key")
        made = {one["LogicalResourceId"] for one in found if one["ResourceType"] in kinds}
        assert made == {"BackfillBucket", "BackfillBucketPolicy"}

    @pytest.mark.skipif(not (shutil.which("aws") and shutil.which("jq")), reason="the commands need aws and jq")
    def test_the_documents_commands_do_what_the_document_says(self, deployment: Deployment, tmp_path: Path) -> None:
        (by_hand, first), (by_command, second) = (existing_bucket(deployment, f"existing-{n}") for n in ("a", "b"))
        follow_the_document(deployment, by_hand)
        statements, *_ = blocks("json", by_command, "existing-delivery")
        (tmp_path / "statements.json").write_text(statements)
        # Nothing of the caller's AWS settings; and an aws too old for AWS_ENDPOINT_URL must not reach the real one.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = kept | deployment.environment | {"HTTPS_PROXY": "http://127.0.0.1:9"}
        for console in blocks("console", by_command):
            commands = "\n".join(line.removeprefix("$ ") for line in console.splitlines())
            subprocess.run(["bash", "-euc", commands], cwd=tmp_path, env=environment, check=True)  # noqa: S603, S607
        expected = json.dumps(state(deployment, by_hand)).replace(by_hand, by_command).replace(first, second)
        assert state(deployment, by_command) == json.loads(expected)


def existing_bucket(deployment: Deployment, name: str) -> tuple[str, str]:
    """A bucket as it was before, named for its account, and the name of the queue that it notifies."""
    s3, sqs, bucket = deployment.emulator.client("s3", A), deployment.emulator.client("sqs", A), f"{name}-{A}"
    sends = statement("sqs:SendMessage", Principal={"Service": "s3.amazonaws.com"}, Resource="*")
    sqs.create_queue(QueueName=name, Attributes={"Policy": document(sends)})
    s3.create_bucket(Bucket=bucket)
    was = before(bucket, name)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(was["policy"]))
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=was["notifications"])
    return bucket, name


def before(bucket: str, queue: str) -> dict[str, Any]:
    """The state of an existing bucket before anybody followed the document."""
    trails = {"Service": "cloudtrail.amazonaws.com"}
    writes = statement("s3:PutObject", Sid="TrailsWrite", Principal=trails, Resource=f"arn:aws:s3:::{bucket}/*")
    told = {"Id": "told", "QueueArn": f"arn:aws:sqs:{REGION}:{A}:{queue}", "Events": ["s3:ObjectCreated:*"]}
    return {"policy": json.loads(document(writes)), "notifications": {"QueueConfigurations": [told]}}


def state(deployment: Deployment, bucket: str) -> dict[str, Any]:
    """What somebody may have changed about a bucket."""
    s3 = deployment.emulator.client("s3", A)
    notifications = s3.get_bucket_notification_configuration(Bucket=bucket)
    return {
        "policy": json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
        "notifications": {name: value for name, value in notifications.items() if name != "ResponseMetadata"},
    }


def follow_the_document(deployment: Deployment, bucket: str) -> None:
    """Switch on EventBridge and add the statements, keeping what is there."""
    s3, now = deployment.emulator.client("s3", A), state(deployment, bucket)
    notifications = now["notifications"] | {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notifications)
    statements, *_ = documented(bucket, "existing-delivery")
    policy = now["policy"] | {"Statement": now["policy"]["Statement"] + statements}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


@contextmanager
def owner_of(deployment: Deployment, central: dict[str, str]) -> Iterator[dict[str, str]]:
    """B's stack for the existing bucket, subscribed."""
    with owner_stack(
        deployment,
        B,
        "existing-owner",
        DeliverToOwnerRoleArn=central["DeliverToOwnerRoleArn"],
        CentralBucketName=central["CentralBucketName"],
        ExternalId="existing",
        DeliveryRoleName="existing-delivery",
    ) as owner:
        target = CopyTarget(owner["LogBucketName"], owner["LogBucketRegion"])
        one = Subscription("existing", B, owner["DeliveryRoleArn"], "existing", target)
        subscribe(deployment, central["SubscriptionsTableName"], one)
        yield owner


def messages(deployment: Deployment, queue: str) -> str:
    sqs = deployment.emulator.client("sqs", A)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    return str(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"))


class TestWithoutThirdParties:
    """Nothing that is only theirs is there, and nothing of it costs."""

    def test_the_stack_has_one_function_and_the_rule_one_target(self, deployment: Deployment) -> None:
        everything = resources_of(deployment, A, STACK)
        with central_stack(deployment, "owners-only", OrganizationId=ORGANIZATION_ID) as outputs:
            made = resources_of(deployment, A, "owners-only")
            events = deployment.emulator.client("events", A)
            targets = events.list_targets_by_rule(Rule=made["LogFileCreatedRule"])["Targets"]
            policy = policy_of(deployment, outputs["CentralBucketName"])
        assert [target["Id"] for target in targets] == ["OwnerQueue"]
        assert "ThirdPartiesReadEverything" not in [one.get("Sid") for one in policy]
        theirs = set(everything) - set(made)
        assert theirs
        assert {name for name in everything if re.match("ThirdParty|FanOut", name)} == theirs
        assert not [name for name in outputs if re.match("ThirdParty|FanOut", name)]


def resources_of(deployment: Deployment, account_id: str, stack: str) -> dict[str, str]:
    """The resources of a stack; those of all its owners' stacks are alike."""
    cloudformation = deployment.emulator.client("cloudformation", account_id)
    found = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


class TestAReceiversStack:
    """With copies, notifications or both; the third party's template has the same resources (test_templates.py)."""

    @pytest.fixture
    def stack(self, deployment: Deployment) -> Any:
        """Deploys an owner's stack that can be told from others by its delivery role."""
        common = {
            "DeliverToOwnerRoleArn": deployment.outputs["DeliverToOwnerRoleArn"],
            "CentralBucketName": deployment.outputs["CentralBucketName"],
            "ExternalId": "receiver",
            "DeliveryRoleName": "receivers-delivery",
        }
        return lambda **parameters: owner_stack(deployment, B, "receiver", **common | parameters)

    def test_that_is_only_notified_has_no_bucket(self, deployment: Deployment, stack: Any) -> None:
        with stack(Copies="no", Notifications="topic", BucketKmsKeyArn=f"arn:aws:kms:{REGION}:{B}:key/x") as outputs:
            made = resources_of(deployment, B, "receiver")
            granted = permissions(roles(deployment.emulator, B, "receiver")["DeliveryRole"])
        assert set(made) == {"DeliveryRole", "NotificationTopic", "NotificationTopicPolicy"}
        assert {sid for sid, _ in granted} == {"ReadLogFiles", "Notify"}
        assert set(outputs) == {"DeliveryRoleArn", "NotificationTopicArn"}

    def test_that_is_only_copied_to_has_no_topic(self, deployment: Deployment, stack: Any) -> None:
        with stack() as outputs:
            made = resources_of(deployment, B, "receiver")
            granted = permissions(roles(deployment.emulator, B, "receiver")["DeliveryRole"])
        assert set(made) == {"DeliveryRole", "LogBucket", "LogBucketPolicy"}
        assert {sid for sid, _ in granted} == {"ReadLogFiles", "WriteCopies", "ListCopies"}
        assert set(outputs) == {"DeliveryRoleArn", "LogBucketName", "LogBucketRegion"}

    @pytest.mark.parametrize("stack_of", [owner_stack, third_party_stack])
    def test_that_only_reads_is_the_one_policy(self, deployment: Deployment, stack_of: Any) -> None:
        role_arn = deployment.readers[B]["RoleArn"]
        with stack_of(deployment, B, "reading", Copies="no", ReaderRoleArn=role_arn) as outputs:
            made = resources_of(deployment, B, "reading")
        assert set(made) == {"ReaderPolicy"}
        assert outputs == {"ReaderPolicyArn": made["ReaderPolicy"]}

    @pytest.mark.parametrize("missing", ["DeliverToOwnerRoleArn", "CentralBucketName", "ExternalId"])
    @pytest.mark.parametrize("wanted", [{"Copies": "yes"}, {"Copies": "no", "Notifications": "topic"}])
    def test_that_receives_is_refused_without(self, stack: Any, missing: str, wanted: dict[str, str]) -> None:
        reading = {"ReaderRoleArn": f"arn:aws:iam::{A}:role/distributary-reader-{B}"}
        with pytest.raises(ClientError, match=missing), stack(**wanted, **reading, **{missing: ""}):
            pass

    def test_has_keys_for_both(self, deployment: Deployment, stack: Any) -> None:
        bucket_key, topic_key = (f"arn:aws:kms:{REGION}:{B}:key/{one}" for one in ("of-bucket", "of-topic"))
        with stack(Notifications="queue", BucketKmsKeyArn=bucket_key, TopicKmsKeyArn=topic_key) as outputs:
            documents = roles(deployment.emulator, B, "receiver")["DeliveryRole"]
            topic = deployment.emulator.client("sns", B)
            attributes = topic.get_topic_attributes(TopicArn=outputs["NotificationTopicArn"])["Attributes"]
        statements = {one["Sid"]: one for document in documents.values() for one in document["Statement"]}
        assert statements["EncryptCopies"]["Resource"] == bucket_key
        assert statements["EncryptNotifications"]["Resource"] == topic_key
        assert statements["EncryptNotifications"]["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
        assert attributes["KmsMasterKeyId"] == topic_key

    def test_wraps_what_the_queue_gets_unless_delivery_is_raw(self, deployment: Deployment, stack: Any) -> None:
        sqs = deployment.emulator.client("sqs", B)
        for raw in ("false", "true"):
            with stack(Copies="no", Notifications="queue", RawMessageDelivery=raw) as outputs:
                delivers = act_as(deployment.emulator, outputs["DeliveryRoleArn"], "sns")
                delivers.client("sns").publish(TopicArn=outputs["NotificationTopicArn"], Message="a log file")
                asked = {"QueueUrl": outputs["NotificationQueueUrl"], "WaitTimeSeconds": 10}
                [message] = sqs.receive_message(**asked)["Messages"]
            if raw == "true":
                assert message["Body"] == "a log file"
            else:
                envelope = json.loads(message["Body"])
                assert (envelope["Type"], envelope["Message"]) == ("Notification", "a log file")

    @pytest.mark.parametrize("topic", [{"Copies": "yes"}, {"Notifications": "topic", "CentralTopicArn": TOPIC_OF_A}])
    def test_without_a_topic_of_its_own_takes_no_subscriber(self, stack: Any, topic: dict[str, str]) -> None:
        refused = pytest.raises(ClientError, match="SubscriberAccountId is for the topic")
        with refused, stack(SubscriberAccountId=C, **topic):
            pass

    def test_that_receives_nothing_is_refused(self, stack: Any) -> None:
        with pytest.raises(ClientError, match="Without Copies, choose Notifications"), stack(Copies="no"):
            pass


class TestARefusedStack:
    """The template's rules."""

    @pytest.mark.parametrize(
        ("parameters", "reason"),
        [
            ({}, "Name an OrganizationId, or the AccountIds"),
            ({"OrganizationId": "", "AccountIds": ""}, "Name an OrganizationId, or the AccountIds"),
            ({"AccountIds": B, "ThirdPartyAccountIds": f"{Z},*"}, "ThirdPartyAccountIds"),
            (
                {"AccountIds": B, "Encryption": "SSE-KMS", "ExistingBucketName": "existing-encrypted"},
                "Name the ExistingKmsKeyArn",
            ),
            (
                {"AccountIds": B, "DirectAccess": "yes", "ExistingBucketName": "existing-direct"},
                "Give DirectAccess by the existing bucket's own policy",
            ),
        ],
    )
    def test_is_not_created(self, deployment: Deployment, parameters: dict[str, str], reason: str) -> None:
        with pytest.raises(ClientError, match=reason), central_stack(deployment, "refused", **parameters):
            pass
