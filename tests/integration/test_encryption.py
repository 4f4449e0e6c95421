"""SSE-KMS on both sides: Account A's stack with a key of its own, an owner's bucket with one of the owner's.

A copy needs both keys' consent: the central key's to read, the receiver's to write. What the local AWS doesn't show:
S3 Bucket Keys, whose encryption context names the bucket instead of the object.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from integration.permissions import Actor, act_as, answer, assume, document, make_role, permissions, statement
from integration.stacks import central_stack, owner_stack, subscribe
from integration.waiting import wait_until

from distributary.keys import KeyLayout
from distributary.policies import session_policy
from distributary.subscriptions import CopyTarget, Subscription
from distributary_local.deployment import ORGANIZATION_ID, OWNERS, THIRD_PARTY_ACCOUNT_ID, Deployment

(A, B, C), Z = OWNERS, THIRD_PARTY_ACCOUNT_ID
STRANGER = "555555555555"
"""An account outside the organisation."""
DELIVERY_ROLE = "encrypted-delivery"
LAYOUT = KeyLayout(("",), ORGANIZATION_ID)
EVERYTHING = {"everything": json.loads(document(statement("*", Resource="*")))}


@dataclass(frozen=True, slots=True)
class World:
    """Both stacks, and a log file that has been delivered from one to the other."""

    deployment: Deployment
    central: dict[str, str]
    owner: dict[str, str]
    subscription: Subscription
    key: str
    """The log file's; in the central bucket and in the owner's."""

    @property
    def source(self) -> dict[str, str]:
        return {"Bucket": self.central["CentralBucketName"], "Key": self.key}

    @property
    def keys(self) -> tuple[str, str]:
        """The ARNs of the central key and of the receiver's."""
        assert self.subscription.copy_to
        return self.central["CentralKeyArn"], str(self.subscription.copy_to.kms_key_arn)

    def client(self, service: str, account_id: str) -> Any:
        return self.deployment.emulator.client(service, account_id)

    def copy(self, s3: Any) -> str:
        return answer(lambda: s3.copy_object(**self.target(), CopySource=self.source))

    def copy_in_parts(self, s3: Any) -> str:
        def copy() -> None:
            target = self.target()
            upload = target | {"UploadId": s3.create_multipart_upload(**target)["UploadId"]}
            s3.upload_part_copy(**upload, PartNumber=1, CopySource=self.source)

        return answer(copy)

    def target(self) -> dict[str, str]:
        return {"Bucket": self.owner["LogBucketName"], "Key": uuid.uuid4().hex}

    def session(self, policy: str) -> Any:
        """S3 with a session of the delivery role that this policy narrows."""
        taken = assume(self.deployment.emulator, self.owner["DeliveryRoleArn"], Policy=policy)
        return self.deployment.emulator.client_of(taken, "s3")

    @contextmanager
    def key_policy(self, account_id: str, key_arn: str, *statements: dict[str, Any]) -> Iterator[None]:
        """Put another policy on a key, and the old one back."""
        kms = self.client("kms", account_id)
        before = kms.get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"]
        kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=document(*statements))
        try:
            yield
        finally:
            kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=before)


def root_of(account_id: str, action: Any) -> dict[str, Any]:
    """What a key's own account may do with it."""
    return statement(action, Principal={"AWS": f"arn:aws:iam::{account_id}:root"}, Resource="*")


