"""Reading the central bucket itself: as a user of B or Z through a reader role, or directly. What a reader can't do."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from integration.permissions import answer, document, permissions, policies, roles, statement
from integration.stacks import central_stack, reader_stack
from integration.waiting import wait_until

from distributary_local.deployment import (
    KEY_PREFIXES,
    ORGANIZATION_ID,
    OWNERS,
    READER_STACK,
    THIRD_PARTY_ACCOUNT_ID,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
    reader_external_id,
)
from distributary_local.emulator import session_of

(A, B, C), D, Z = OWNERS, UNSUBSCRIBED_ACCOUNT_ID, THIRD_PARTY_ACCOUNT_ID
EVERYTHING = [statement("*", Resource="*")]
FORMS = (
    "AWSLogs/{}/Readers/f",
    f"AWSLogs/{ORGANIZATION_ID}/{{}}/Readers/f",
    f"{ORGANIZATION_ID}/AWSLogs/{ORGANIZATION_ID}/{{}}/Readers/f",
    "trails/AWSLogs/{}/Readers/f",
    "AWSLogs/aws-account-id={}/aws-service=Readers/f",
    "/AWSLogs/{}/Readers/f",
)
"""Every form of a key that names its account."""
FORGED = (f"AWSLogs/{B}/Readers/AWSLogs/{C}/f", f"AWSLogs/{C}/Readers/AWSLogs/{B}/f")
MAPPED = "cdn/readers"
"""Behind the prefix that is mapped to B."""


@pytest.fixture(scope="module")
def bucket(deployment: Deployment) -> str:
    """The central bucket, with a file of B, C and D in every form, two forged ones and one behind a mapped prefix."""
    name, s3 = deployment.outputs["CentralBucketName"], deployment.emulator.client("s3", A)
    for key in (*(form.format(owner) for form in FORMS for owner in (B, C, D)), *FORGED, MAPPED):
        s3.put_object(Bucket=name, Key=key, Body=b"logs")
    return name


@pytest.fixture(scope="module")
def user(deployment: Deployment) -> Callable[[str, str], Any]:
    """Makes a session of a new user of an account who may do everything there."""

    def make(account_id: str, name: str, *statements: dict[str, Any]) -> Any:
        iam = deployment.emulator.client("iam", account_id)
        iam.create_user(UserName=name)
        policy = document(*(statements or EVERYTHING))
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return session_of(key["AccessKeyId"], key["SecretAccessKey"])

    return make


def become(deployment: Deployment, session: Any, role_arn: str, external_id: str | None = None, **more: str) -> Any:
    """S3 as a reader role."""
    given = more | ({"ExternalId": external_id} if external_id else {})
    sts = deployment.emulator.client_of(session, "sts")
    got = sts.assume_role(RoleArn=role_arn, RoleSessionName="reader", **given)["Credentials"]
    taken = session_of(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
    return deployment.emulator.client_of(taken, "s3")


@pytest.fixture(scope="module")
def as_b(deployment: Deployment, user: Any) -> Any:
    """S3 as B's reader role."""
    return become(deployment, user(B, "readers-b"), deployment.readers[B]["RoleArn"])


@pytest.fixture(scope="module")
def as_z(deployment: Deployment, user: Any) -> Any:
    """S3 as Z's reader role."""
    return become(deployment, user(Z, "readers-z"), deployment.readers[Z]["RoleArn"], reader_external_id(Z))


@pytest.fixture(scope="module")
def as_ancestors(deployment: Deployment, user: Any) -> Iterator[Any]:
    """S3 as a reader role of B with Listing=ancestors."""
    parameters = {"OrganizationId": ORGANIZATION_ID, "KeyPrefixes": KEY_PREFIXES, "Listing": "ancestors"}
    with reader_stack(deployment, "readers-ancestors", ReceivingAccountId=B, **parameters) as outputs:
        yield become(deployment, user(B, "readers-ancestors"), outputs["RoleArn"])


