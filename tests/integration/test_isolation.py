"""IAM is the wall: what a receiver, its role, or a mistaken route of ours cannot do."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from integration.permissions import answer, assume, document, make_role, statement, trusting
from integration.stacks import owner_stack, topic_stack
from integration.waiting import wait_until

from distributary.keys import KeyLayout
from distributary.policies import session_policy
from distributary.subscription_forms import from_mapping
from distributary_local.deployment import (
    ORGANIZATION_ID,
    OWNERS,
    THIRD_PARTY_ACCOUNT_ID,
    Deployment,
    external_id,
    subscriptions,
)
from distributary_local.trespass import EVERYTHING

(A, B, C), Z = OWNERS, THIRD_PARTY_ACCOUNT_ID
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
def powerful_role(deployment: Deployment) -> str:
    """A role of Account A that may do everything there."""
    return make_role(deployment.emulator, A, "everything", {"everything": EVERYTHING})


def narrowed_for(deployment: Deployment, role_arn: str, account_id: str) -> Any:
    """S3 with a session for a receiver; nothing but its session policy limits it."""
    [plain] = [one for one in subscriptions(deployment)["subscriptions"] if one["account_id"] == account_id]
    policy = session_policy(from_mapping(plain), deployment.outputs["CentralBucketName"], LAYOUT, ())
    return deployment.emulator.client_of(assume(deployment.emulator, role_arn, Policy=policy), "s3")


@pytest.fixture(scope="module")
def narrowed(deployment: Deployment, powerful_role: str) -> Any:
    """A session for B."""
    return narrowed_for(deployment, powerful_role, B)


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


@pytest.fixture(scope="module")
def zs_session(deployment: Deployment, powerful_role: str) -> Any:
    """The same for Z."""
    return narrowed_for(deployment, powerful_role, Z)


class TestASessionForZ:
    """Taken with the same role: a third party may read everybody's."""

    def test_reads_everybodys(self, deployment: Deployment, zs_session: Any, keys: dict[str, str]) -> None:
        bucket = deployment.outputs["CentralBucketName"]
        answers = [answer(lambda k=key: zs_session.get_object(Bucket=bucket, Key=k)) for key in keys.values()]  # type: ignore[misc]
        assert answers == ["OK"] * 3

    def test_reads_no_forged_key(self, deployment: Deployment, zs_session: Any) -> None:
        place = {"Bucket": deployment.outputs["CentralBucketName"], "Key": f"AWSLogs/{C}/CloudTrail/AWSLogs/{B}/forged"}
        deployment.emulator.client("s3", A).put_object(**place, Body=b"logs")
        assert answer(lambda: zs_session.get_object(**place)) == "AccessDenied"

    def test_writes_in_no_other_bucket(self, deployment: Deployment, zs_session: Any) -> None:
        others = [deployment.outputs["CentralBucketName"], *deployment.buckets.values()]
        answers = {bucket: answer(lambda b=bucket: zs_session.put_object(Bucket=b, Key="x")) for bucket in others}  # type: ignore[misc]
        assert answers == dict.fromkeys(others, "AccessDenied")


@pytest.fixture(scope="module")
def s3(deployment: Deployment) -> Iterator[Any]:
    """S3 as Z's delivery role."""
    emulator, arn = deployment.emulator, deployment.third_party["DeliveryRoleArn"]
    iam, name = emulator.client("iam", Z), {"RoleName": arn.rpartition("/")[2], "PolicyName": "everything"}
    iam.put_role_policy(**name, PolicyDocument=json.dumps(EVERYTHING))
    with trusting(emulator, arn, Z):
        session = assume(emulator, arn)
    yield emulator.client_of(session, "s3")
    iam.delete_role_policy(**name)


