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
from integration.permissions import act_as, answer, document, make_role, statement
from integration.stacks import central_stack, owner_stack, subscribe
from integration.waiting import wait_until
from templates import ROOT

from distributary.subscriptions import CopyTarget, Subscription
from distributary_local.deployment import ORGANIZATION_ID, OWNERS, UNSUBSCRIBED_ACCOUNT_ID, Deployment
from distributary_local.emulator import REGION

A, B, C = OWNERS
UNLISTED = UNSUBSCRIBED_ACCOUNT_ID
EVERYTHING = {"everything": json.loads(document(statement("*", Resource="*")))}
NOT_IN_THE_DOCUMENT = ("OnlyOverTls", "ServicesWrite", "OrganizationTrailsWrite", "ServicesCheckTheBucket")
"""What a bucket that is in use has in its own words already."""
DOCUMENT = (ROOT / "docs" / "existing-bucket.md").read_text("utf-8")


def blocks(language: str, bucket: str, role_name: str = "distributary-delivery") -> list[str]:
    """The document's blocks of a language, its example's names replaced."""
    text = DOCUMENT.replace("o-exampleorg1", ORGANIZATION_ID).replace(f"central-logs-{A}", bucket)
    text = text.replace("distributary-delivery", role_name)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def documented(bucket: str, role_name: str = "distributary-delivery") -> tuple[list[Any], Any, Any, Any]:
    """The bucket's statements, the one for listed accounts, the one for a mapped prefix, and the key's."""
    for_organization, listed, mapped, key = (json.loads(block) for block in blocks("json", bucket, role_name))
    return for_organization, listed, mapped, key


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
        wanted, _, mapped, _ = documented(bucket)
        deployed = policy_of(deployment, bucket)
        ours = [one for one in deployed if one.get("Sid") not in NOT_IN_THE_DOCUMENT]
        assert ours == [*wanted, mapped]

    def test_has_the_keys_statement(self, deployment: Deployment) -> None:
        *_, wanted = documented("any")
        with central_stack(deployment, "key-policy", OrganizationId=ORGANIZATION_ID, Encryption="SSE-KMS") as outputs:
            kms = deployment.emulator.client("kms", A)
            policy = kms.get_key_policy(KeyId=outputs["CentralKeyArn"], PolicyName="default")["Policy"]
        ours = [
            one for one in json.loads(policy)["Statement"] if one["Sid"] not in ("Administration", "ServicesEncrypt")
        ]
        assert ours == [wanted]


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

    def test_the_stack_makes_no_bucket_and_no_policy(self, deployment: Deployment) -> None:
        bucket, _ = existing_bucket(deployment, "existing-unmade")
        with central_stack(deployment, "unmade", OrganizationId=ORGANIZATION_ID, ExistingBucketName=bucket) as outputs:
            assert outputs["CentralBucketName"] == bucket
            cloudformation = deployment.emulator.client("cloudformation", A)
            found = cloudformation.describe_stack_resources(StackName="unmade")["StackResources"]
        assert not {one["ResourceType"] for one in found} & {
            "AWS::S3::Bucket",
            "AWS::S3::BucketPolicy",
            "AWS::KMS::Key",
        }

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


class TestARefusedStack:
    """The template's rules."""

    @pytest.mark.parametrize(
        ("parameters", "reason"),
        [
            ({}, "Name an OrganizationId, or the AccountIds"),
            ({"OrganizationId": "", "AccountIds": ""}, "Name an OrganizationId, or the AccountIds"),
            (
                {"AccountIds": B, "Encryption": "SSE-KMS", "ExistingBucketName": "existing-encrypted"},
                "Name the ExistingKmsKeyArn",
            ),
        ],
    )
    def test_is_not_created(self, deployment: Deployment, parameters: dict[str, str], reason: str) -> None:
        with pytest.raises(ClientError, match=reason), central_stack(deployment, "refused", **parameters):
            pass