@pytest.fixture(scope="module")
def direct_bucket(deployment: Deployment) -> Iterator[str]:
    """The encrypted bucket of a stack with DirectAccess; a file of A, B and C in every form, and two forged ones."""
    stack = {"OrganizationId": ORGANIZATION_ID, "DirectAccess": "yes", "BucketName": "readers-direct"}
    stack |= {"ThirdPartyAccountIds": Z, "Encryption": "SSE-KMS"}
    with central_stack(deployment, "readers-direct", **stack) as outputs:
        s3 = deployment.emulator.client("s3", A)
        for key in (*(form.format(owner) for form in FORMS for owner in (A, B, C)), *FORGED):
            s3.put_object(Bucket=outputs["CentralBucketName"], Key=key, Body=b"logs")
        yield outputs["CentralBucketName"]


@pytest.fixture(scope="module")
def directly(deployment: Deployment, user: Any) -> Any:
    """S3 as a user of B who may do everything there."""
    return deployment.emulator.client_of(user(B, "readers-direct"), "s3")


def reads(s3: Any, bucket: str, *keys: str) -> set[str]:
    """What reading these keys is answered with."""
    return {answer(partial(s3.get_object, Bucket=bucket, Key=key)) for key in keys}


def found(s3: Any, bucket: str, **place: str) -> list[str]:
    """The keys and folders that a listing shows."""
    page = s3.list_objects_v2(Bucket=bucket, **place)
    return [one["Key"] for one in page.get("Contents", [])] + [one["Prefix"] for one in page.get("CommonPrefixes", [])]


def walked(s3: Any, bucket: str, key: str) -> list[str]:
    """What a listing shows in the folder of a key, to who has opened one folder after the other from the root."""
    prefix = ""
    for folder in key.split("/")[:-1]:
        assert f"{prefix}{folder}/" in found(s3, bucket, Prefix=prefix, Delimiter="/")
        prefix += f"{folder}/"
    return found(s3, bucket, Prefix=prefix, Delimiter="/")


OWN_PREFIXES = [form.format(B).rpartition("f")[0] for form in FORMS]
OTHER_PREFIXES = [
    "",
    "/",
    "A",
    "AWSLogs",
    "AWSLogs/",
    "AWSLogs/*",
    "AWSLogs/2",
    "AWSLogs/22222222222",
    f"AWSLogs/{B}",
    f"AWSLogs/{C}/",
    f"AWSLogs/{C}/Readers/AWSLogs/{B}/",
    f"AWSLogs/{B}/Readers/AWSLogs/",
    f"AWSLogs/{ORGANIZATION_ID}/",
    f"AWSLogs/{ORGANIZATION_ID}/{C}/",
    f"AWSLogs/aws-account-id={C}/",
    "AWSLogs/aws-account-id=",
    f"AWSLogs/?{B[1:]}/",
    f"*AWSLogs/{B}",
    "${aws:PrincipalAccount}",
    f"{ORGANIZATION_ID}/",
    "trails/",
    "cdn",
    f"awslogs/{B}/",
]


