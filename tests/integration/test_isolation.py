"""IAM is the wall: what a receiver, its role, or a mistaken route of ours cannot do."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from integration.permissions import answer

from distributary.keys import KeyLayout
from distributary.policies import session_policy
from distributary.subscription_forms import from_mapping
from distributary_local.deployment import CENTRAL_ACCOUNT_ID, ORGANIZATION_ID, OWNERS, Deployment, _subscriptions
from distributary_local.trespass import EVERYTHING

A, B, C = OWNERS
LAYOUT = KeyLayout(("", f"{ORGANIZATION_ID}/", "trails/"), ORGANIZATION_ID, {"cdn/": B})


@pytest.fixture(scope="module")
def keys(deployment: Deployment) -> dict[str, str]:
    """A file of each owner, in the central bucket under a prefix that nothing delivers from, and in its own bucket."""
    made = {owner: f"AWSLogs/{owner}/Isolation/{owner}_file" for owner in OWNERS}
    for owner, key in made.items():
        central = deployment.emulator.client("s3", A)
        central.put_object(Bucket=deployment.outputs["CentralBucketName"], Key=key, Body=b"logs")
        own = deployment.emulator.client("s3", owner)
        own.put_object(Bucket=deployment.owners[owner]["LogBucketName"], Key=f"isolation/{key}", Body=b"logs")
    return made


@pytest.fixture(scope="module")
def narrowed(deployment: Deployment) -> Any:
    """S3 with a session for B, taken with a role of Account A that may do everything there.

    Nothing but the session policy stands between it and C's files.
    """
    iam = deployment.emulator.client("iam", CENTRAL_ACCOUNT_ID)
    trust = {"Effect": "Allow", "Principal": {"AWS": CENTRAL_ACCOUNT_ID}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName="everything", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName="everything", PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING))
    iam.create_user(UserName="assumer")
    iam.put_user_policy(UserName="assumer", PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING))
    key = iam.create_access_key(UserName="assumer")["AccessKey"]
    user = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    plain = next(one for one in _subscriptions(deployment.owners)["subscriptions"] if one["account_id"] == B)
    policy = session_policy(from_mapping(plain), deployment.outputs["CentralBucketName"], LAYOUT, ())
    sts = deployment.emulator.client_of(user, "sts")
    got = sts.assume_role(RoleArn=arn, RoleSessionName="narrowed", Policy=policy)["Credentials"]
    session = boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region_name="us-east-1")
    return deployment.emulator.client_of(session, "s3")


class TestASessionForB:
    """Taken with a role that may do everything."""

    def test_reads_bs_prefix(self, deployment: Deployment, narrowed: Any, keys: dict[str, str]) -> None:
        bucket = deployment.outputs["CentralBucketName"]
        assert answer(lambda: narrowed.get_object(Bucket=bucket, Key=keys[B])) == "OK"

    def test_reads_no_prefix_of_c(self, deployment: Deployment, narrowed: Any, keys: dict[str, str]) -> None:
        bucket = deployment.outputs["CentralBucketName"]
        assert answer(lambda: narrowed.get_object(Bucket=bucket, Key=keys[C])) == "AccessDenied"

    @pytest.mark.parametrize(
        "key",
        [
            f"AWSLogs/{ORGANIZATION_ID}/{C}/CloudTrail/f",
            f"{ORGANIZATION_ID}/AWSLogs/{ORGANIZATION_ID}/{C}/CloudTrail/f",
            f"trails/AWSLogs/{C}/CloudTrail/f",
            f"AWSLogs/aws-account-id={C}/aws-service=vpcflowlogs/f",
            f"AWSLogs/{C}/CloudTrail/AWSLogs/{B}/f",
            "elsewhere/f",
        ],
    )
    def test_reads_no_other_form_of_cs_keys(self, deployment: Deployment, narrowed: Any, key: str) -> None:
        bucket = deployment.outputs["CentralBucketName"]
        deployment.emulator.client("s3", A).put_object(Bucket=bucket, Key=key, Body=b"logs")
        assert answer(lambda: narrowed.get_object(Bucket=bucket, Key=key)) == "AccessDenied"

    def test_copies_nothing_of_c(self, deployment: Deployment, narrowed: Any, keys: dict[str, str]) -> None:
        source = {"Bucket": deployment.outputs["CentralBucketName"], "Key": keys[C]}
        target = deployment.owners[B]["LogBucketName"]
        assert answer(lambda: narrowed.copy_object(Bucket=target, Key="x", CopySource=source)) == "AccessDenied"

    def test_writes_nowhere_else(self, deployment: Deployment, narrowed: Any) -> None:
        others = [deployment.outputs["CentralBucketName"], *(deployment.owners[one]["LogBucketName"] for one in (A, C))]
        answers = {bucket: answer(lambda b=bucket: narrowed.put_object(Bucket=b, Key="x")) for bucket in others}  # type: ignore[misc]
        assert answers == dict.fromkeys(others, "AccessDenied")

    def test_lists_deletes_and_calls_nothing_else(self, deployment: Deployment, narrowed: Any) -> None:
        bucket = deployment.outputs["CentralBucketName"]
        assert answer(lambda: narrowed.list_objects_v2(Bucket=bucket)) == "AccessDenied"
        assert answer(lambda: narrowed.delete_object(Bucket=bucket, Key=f"AWSLogs/{B}/x")) == "AccessDenied"
        assert answer(narrowed.list_buckets) == "AccessDenied"


class TestADeliveryRole:
    """Who may become it, and with what."""

    @pytest.fixture
    def function_session(self, deployment: Deployment) -> Iterator[Any]:
        """STS as the function's role: its trust is opened to a user of Account A for the test, and closed again."""
        iam = deployment.emulator.client("iam", A)
        name = deployment.outputs["DeliverToOwnerRoleArn"].rpartition("/")[2]
        trusted = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        opened = {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "sts:AssumeRole"}
        iam.update_assume_role_policy(
            RoleName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [opened]})
        )
        yield name
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trusted))

    @pytest.fixture
    def sts(self, deployment: Deployment, function_session: str, as_user: Any) -> Any:
        user = as_user(A, [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}])
        got = deployment.emulator.client_of(user, "sts").assume_role(
            RoleArn=deployment.outputs["DeliverToOwnerRoleArn"], RoleSessionName=function_session
        )["Credentials"]
        session = boto3.Session(
            got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region_name="us-east-1"
        )
        return deployment.emulator.client_of(session, "sts")

    def assume(self, deployment: Deployment, sts: Any, **changes: Any) -> str:
        fields = {
            "RoleArn": deployment.owners[B]["DeliveryRoleArn"],
            "RoleSessionName": "test",
            "ExternalId": f"distributary-local-{B}",
        }
        kept = {name: value for name, value in (fields | changes).items() if value}
        return answer(lambda: sts.assume_role(**kept))

    def test_is_assumed_by_the_functions_role_with_the_external_id(self, deployment: Deployment, sts: Any) -> None:
        assert self.assume(deployment, sts) == "OK"

    @pytest.mark.parametrize("external_id", [None, "a-wrong-external-id", f"distributary-local-{C}"])
    def test_is_not_assumed_without_it(self, deployment: Deployment, sts: Any, external_id: str | None) -> None:
        assert self.assume(deployment, sts, ExternalId=external_id) == "AccessDenied"

    @pytest.mark.parametrize("account_id", [A, B, C])
    def test_is_not_assumed_by_anybody_else(self, deployment: Deployment, as_user: Any, account_id: str) -> None:
        user = as_user(account_id, [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
        sts = deployment.emulator.client_of(user, "sts")
        assert self.assume(deployment, sts) == "AccessDenied"

    def test_the_functions_role_assumes_no_other_role(self, deployment: Deployment, sts: Any) -> None:
        iam = deployment.emulator.client("iam", B)
        trust = {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(
            RoleName="another", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )["Role"]["Arn"]
        assert self.assume(deployment, sts, RoleArn=arn) == "AccessDenied"