class TestAThirdPartysDeliveryRole:
    """With every permission that the third party can give it."""

    def test_reads_everybodys(self, deployment: Deployment, s3: Any, keys: dict[str, str]) -> None:
        bucket = deployment.outputs["CentralBucketName"]
        answers = [answer(lambda k=key: s3.get_object(Bucket=bucket, Key=k)) for key in keys.values()]  # type: ignore[misc]
        assert answers == ["OK"] * 3

    def test_reads_no_forged_key(self, deployment: Deployment, s3: Any) -> None:
        place = {"Bucket": deployment.outputs["CentralBucketName"], "Key": f"AWSLogs/{B}/CloudTrail/AWSLogs/{C}/forged"}
        deployment.emulator.client("s3", A).put_object(**place, Body=b"logs")
        assert answer(lambda: s3.get_object(**place)) == "AccessDenied"

    def test_writes_deletes_and_lists_nothing_there(
        self, deployment: Deployment, s3: Any, keys: dict[str, str]
    ) -> None:
        place = {"Bucket": deployment.outputs["CentralBucketName"], "Key": keys[C]}
        assert answer(lambda: s3.put_object(**place, Body=b"")) == "AccessDenied"
        assert answer(lambda: s3.delete_object(**place)) == "AccessDenied"
        assert answer(lambda: s3.list_objects_v2(Bucket=place["Bucket"])) == "AccessDenied"

    def test_reads_no_owners_bucket(self, deployment: Deployment, s3: Any, keys: dict[str, str]) -> None:
        place = {"Bucket": deployment.buckets[C], "Key": f"isolation/{keys[C]}"}
        assert answer(lambda: s3.get_object(**place)) == "AccessDenied"

    def test_is_the_only_role_of_its_account_that_reads(self, deployment: Deployment, keys: dict[str, str]) -> None:
        another = make_role(deployment.emulator, Z, "isolation-another", {"everything": EVERYTHING})
        s3 = deployment.emulator.client_of(assume(deployment.emulator, another), "s3")
        place = {"Bucket": deployment.outputs["CentralBucketName"], "Key": keys[C]}
        assert answer(lambda: s3.get_object(**place)) == "AccessDenied"


OWNERS_FUNCTION, THIRD_PARTIES_FUNCTION = "DeliverToOwnerRoleArn", "FanOutRoleArn"
each_pair = pytest.mark.parametrize(("function", "account_id"), [(OWNERS_FUNCTION, B), (THIRD_PARTIES_FUNCTION, Z)])
each_wrong_pair = pytest.mark.parametrize(
    ("function", "account_id"), [(OWNERS_FUNCTION, Z), (THIRD_PARTIES_FUNCTION, A), (THIRD_PARTIES_FUNCTION, B)]
)