class TestAnOwnersReader:
    """B's."""

    @pytest.mark.parametrize("form", FORMS)
    def test_reads_its_own_files_in_every_form_and_nobody_elses(self, bucket: str, as_b: Any, form: str) -> None:
        assert reads(as_b, bucket, form.format(B)) == {"OK"}
        assert reads(as_b, bucket, form.format(C), form.format(D)) == {"AccessDenied"}

    def test_reads_a_version(self, bucket: str, as_b: Any) -> None:
        version = as_b.get_object(Bucket=bucket, Key=FORMS[0].format(B))["VersionId"]
        assert answer(lambda: as_b.get_object(Bucket=bucket, Key=FORMS[0].format(B), VersionId=version)) == "OK"

    def test_reads_what_is_mapped_to_it(self, bucket: str, as_b: Any) -> None:
        assert reads(as_b, bucket, MAPPED) == {"OK"}
        assert MAPPED in found(as_b, bucket, Prefix="cdn/")

    def test_reads_no_forged_key(self, bucket: str, as_b: Any) -> None:
        assert reads(as_b, bucket, *FORGED) == {"AccessDenied"}

    @pytest.mark.parametrize("prefix", OWN_PREFIXES)
    def test_lists_below_its_own_prefixes(self, bucket: str, as_b: Any, prefix: str) -> None:
        assert f"{prefix}f" in found(as_b, bucket, Prefix=prefix)
        assert found(as_b, bucket, Prefix=prefix, Delimiter="/")

    @pytest.mark.parametrize("more", [{}, {"Delimiter": "/"}, {"Delimiter": "AWSLogs/"}, {"StartAfter": "AWSLogs/3"}])
    @pytest.mark.parametrize("prefix", OTHER_PREFIXES)
    def test_lists_nothing_else(self, bucket: str, as_b: Any, prefix: str, more: dict[str, str]) -> None:
        asked = {"Bucket": bucket, "Prefix": prefix, **more}
        assert answer(lambda: as_b.list_objects_v2(**asked)) == "AccessDenied"
        asked["Marker"] = asked.pop("StartAfter", "")
        assert answer(lambda: as_b.list_objects(**asked)) == "AccessDenied"

    def test_lists_nothing_without_a_prefix(self, bucket: str, as_b: Any) -> None:
        assert answer(lambda: as_b.list_objects_v2(Bucket=bucket)) == "AccessDenied"
        assert answer(lambda: as_b.list_objects_v2(Bucket=bucket, Delimiter="/")) == "AccessDenied"

    def test_lists_no_versions_and_no_uploads_not_even_its_own(self, bucket: str, as_b: Any) -> None:
        own = {"Bucket": bucket, "Prefix": OWN_PREFIXES[0]}
        assert answer(lambda: as_b.list_object_versions(**own)) == "AccessDenied"
        assert answer(lambda: as_b.list_multipart_uploads(**own)) == "AccessDenied"

    def test_changes_nothing(self, bucket: str, as_b: Any) -> None:
        own = {"Bucket": bucket, "Key": FORMS[0].format(B)}
        changes = {
            "put": partial(as_b.put_object, **own, Body=b""),
            "delete": partial(as_b.delete_object, **own),
            "tag": partial(as_b.put_object_tagging, **own, Tagging={"TagSet": []}),
            "copy": partial(as_b.copy_object, Bucket=bucket, Key=f"{own['Key']}2", CopySource=own),
            "policy": partial(as_b.delete_bucket_policy, Bucket=bucket),
        }
        assert {name: answer(call) for name, call in changes.items()} == dict.fromkeys(changes, "AccessDenied")


class TestAThirdPartysReader:
    """Z's."""

    def test_reads_and_lists_everything(self, bucket: str, as_z: Any) -> None:
        assert reads(as_z, bucket, MAPPED, *(form.format(one) for form in FORMS for one in (B, C, D))) == {"OK"}
        for prefix in (form.format(one) for form in FORMS for one in (B, C, D)):
            assert found(as_z, bucket, Prefix=prefix) == [prefix]
        assert found(as_z, bucket)

    def test_reads_no_forged_key(self, bucket: str, as_z: Any) -> None:
        assert reads(as_z, bucket, *FORGED) == {"AccessDenied"}

    def test_changes_nothing(self, bucket: str, as_z: Any) -> None:
        key = FORMS[0].format(B)
        assert answer(lambda: as_z.put_object(Bucket=bucket, Key=key, Body=b"")) == "AccessDenied"
        assert answer(lambda: as_z.delete_object(Bucket=bucket, Key=key)) == "AccessDenied"

    @pytest.mark.parametrize("given", [None, "issued-by-someone-else", "ISSUED-BY-999999999999"])
    def test_takes_the_external_id_that_z_issued(self, deployment: Deployment, user: Any, given: str | None) -> None:
        session = user(Z, f"readers-{given}")
        assert self.asks(deployment, session, reader_external_id(Z)) == "OK"
        assert self.asks(deployment, session, given) == "AccessDenied"

    def asks(self, deployment: Deployment, session: Any, external_id: str | None) -> str:
        return answer(lambda: become(deployment, session, deployment.readers[Z]["RoleArn"], external_id))

    def test_is_not_made_without_an_external_id(self, deployment: Deployment) -> None:
        wanted = {"ReceivingAccountId": Z, "Reads": "everything"}
        with (
            pytest.raises(ClientError, match="needs an ExternalId"),
            reader_stack(deployment, "readers-none", **wanted),
        ):
            pass