def new_key(deployment: Deployment, account_id: str) -> str:
    """A key as the console makes it: its account's administrators decide who uses it."""
    made = deployment.emulator.client("kms", account_id).create_key(Policy=document(root_of(account_id, "kms:*")))
    return str(made["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def world(deployment: Deployment) -> Iterator[World]:
    """Nothing is opened or changed until the log file has arrived."""
    own_key = new_key(deployment, B)
    with (
        central_stack(
            deployment,
            "encrypted",
            OrganizationId=ORGANIZATION_ID,
            ThirdPartyAccountIds=Z,
            DeliveryRoleName=DELIVERY_ROLE,
            BucketName=f"encrypted-logs-{A}",
            Encryption="SSE-KMS",
        ) as central,
        owner_stack(
            deployment,
            B,
            "encrypted-owner",
            DeliverToOwnerRoleArn=central["DeliverToOwnerRoleArn"],
            CentralBucketName=central["CentralBucketName"],
            LogKeyArns=central["CentralKeyArn"],
            ExternalId="encrypted",
            DeliveryRoleName=DELIVERY_ROLE,
            BucketKmsKeyArn=own_key,
        ) as owner,
    ):
        target = CopyTarget(owner["LogBucketName"], owner["LogBucketRegion"], kms_key_arn=own_key)
        subscription = Subscription("encrypted", B, owner["DeliveryRoleArn"], "encrypted", target)
        subscribe(deployment, central["SubscriptionsTableName"], subscription)
        key = f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/{B}_CloudTrail_us-east-1_20261121T0000Z_abcdefgh.json.gz"
        made = World(deployment, central, owner, subscription, key)
        made.client("s3", A).put_object(**made.source, Body=b"logs")
        s3 = made.client("s3", B)
        wait_until(lambda: "Contents" not in s3.list_objects_v2(Bucket=owner["LogBucketName"], Prefix=key))
        yield made


@pytest.fixture(scope="module")
def delivery(world: World) -> Actor:
    """The delivery role, its trust opened to a user of its account."""
    return act_as(world.deployment.emulator, world.owner["DeliveryRoleArn"], "s3", "kms")


def test_a_log_file_arrives_encrypted_with_the_receivers_key(world: World) -> None:
    central_key, own_key = world.keys
    before = world.client("s3", A).head_object(**world.source)
    after = world.client("s3", B).get_object(Bucket=world.owner["LogBucketName"], Key=world.key)
    assert after["Body"].read() == b"logs"
    assert (before["ServerSideEncryption"], before["SSEKMSKeyId"]) == ("aws:kms", central_key)
    assert (after["ServerSideEncryption"], after["SSEKMSKeyId"]) == ("aws:kms", own_key)


ROWS = {
    ("DecryptLogFiles", "kms:Decrypt"): World.copy,
    ("EncryptCopies", "kms:GenerateDataKey"): World.copy,
    ("EncryptCopies", "kms:Decrypt"): World.copy_in_parts,
}


@pytest.mark.parametrize("permission", ROWS, ids="-".join)
def test_each_permission_on_a_key_is_needed(world: World, delivery: Actor, permission: tuple[str, str]) -> None:
    """As in test_least_privilege.py; S3 asks in the role's name."""
    copy = ROWS[permission]
    assert copy(world, delivery.client("s3")) == "OK"
    with delivery.lacking(*permission):
        assert copy(world, delivery.client("s3")) == "AccessDenied"


def test_there_is_no_other_permission_on_a_key(delivery: Actor) -> None:
    assert {one for one in permissions(delivery.granted) if one[1].startswith("kms:")} == set(ROWS)


@pytest.mark.usefixtures("delivery")
def test_a_session_needs_both_keys_in_its_session_policy(world: World) -> None:
    bucket, (central_key, own_key) = world.central["CentralBucketName"], world.keys

    def copy(central: str | None, own: str | None) -> str:
        target = CopyTarget(world.owner["LogBucketName"], "us-east-1", kms_key_arn=own)
        narrowed = Subscription("encrypted", B, world.owner["DeliveryRoleArn"], "encrypted", target)
        return world.copy(world.session(session_policy(narrowed, bucket, LAYOUT, [central] if central else [])))

    assert copy(central_key, own_key) == "OK"
    assert copy(None, own_key) == "AccessDenied"
    assert copy(central_key, None) == "AccessDenied"


def test_both_key_policies_must_let_the_role_in(world: World, delivery: Actor) -> None:
    central_key, own_key = world.keys
    administration = ["kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:DescribeKey"]
    with world.key_policy(A, central_key, root_of(A, "kms:*")):
        assert world.copy(delivery.client("s3")) == "AccessDenied"
    with world.key_policy(B, own_key, root_of(B, administration)):
        assert world.copy(delivery.client("s3")) == "AccessDenied"
    assert world.copy(delivery.client("s3")) == "OK"


@pytest.fixture(scope="module")
def open_bucket(world: World) -> str:
    """A bucket that lets everybody read, so that only the central key stands in the way."""
    s3, bucket = world.client("s3", A), f"encrypted-open-{A}"
    s3.create_bucket(Bucket=bucket)
    everybody = statement("s3:GetObject", Principal={"AWS": [B, C, Z, STRANGER]}, Resource=f"arn:aws:s3:::{bucket}/*")
    s3.put_bucket_policy(Bucket=bucket, Policy=document(everybody))
    central_key, _ = world.keys
    s3.put_object(Bucket=bucket, Key="x", Body=b"logs", ServerSideEncryption="aws:kms", SSEKMSKeyId=central_key)
    s3.put_object(Bucket=bucket, Key="plain", Body=b"logs")
    return bucket


class TestTheCentralKey:
    """Its policy alone."""

    @pytest.mark.parametrize(
        ("account_id", "role_name", "expected"),
        [
            (C, DELIVERY_ROLE, "OK"),
            (C, "another", "AccessDenied"),
            (Z, DELIVERY_ROLE, "OK"),
            (Z, "another", "AccessDenied"),
            (STRANGER, DELIVERY_ROLE, "AccessDenied"),
        ],
    )
    def test_serves_the_delivery_roles_of_the_organisation_and_of_third_parties_only(
        self, world: World, open_bucket: str, account_id: str, role_name: str, expected: str
    ) -> None:
        arn = make_role(world.deployment.emulator, account_id, role_name, EVERYTHING)
        s3 = act_as(world.deployment.emulator, arn, "s3").client("s3")
        assert answer(lambda: s3.get_object(Bucket=open_bucket, Key="plain")) == "OK"
        assert answer(lambda: s3.get_object(Bucket=open_bucket, Key="x")) == expected

    def test_serves_them_through_s3_only(self, world: World, delivery: Actor) -> None:
        central_key, _ = world.keys
        secret = world.client("kms", A).encrypt(KeyId=central_key, Plaintext=b"data key")["CiphertextBlob"]
        decrypt = delivery.client("kms").decrypt
        assert answer(lambda: decrypt(CiphertextBlob=secret, KeyId=central_key)) == "AccessDeniedException"


def test_another_account_reads_neither_the_log_file_nor_the_copy(world: World) -> None:
    """The first stops at the bucket policy, since the central key serves every delivery role; the second at B's key."""
    bucket = world.owner["LogBucketName"]
    opened = statement("s3:GetObject", Principal={"AWS": C}, Resource=f"arn:aws:s3:::{bucket}/*")
    world.client("s3", B).put_bucket_policy(Bucket=bucket, Policy=document(opened))
    arn = make_role(world.deployment.emulator, C, "curious", EVERYTHING)
    s3 = act_as(world.deployment.emulator, arn, "s3").client("s3")
    world.client("s3", B).put_object(Bucket=bucket, Key="plain", Body=b"", ServerSideEncryption="AES256")
    assert answer(lambda: s3.get_object(Bucket=bucket, Key="plain")) == "OK"
    assert answer(lambda: s3.get_object(Bucket=bucket, Key=world.key)) == "AccessDenied"
    assert answer(lambda: s3.get_object(**world.source)) == "AccessDenied"