class TestADeliveryRole:
    """Who may become it, and with what."""

    @pytest.fixture
    def sts(self, deployment: Deployment, function: str) -> Any:
        """STS as a function's role."""
        arn = deployment.outputs[function]
        with trusting(deployment.emulator, arn, A):
            return deployment.emulator.client_of(assume(deployment.emulator, arn), "sts")

    def role_of(self, deployment: Deployment, account_id: str) -> str:
        receivers = {**deployment.owners, Z: deployment.third_party}
        return receivers[account_id]["DeliveryRoleArn"]

    def become(self, sts: Any, role_arn: str, external_id: str | None) -> str:
        with_it = {"ExternalId": external_id} if external_id else {}
        return answer(lambda: sts.assume_role(RoleArn=role_arn, RoleSessionName="test", **with_it))

    @each_pair
    def test_is_assumed_by_its_functions_role_with_the_external_id(
        self, deployment: Deployment, sts: Any, account_id: str
    ) -> None:
        assert self.become(sts, self.role_of(deployment, account_id), external_id(account_id)) == "OK"

    @each_pair
    @pytest.mark.parametrize("given", [None, "a-wrong-external-id", external_id(C)])
    def test_is_not_assumed_without_it(
        self, deployment: Deployment, sts: Any, account_id: str, given: str | None
    ) -> None:
        assert self.become(sts, self.role_of(deployment, account_id), given) == "AccessDenied"

    @each_wrong_pair
    def test_is_not_assumed_by_the_other_functions_role(
        self, deployment: Deployment, sts: Any, account_id: str
    ) -> None:
        assert self.become(sts, self.role_of(deployment, account_id), external_id(account_id)) == "AccessDenied"

    @each_wrong_pair
    def test_is_not_assumed_by_it_even_if_its_trust_is_too_wide(
        self, deployment: Deployment, sts: Any, account_id: str
    ) -> None:
        role_arn = self.role_of(deployment, account_id)
        with trusting(deployment.emulator, role_arn, A):
            assert self.become(sts, role_arn, external_id(account_id)) == "AccessDenied"

    @pytest.mark.parametrize("account_id", [B, Z])
    @pytest.mark.parametrize("stranger", [A, B, C, Z])
    def test_is_not_assumed_by_anybody_else(
        self, deployment: Deployment, as_user: Any, stranger: str, account_id: str
    ) -> None:
        user = as_user(stranger, [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
        sts = deployment.emulator.client_of(user, "sts")
        assert self.become(sts, self.role_of(deployment, account_id), external_id(account_id)) == "AccessDenied"

    @each_pair
    def test_is_the_only_one_that_the_functions_role_assumes(
        self, deployment: Deployment, sts: Any, account_id: str
    ) -> None:
        role_arn = make_role(deployment.emulator, account_id, "isolation-not-delivery", {})
        with trusting(deployment.emulator, role_arn, A):
            assert self.become(sts, role_arn, None) == "AccessDenied"


def sns_of(deployment: Deployment, account_id: str, role_name: str) -> Any:
    """SNS as a new role that may do everything that its own account can allow."""
    arn = make_role(deployment.emulator, account_id, role_name, {"everything": EVERYTHING})
    return deployment.emulator.client_of(assume(deployment.emulator, arn), "sns")


def queue_of(deployment: Deployment, account_id: str) -> dict[str, str]:
    """A new queue as Subscribe names it."""
    sqs = deployment.emulator.client("sqs", account_id)
    url = sqs.create_queue(QueueName="isolation")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return {"Protocol": "sqs", "Endpoint": arn}


@pytest.fixture(scope="module")
def topic_arn(deployment: Deployment) -> Iterator[str]:
    parameters = {"ReceivingAccountId": C, "TopicName": "isolation", "DeliveryRoleName": "isolation-delivery"}
    with topic_stack(deployment, "isolation-topic", **parameters) as outputs:
        yield outputs["TopicArn"]


@pytest.fixture(scope="module")
def sns(deployment: Deployment) -> dict[tuple[str, str], Any]:
    actors = [(B, "isolation-delivery"), (C, "isolation-delivery"), (C, "isolation-other")]
    return {actor: sns_of(deployment, *actor) for actor in actors}


class TestATopicOfAccountA:
    """For C: its delivery role publishes there and it subscribes, and nobody else does either."""

    def test_takes_notifications_of_cs_delivery_role_only(self, topic_arn: str, sns: Any) -> None:
        answers = {
            actor: answer(lambda c=client: c.publish(TopicArn=topic_arn, Message="logs"))  # type: ignore[misc]
            for actor, client in sns.items()
        }
        refused = "AuthorizationError"
        assert answers == {
            (B, "isolation-delivery"): refused,
            (C, "isolation-delivery"): "OK",
            (C, "isolation-other"): refused,
        }

    def test_is_subscribed_to_by_c_only(self, deployment: Deployment, topic_arn: str, sns: Any) -> None:
        bs, cs = (queue_of(deployment, account_id) for account_id in (B, C))
        as_b, as_c = sns[B, "isolation-delivery"], sns[C, "isolation-other"]
        for endpoint in (bs, cs):
            assert answer(lambda e=endpoint: as_b.subscribe(TopicArn=topic_arn, **e)) == "AuthorizationError"  # type: ignore[misc]
        assert answer(lambda: as_c.subscribe(TopicArn=topic_arn, **cs)) == "OK"

    @pytest.mark.parametrize("protocol", ["sqs", "https", "email"])
    def test_tells_c_nowhere_but_in_its_own_account(
        self, deployment: Deployment, topic_arn: str, sns: Any, protocol: str
    ) -> None:
        endpoints = {
            "sqs": queue_of(deployment, B)["Endpoint"],
            "https": "https://example.com/",
            "email": "somebody@example.com",
        }
        subscription = {"TopicArn": topic_arn, "Protocol": protocol, "Endpoint": endpoints[protocol]}
        assert answer(lambda: sns[C, "isolation-other"].subscribe(**subscription)) == "AuthorizationError"

    def test_tells_c_anywhere_if_account_a_says_so(self, deployment: Deployment, sns: Any) -> None:
        parameters = {"ReceivingAccountId": C, "TopicName": "isolation-any", "AllowAnyEndpoint": "yes"}
        with topic_stack(deployment, "isolation-any", **parameters) as outputs:
            subscription = {"TopicArn": outputs["TopicArn"], "Protocol": "email", "Endpoint": "somebody@example.com"}
            assert answer(lambda: sns[C, "isolation-other"].subscribe(**subscription)) == "OK"
            assert answer(lambda: sns[B, "isolation-delivery"].subscribe(**subscription)) == "AuthorizationError"


@pytest.fixture(scope="module")
def owner(deployment: Deployment) -> Iterator[dict[str, str]]:
    parameters = {
        "DeliverToOwnerRoleArn": deployment.outputs["DeliverToOwnerRoleArn"],
        "CentralBucketName": deployment.outputs["CentralBucketName"],
        "ExternalId": "isolation",
        "DeliveryRoleName": "isolation-notifying",
        "Notifications": "queue",
        "SubscriberAccountId": C,
    }
    with owner_stack(deployment, B, "isolation-owner", **parameters) as outputs:
        yield outputs


@pytest.fixture(scope="module")
def delivery_role(deployment: Deployment, owner: dict[str, str]) -> Any:
    """SNS as B's delivery role."""
    with trusting(deployment.emulator, owner["DeliveryRoleArn"], B):
        return deployment.emulator.client_of(assume(deployment.emulator, owner["DeliveryRoleArn"]), "sns")


class TestAReceiversTopicAndQueue:
    """B's, in B."""

    def test_the_topic_takes_notifications_of_the_delivery_role_only(
        self, deployment: Deployment, owner: dict[str, str], delivery_role: Any
    ) -> None:
        notification = {"TopicArn": owner["NotificationTopicArn"], "Message": "from the delivery role"}
        assert answer(lambda: delivery_role.publish(**notification)) == "OK"
        for account_id in (A, B, C):
            administrator = sns_of(deployment, account_id, "isolation-administrator")
            assert answer(lambda s=administrator: s.publish(**notification)) == "AuthorizationError"  # type: ignore[misc]

    def test_the_delivery_role_publishes_on_no_other_topic(self, deployment: Deployment, delivery_role: Any) -> None:
        others = [
            deployment.emulator.client("sns", B).create_topic(Name="isolation-another")["TopicArn"],
            deployment.owners[B]["NotificationTopicArn"],
            deployment.owners[C]["NotificationTopicArn"],
        ]
        answers = [answer(lambda t=topic: delivery_role.publish(TopicArn=t, Message="logs")) for topic in others]  # type: ignore[misc]
        assert answers == ["AuthorizationError"] * 3

    def test_the_queue_takes_messages_of_its_topic_only(
        self, deployment: Deployment, owner: dict[str, str], delivery_role: Any
    ) -> None:
        sns, sqs = (deployment.emulator.client(service, B) for service in ("sns", "sqs"))
        other = sns.create_topic(Name="isolation-forger")["TopicArn"]
        sns.subscribe(TopicArn=other, Protocol="sqs", Endpoint=owner["NotificationQueueArn"])
        sns.publish(TopicArn=other, Message="forged")
        delivery_role.publish(TopicArn=owner["NotificationTopicArn"], Message="true")
        bodies: list[str] = []

        def arrived() -> bool:
            received = sqs.receive_message(QueueUrl=owner["NotificationQueueUrl"], MaxNumberOfMessages=10)
            bodies.extend(message["Body"] for message in received.get("Messages", []))
            return "true" in bodies

        wait_until(lambda: not arrived())
        assert not [body for body in bodies if "forged" in body]

    def test_the_topic_tells_a_queue_of_the_subscribers_account(
        self, deployment: Deployment, owner: dict[str, str], sns: Any, delivery_role: Any
    ) -> None:
        topic_arn, endpoint, sqs = (
            owner["NotificationTopicArn"],
            queue_of(deployment, C),
            deployment.emulator.client("sqs", C),
        )
        from_the_topic = {"Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}}, "Resource": endpoint["Endpoint"]}
        sends = statement("sqs:SendMessage", Principal={"Service": "sns.amazonaws.com"}, **from_the_topic)
        url = sqs.get_queue_url(QueueName="isolation")["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(sends)})
        subscribed = sns[C, "isolation-other"].subscribe(TopicArn=topic_arn, **endpoint)["SubscriptionArn"]
        assert subscribed.startswith(topic_arn)  # not "pending confirmation"
        delivery_role.publish(TopicArn=topic_arn, Message="to both")
        wait_until(lambda: "to both" not in str(sqs.receive_message(QueueUrl=url).get("Messages")))

    def test_is_subscribed_to_by_nobody_else_and_nowhere_else(
        self, deployment: Deployment, owner: dict[str, str], sns: Any
    ) -> None:
        topic_arn, cs = owner["NotificationTopicArn"], sns[C, "isolation-other"]
        elsewhere = [
            queue_of(deployment, B),
            {"Protocol": "https", "Endpoint": "https://example.com/"},
            {"Protocol": "email", "Endpoint": "somebody@example.com"},
        ]
        answers = {answer(lambda e=one: cs.subscribe(TopicArn=topic_arn, **e)) for one in elsewhere}  # type: ignore[misc]
        for stranger in (A, Z):
            administrator = sns_of(deployment, stranger, "isolation-stranger")
            own = queue_of(deployment, stranger)
            answers |= {answer(lambda s=administrator, e=own: s.subscribe(TopicArn=topic_arn, **e))}  # type: ignore[misc]
        assert answers == {"AuthorizationError"}

    def test_nobody_outside_its_account_sends_to_the_queue(self, deployment: Deployment, owner: dict[str, str]) -> None:
        arn = make_role(deployment.emulator, C, "isolation-sender", {"everything": EVERYTHING})
        sqs = deployment.emulator.client_of(assume(deployment.emulator, arn), "sqs")
        sent = {"QueueUrl": owner["NotificationQueueUrl"], "MessageBody": "forged"}
        assert answer(lambda: sqs.send_message(**sent)) == "AccessDenied"