class TestAnAncestorsReader:
    """B's, with Listing=ancestors: it walks down from the root, and sees the other accounts' IDs, not their keys."""

    @pytest.mark.parametrize("own", [form.format(B) for form in FORMS])
    def test_walks_from_the_root_to_its_own_files(self, bucket: str, as_ancestors: Any, own: str) -> None:
        assert own in walked(as_ancestors, bucket, own)

    def test_walks_through_each_folder_that_it_names(self, deployment: Deployment, user: Any) -> None:
        """Of nested prefixes: before AWSLogs/, and a mapped one."""
        s3, name = deployment.emulator.client("s3", A), "readers-nested"
        own = [f"team/trails/AWSLogs/{B}/Readers/f", "logs/cdn/f"]
        s3.create_bucket(Bucket=name)
        for key in (*own, f"team/trails/AWSLogs/{C}/Readers/f", "logs/others/f"):
            s3.put_object(Bucket=name, Key=key, Body=b"logs")
        place = {"CentralBucketName": name, "ReceivingAccountId": B, "Listing": "ancestors"}
        prefixes = {"KeyPrefixes": ",team/,team/trails/,logs/", "MappedPrefix": "logs/cdn/"}
        with reader_stack(deployment, "readers-nested", **place, **prefixes) as outputs:
            walker = become(deployment, user(B, "readers-nested"), outputs["RoleArn"])
            for key in own:
                assert key in walked(walker, name, key)
            for prefix in ("logs/others/", f"team/trails/AWSLogs/{C}/"):
                asked = {"Bucket": name, "Prefix": prefix, "Delimiter": "/"}
                assert answer(lambda a=asked: walker.list_objects_v2(**a)) == "AccessDenied"  # type: ignore[misc]

    def test_lists_nothing_without_a_prefix(self, bucket: str, as_ancestors: Any) -> None:
        """Not even an empty one: there is nothing then that the condition could compare."""
        assert answer(lambda: as_ancestors.list_objects_v2(Bucket=bucket, Delimiter="/")) == "AccessDenied"
        assert answer(lambda: as_ancestors.list_objects_v2(Bucket=bucket)) == "AccessDenied"

    def test_sees_other_accounts_ids(self, bucket: str, as_ancestors: Any) -> None:
        assert f"AWSLogs/{C}/" in found(as_ancestors, bucket, Prefix="AWSLogs/", Delimiter="/")

    @pytest.mark.parametrize("prefix", ["", "AWSLogs/", "trails/", f"AWSLogs/{ORGANIZATION_ID}/"])
    @pytest.mark.parametrize("more", [{}, {"Delimiter": "x"}, {"Delimiter": "AWSLogs/"}, {"Delimiter": "//"}])
    def test_sees_no_keys_on_the_way(self, bucket: str, as_ancestors: Any, prefix: str, more: dict[str, str]) -> None:
        assert answer(lambda: as_ancestors.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)) == "AccessDenied"

    @pytest.mark.parametrize(
        "prefix",
        [
            f"AWSLogs/{C}/",
            f"AWSLogs/{C}",
            f"trails/AWSLogs/{C}/",
            f"AWSLogs/{ORGANIZATION_ID}/{C}/",
            f"AWSLogs/aws-account-id={C}/",
            f"AWSLogs/{C}/Readers/AWSLogs/",
            "cdn/",
        ],
    )
    def test_opens_no_other_folder(self, bucket: str, as_ancestors: Any, prefix: str) -> None:
        asked = {"Bucket": bucket, "Prefix": prefix}
        assert answer(lambda: as_ancestors.list_objects_v2(**asked)) == "AccessDenied"
        assert answer(lambda: as_ancestors.list_objects_v2(**asked, Delimiter="/")) == "AccessDenied"

    def test_reads_no_more_than_a_strict_one(self, bucket: str, as_ancestors: Any) -> None:
        assert reads(as_ancestors, bucket, *(form.format(C) for form in FORMS), *FORGED) == {"AccessDenied"}


class TestWhoBecomesAReader:
    """The trust is Account A's half, the policy the receiving account's."""

    def test_is_whom_its_account_has_attached_the_policy_to(self, deployment: Deployment, user: Any) -> None:
        session, iam = user(B, "readers-attached", statement("s3:ListAllMyBuckets", Resource="*")), self.iam(deployment)
        role_arn = deployment.readers[B]["RoleArn"]
        assert answer(lambda: become(deployment, session, role_arn)) == "AccessDenied"
        iam.attach_user_policy(UserName="readers-attached", PolicyArn=deployment.owners[B]["ReaderPolicyArn"])
        assert answer(lambda: become(deployment, session, role_arn)) == "OK"

    def test_becomes_no_other_role_by_that_policy(self, deployment: Deployment) -> None:
        for receiver, outputs in ((B, deployment.owners[B]), (Z, deployment.third_party)):
            iam = deployment.emulator.client("iam", receiver)
            version = iam.get_policy_version(PolicyArn=outputs["ReaderPolicyArn"], VersionId="v1")["PolicyVersion"]
            [one] = version["Document"]["Statement"]
            assert (one["Action"], one["Resource"]) == ("sts:AssumeRole", deployment.readers[receiver]["RoleArn"])

    def iam(self, deployment: Deployment) -> Any:
        return deployment.emulator.client("iam", B)

    @pytest.mark.parametrize("stranger", [C, D, Z, A])
    def test_is_of_the_receiving_account_alone(self, deployment: Deployment, user: Any, stranger: str) -> None:
        session = user(stranger, f"readers-stranger-{stranger}")
        assert answer(lambda: become(deployment, session, deployment.readers[B]["RoleArn"])) == "AccessDenied"

    def test_has_shown_mfa_where_that_is_required(self, deployment: Deployment, user: Any) -> None:
        """Neither a user's keys alone nor a role's session show it; who does is let in: test_policy_simulation.py."""
        session = user(B, "readers-without-mfa")
        with reader_stack(deployment, "readers-mfa", ReceivingAccountId=B, RequireMfa="yes") as outputs:
            assert answer(lambda: become(deployment, session, outputs["RoleArn"])) == "AccessDenied"

    def test_is_one_of_the_trusted_users_even_if_it_was_created_anew(self, deployment: Deployment, user: Any) -> None:
        trusted = f"arn:aws:iam::{B}:user/readers-trusted,arn:aws:iam::{B}:role/sso/*/Auditor_*"
        iam, name = self.iam(deployment), {"UserName": "readers-trusted"}
        with reader_stack(deployment, "readers-named", ReceivingAccountId=B, TrustedPrincipalArns=trusted) as outputs:
            first, other = user(B, "readers-trusted"), user(B, "readers-not-trusted")
            assert answer(lambda: become(deployment, first, outputs["RoleArn"])) == "OK"
            assert answer(lambda: become(deployment, other, outputs["RoleArn"])) == "AccessDenied"
            [key] = iam.list_access_keys(**name)["AccessKeyMetadata"]
            iam.delete_access_key(**name, AccessKeyId=key["AccessKeyId"])
            iam.delete_user_policy(**name, PolicyName="inline")
            iam.delete_user(**name)
            anew = user(B, "readers-trusted")
            assert answer(lambda: become(deployment, anew, outputs["RoleArn"])) == "OK"

    def test_may_be_asked_for_an_external_id_too(self, deployment: Deployment, user: Any) -> None:
        session = user(B, "readers-external-id")
        with reader_stack(deployment, "readers-id", ReceivingAccountId=B, ExternalId="b-s") as outputs:
            assert answer(lambda: become(deployment, session, outputs["RoleArn"])) == "AccessDenied"
            assert answer(lambda: become(deployment, session, outputs["RoleArn"], "b-s")) == "OK"


class TestTheEnd:
    """How the sharing stops, for sessions too that are open already."""

    def test_comes_with_the_stack(self, deployment: Deployment, user: Any, bucket: str) -> None:
        session = user(B, "readers-end")
        with reader_stack(deployment, "readers-end", ReceivingAccountId=B) as outputs:
            s3 = become(deployment, session, outputs["RoleArn"])
            assert reads(s3, bucket, FORMS[0].format(B)) == {"OK"}
        assert reads(s3, bucket, FORMS[0].format(B)) == {"AccessDenied"}
        assert answer(lambda: become(deployment, session, outputs["RoleArn"])) == "AccessDenied"

    def test_of_running_sessions_comes_with_the_time_before_which_they_began(
        self, deployment: Deployment, user: Any, bucket: str
    ) -> None:
        """And the stack, which has the policy for it, can still be deleted."""
        session, key = user(B, "readers-revoked"), FORMS[0].format(B)
        with reader_stack(deployment, "readers-revoked", ReceivingAccountId=B) as outputs:
            running = become(deployment, session, outputs["RoleArn"])
            assert reads(running, bucket, key) == {"OK"}
            revoke(deployment, "readers-revoked")
            assert reads(running, bucket, key) == {"AccessDenied"}

            def refused_anew() -> bool:
                return reads(become(deployment, session, outputs["RoleArn"]), bucket, key) != {"OK"}

            wait_until(refused_anew)  # times are in whole seconds
            assert reads(running, bucket, key) == {"AccessDenied"}


def revoke(deployment: Deployment, stack: str) -> None:
    """Set the stack's RevokeSessionsBefore to now, and leave its other parameters as they are."""
    now = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    cloudformation = deployment.emulator.client("cloudformation", A)
    kept = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Parameters"]
    names = {one["ParameterKey"] for one in kept} - {"RevokeSessionsBefore"}
    cloudformation.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in sorted(names)]
        + [{"ParameterKey": "RevokeSessionsBefore", "ParameterValue": now}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


class TestEncryptedLogFiles:
    """With a KMS key of the central bucket."""

    def test_are_decrypted_where_the_reader_names_the_key_and_only_through_s3(
        self, deployment: Deployment, user: Any
    ) -> None:
        session, key = user(B, "readers-kms"), f"AWSLogs/{B}/Readers/f"
        stack = {"OrganizationId": ORGANIZATION_ID, "Encryption": "SSE-KMS", "BucketName": "readers-kms"}
        with central_stack(deployment, "readers-kms", **stack) as central:
            place = {"CentralBucketName": central["CentralBucketName"], "ReceivingAccountId": B}
            deployment.emulator.client("s3", A).put_object(Bucket="readers-kms", Key=key, Body=b"logs")
            with reader_stack(deployment, "readers-no-key", **place) as outputs:
                assert reads(become(deployment, session, outputs["RoleArn"]), "readers-kms", key) == {"AccessDenied"}
            with reader_stack(deployment, "readers-key", **place, LogKeyArns=central["CentralKeyArn"]) as outputs:
                assert reads(become(deployment, session, outputs["RoleArn"]), "readers-kms", key) == {"OK"}
                [granted] = policies(deployment.emulator, A, "readers-key").values()
        [decrypt] = [one for one in granted["Statement"] if one["Sid"] == "DecryptLogFiles"]
        assert decrypt["Condition"] == {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}


class TestDirectAccess:
    """Without a role in Account A: what DirectAccess=yes gives to every user of an owner's account."""

    @pytest.mark.parametrize("form", FORMS)
    def test_reads_its_own_files_and_nobody_elses(self, direct_bucket: str, directly: Any, form: str) -> None:
        assert reads(directly, direct_bucket, form.format(B)) == {"OK"}
        assert reads(directly, direct_bucket, form.format(A), form.format(C)) == {"AccessDenied"}

    def test_decrypts_log_files_by_a_statement_of_the_keys_that_holds_through_s3_only(
        self, deployment: Deployment, direct_bucket: str, directly: Any
    ) -> None:
        kms, own = deployment.emulator.client("kms", A), FORMS[0].format(B)
        key_arn = directly.head_object(Bucket=direct_bucket, Key=own)["SSEKMSKeyId"]
        key = {"KeyId": key_arn, "PolicyName": "default"}
        policy = json.loads(kms.get_key_policy(**key)["Policy"])
        [decrypt] = [one for one in policy["Statement"] if one["Sid"] == "OwnersDecryptDirectly"]
        assert decrypt["Condition"]["StringLike"] == {"kms:ViaService": "s3.*.amazonaws.com"}
        less = policy | {"Statement": [one for one in policy["Statement"] if one != decrypt]}
        kms.put_key_policy(**key, Policy=json.dumps(less))
        try:
            assert reads(directly, direct_bucket, own) == {"AccessDenied"}
        finally:
            kms.put_key_policy(**key, Policy=json.dumps(policy))
        assert reads(directly, direct_bucket, own) == {"OK"}

    def test_reads_no_forged_key_and_changes_nothing(self, direct_bucket: str, directly: Any) -> None:
        assert reads(directly, direct_bucket, *FORGED) == {"AccessDenied"}
        assert answer(lambda: directly.put_object(Bucket=direct_bucket, Key=FORMS[0].format(B))) == "AccessDenied"
        assert answer(lambda: directly.delete_object(Bucket=direct_bucket, Key=FORMS[0].format(B))) == "AccessDenied"

    @pytest.mark.parametrize("prefix", OWN_PREFIXES)
    def test_lists_below_its_own_prefixes(self, direct_bucket: str, directly: Any, prefix: str) -> None:
        assert f"{prefix}f" in found(directly, direct_bucket, Prefix=prefix)

    @pytest.mark.parametrize("prefix", OTHER_PREFIXES)
    def test_lists_nothing_else(self, direct_bucket: str, directly: Any, prefix: str) -> None:
        assert answer(lambda: directly.list_objects_v2(Bucket=direct_bucket, Prefix=prefix)) == "AccessDenied"
        assert (
            answer(lambda: directly.list_objects_v2(Bucket=direct_bucket, Prefix=prefix, Delimiter="/"))
            == "AccessDenied"
        )

    def test_needs_the_accounts_own_consent(self, deployment: Deployment, user: Any, direct_bucket: str) -> None:
        powerless = user(B, "readers-powerless", statement("s3:ListAllMyBuckets", Resource="*"))
        assert reads(deployment.emulator.client_of(powerless, "s3"), direct_bucket, FORMS[0].format(B)) == {
            "AccessDenied"
        }

    def test_opens_nothing_to_account_as_own_who_lack_permission(
        self, deployment: Deployment, user: Any, direct_bucket: str
    ) -> None:
        powerless = user(A, "readers-powerless", statement("s3:ListAllMyBuckets", Resource="*"))
        assert reads(deployment.emulator.client_of(powerless, "s3"), direct_bucket, FORMS[0].format(A)) == {
            "AccessDenied"
        }

    def test_is_for_owners_only(self, deployment: Deployment, user: Any, direct_bucket: str) -> None:
        third_party = deployment.emulator.client_of(user(Z, "readers-direct"), "s3")
        assert reads(third_party, direct_bucket, FORMS[0].format(B)) == {"AccessDenied"}

    def test_is_off_unless_it_is_asked_for(self, deployment: Deployment, directly: Any) -> None:
        central = deployment.outputs["CentralBucketName"]
        assert reads(directly, central, FORMS[0].format(B)) == {"AccessDenied"}
        assert answer(lambda: directly.list_objects_v2(Bucket=central, Prefix=OWN_PREFIXES[0])) == "AccessDenied"
        policy = deployment.emulator.client("s3", A).get_bucket_policy(Bucket=central)["Policy"]
        assert "Directly" not in policy


def test_a_shell_finds_what_there_is_to_read_in_its_environment(deployment: Deployment, user: Any, bucket: str) -> None:
    there, name = deployment.environment, "readers-shell"
    z = become(deployment, user(Z, name), there[f"READER_ROLE_ARN_{Z}"], there[f"READER_EXTERNAL_ID_{Z}"])
    readers = {one: become(deployment, user(one, name), there[f"READER_ROLE_ARN_{one}"]) for one in (B, C)} | {Z: z}
    assert there["CENTRAL_BUCKET"] == bucket
    for one, s3 in readers.items():
        own = FORMS[0].format(B if one == Z else one)
        assert found(s3, there["CENTRAL_BUCKET"], Prefix=own) == [own]
        sqs, queue_url = deployment.emulator.client("sqs", one), there[f"NOTIFICATION_QUEUE_URL_{one}"]
        assert answer(partial(sqs.get_queue_attributes, QueueUrl=queue_url)) == "OK"
    s3 = deployment.emulator.client("s3", Z)
    assert answer(lambda: s3.head_bucket(Bucket=there[f"THIRD_PARTY_BUCKET_{Z}"], ExpectedBucketOwner=Z)) == "OK"


def test_each_permission_of_a_reader_is_one_that_is_tried_here(deployment: Deployment) -> None:
    granted = {one: roles(deployment.emulator, A, f"{READER_STACK}-{one}")["ReaderRole"] for one in (B, C, Z)}
    wanted = {
        ("ReadLogFiles", "s3:GetObject"),
        ("ReadLogFiles", "s3:GetObjectVersion"),
        ("ListLogFiles", "s3:ListBucket"),
    }
    denied = {("NoForgedKeys", "s3:GetObject"), ("NoForgedKeys", "s3:GetObjectVersion")}
    assert {account_id: permissions(one) for account_id, one in granted.items()} == dict.fromkeys(
        (B, C, Z), wanted | denied
    )
