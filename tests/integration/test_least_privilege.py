"""Each permission of the deployed roles is needed, and there is no other: a call fails without it; each has a call.

The calls are made with copies of the roles (the functions') and with a stack of the test's own (the delivery role's),
so that nobody else's deliveries are disturbed. What a role's resources and conditions exclude: test_isolation.py.
"""

import io
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from integration.permissions import Actor, act_as, make_role, permissions, roles, trusting
from integration.stacks import owner_stack
from integration.waiting import wait_until

from distributary_local.deployment import (
    CENTRAL_ACCOUNT_ID,
    STACK,
    THIRD_PARTY_ACCOUNT_ID,
    THIRD_PARTY_STACK,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
)

A, OWNER = CENTRAL_ACCOUNT_ID, UNSUBSCRIBED_ACCOUNT_ID
"""The owner has a delivery role of its own stack here; it has no subscription, so the deployed function ignores it."""
OWNER_STACK = "least-privilege"


@dataclass(frozen=True, slots=True)
class Function:
    """A copy of a function's role, and what the role works on."""

    actor: Actor
    queue_url: str
    dead_letter_queue_url: str
    log_group: str
    """The deployed function's."""
    delivery_role_arn: str
    """One that it may become."""
    logging_function: str
    """A function with this role that writes its event into that log."""


@dataclass(frozen=True, slots=True)
class World:
    """All roles, and what they work on."""

    deployment: Deployment
    functions: dict[str, Function]
    """By the logical ID of the role."""
    delivery: Actor
    central: str
    """The central bucket."""
    owner: dict[str, str]
    """The outputs of the owner's stack."""
    key: str
    """A log file of the owner in the central bucket."""
    version_id: str

    def actor(self, role: str) -> Actor:
        return self.delivery if role == "DeliveryRole" else self.functions[role].actor

    def copy(self, **source: str) -> None:
        """Copy the log file with the delivery role, as the function does."""
        self.delivery.client("s3").copy_object(
            Bucket=self.owner["LogBucketName"],
            Key=f"copies/{uuid.uuid4().hex}",
            CopySource={"Bucket": self.central, "Key": self.key, **source},
            IfNoneMatch="*",
            ExpectedBucketOwner=OWNER,
            ExpectedSourceBucketOwner=A,
            TaggingDirective="REPLACE",
        )

    def abort_an_upload(self) -> None:
        """Abort an upload that somebody else has begun, so that only aborting is asked of the role."""
        place = {"Bucket": self.owner["LogBucketName"], "Key": f"copies/{uuid.uuid4().hex}"}
        begun = self.deployment.emulator.client("s3", OWNER).create_multipart_upload(**place)
        self.delivery.client("s3").abort_multipart_upload(**place, UploadId=begun["UploadId"])

    def find_a_copy(self) -> None:
        self.delivery.client("s3").list_object_versions(Bucket=self.owner["LogBucketName"], Prefix="copies/", MaxKeys=1)

    def list_copies(self) -> None:
        self.delivery.client("s3").list_objects_v2(Bucket=self.owner["LogBucketName"], Prefix="copies/", MaxKeys=1)

    def notify(self) -> None:
        self.delivery.client("sns").publish(TopicArn=self.owner["NotificationTopicArn"], Message="a log file")


@dataclass(frozen=True, slots=True)
class Row:
    """The call that a permission is there for."""

    call: Callable[[World], object]
    """Returns its answer only where nobody answers with an error code."""
    allowed: str = "OK"
    refused: str = "AccessDenied"


def reads_subscriptions(role: str) -> Row:
    def call(world: World) -> object:
        items = {world.deployment.outputs["SubscriptionsTableName"]: {"Keys": [{"scope": {"S": OWNER}}]}}
        return world.functions[role].actor.client("dynamodb").batch_get_item(RequestItems=items)

    return Row(call, refused="AccessDeniedException")


def becomes_a_delivery_role(role: str, arn_of: Callable[[World], str]) -> Row:
    def call(world: World) -> object:
        return world.functions[role].actor.client("sts").assume_role(RoleArn=arn_of(world), RoleSessionName="test")

    return Row(call)


def sends(role: str, url_of: Callable[[World], str]) -> Row:
    """Nothing is sent: who may send is told that there is nothing to send."""

    def call(world: World) -> object:
        return world.functions[role].actor.client("sqs").send_message_batch(QueueUrl=url_of(world), Entries=[])

    return Row(call, allowed="AWS.SimpleQueueService.EmptyBatchRequest")


def writes_a_log(role: str) -> Row:
    """Run the function; the local AWS loses its log without permission, as Lambda does.

    It asks for both permissions together whenever a function ends (gap log_permissions). It refuses a direct call whose
    permission ends with :*, which is how AWS writes a log group with its streams; so none is made here.
    """

    def call(world: World) -> str:
        mark, function, emulator = uuid.uuid4().hex, world.functions[role], world.deployment.emulator
        emulator.client("lambda", A).invoke(FunctionName=function.logging_function, Payload=f'"{mark}"')
        logs = emulator.client("logs", A)
        found = logs.filter_log_events(logGroupName=function.log_group, filterPattern=mark)["events"]
        return "OK" if any(mark in event["message"] for event in found) else "lost"

    return Row(call, refused="lost")


def rows_of_a_function(role: str, queue_sid: str) -> dict[tuple[str, str, str], Row]:
    """What a delivering function's role is for; both functions do the same with different things."""

    def sqs(name: str, **arguments: Any) -> Callable[[World], object]:
        def call(world: World) -> object:
            function = world.functions[role]
            return getattr(function.actor.client("sqs"), name)(QueueUrl=function.queue_url, **arguments)

        return call

    return {
        (role, "AssumeDeliveryRoles", "sts:AssumeRole"): becomes_a_delivery_role(
            role, lambda world: world.functions[role].delivery_role_arn
        ),
        (role, "ReadSubscriptions", "dynamodb:BatchGetItem"): reads_subscriptions(role),
        # The local AWS's poller asks for these three only when its mapping is made (gap mapping_checks).
        (role, queue_sid, "sqs:ReceiveMessage"): Row(sqs("receive_message", VisibilityTimeout=0)),
        (role, queue_sid, "sqs:DeleteMessage"): Row(
            sqs("delete_message", ReceiptHandle="nobodys"), allowed="ReceiptHandleIsInvalid"
        ),
        (role, queue_sid, "sqs:GetQueueAttributes"): Row(sqs("get_queue_attributes")),
        (role, "SendWhatIsLeft", "sqs:SendMessage"): sends(role, lambda world: world.functions[role].queue_url),
        (role, "BuryWhatIsDead", "sqs:SendMessage"): sends(
            role, lambda world: world.functions[role].dead_letter_queue_url
        ),
        (role, "WriteTheLog", "logs:CreateLogStream"): writes_a_log(role),
        (role, "WriteTheLog", "logs:PutLogEvents"): writes_a_log(role),
    }


def rows_of_comparing(role: str) -> dict[tuple[str, str, str], Row]:
    """What the role of the function that compares the buckets is for."""

    def client(world: World, service: str) -> Any:
        return world.functions[role].actor.client(service)

    def scan(world: World) -> object:
        return client(world, "dynamodb").scan(TableName=world.deployment.outputs["SubscriptionsTableName"], Limit=1)

    def start(world: World) -> object:
        name = world.deployment.outputs["ReconcileFunctionName"]
        return client(world, "lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"days": 0}')

    return {
        (role, "ListTheCentralBucket", "s3:ListBucket"): Row(
            lambda world: client(world, "s3").list_objects_v2(Bucket=world.central, MaxKeys=1)
        ),
        (role, "AssumeOwnersDeliveryRoles", "sts:AssumeRole"): becomes_a_delivery_role(
            role, lambda world: world.delivery.role_arn
        ),
        (role, "AssumeThirdPartiesDeliveryRoles", "sts:AssumeRole"): becomes_a_delivery_role(
            role, lambda world: world.deployment.third_party["DeliveryRoleArn"]
        ),
        (role, "ReadSubscriptions", "dynamodb:BatchGetItem"): reads_subscriptions(role),
        (role, "ReadSubscriptions", "dynamodb:Scan"): Row(scan, refused="AccessDeniedException"),
        (role, "SendWhatOwnersLack", "sqs:SendMessage"): sends(
            role, lambda world: world.deployment.outputs["OwnerQueueUrl"]
        ),
        (role, "SendWhatThirdPartiesLack", "sqs:SendMessage"): sends(
            role, lambda world: world.deployment.outputs["ThirdPartyQueueUrl"]
        ),
        (role, "StartItself", "lambda:InvokeFunction"): Row(start, refused="AccessDeniedException"),
        (role, "WriteTheLog", "logs:CreateLogStream"): writes_a_log(role),
        (role, "WriteTheLog", "logs:PutLogEvents"): writes_a_log(role),
    }


def rows_of_a_backfill(role: str) -> dict[tuple[str, str, str], Row]:
    """What the state machine's role is for."""

    def client(world: World, service: str) -> Any:
        return world.functions[role].actor.client(service)

    def place(world: World, folder: str) -> dict[str, str]:
        """An object that is there."""
        made = {"Bucket": world.deployment.outputs["BackfillBucketName"], "Key": f"{folder}/least-privilege"}
        world.deployment.emulator.client("s3", A).put_object(**made, Body=b"{}")
        return made

    def upload(world: World, call: str) -> object:
        made = place(world, "results")
        begun = world.deployment.emulator.client("s3", A).create_multipart_upload(**made)
        return getattr(client(world, "s3"), call)(**made, UploadId=begun["UploadId"])

    def start(world: World) -> object:
        machine = world.deployment.outputs["BackfillStateMachineArn"]
        return client(world, "stepfunctions").start_execution(stateMachineArn=machine, input="{}")

    def ended(world: World) -> dict[str, str]:
        """An execution that has failed, for want of input."""
        states, machine = world.deployment.emulator.client("stepfunctions", A), world.deployment.outputs
        arn = states.start_execution(stateMachineArn=machine["BackfillStateMachineArn"], input="{}")["executionArn"]
        wait_until(lambda: states.describe_execution(executionArn=arn)["status"] == "RUNNING")
        return {"executionArn": arn}

    def states(call: str, allowed: str = "OK") -> Row:
        def follow(world: World) -> object:
            return getattr(client(world, "stepfunctions"), call)(**ended(world))

        return Row(follow, allowed, "AccessDeniedException")

    def compare(world: World) -> object:
        name = world.deployment.outputs["ReconcileFunctionName"]
        return client(world, "lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"days": 0}')

    def objects(call: str, folder: str) -> Row:
        return Row(lambda world: getattr(client(world, "s3"), call)(**place(world, folder)))

    return {
        (role, "ReadTheShards", "s3:GetObject"): objects("get_object", "shards"),
        (role, "WriteTheResults", "s3:PutObject"): objects("put_object", "results"),
        (role, "WriteTheResults", "s3:GetObject"): objects("get_object", "results"),
        (role, "WriteTheResults", "s3:ListMultipartUploadParts"): Row(lambda world: upload(world, "list_parts")),
        (role, "WriteTheResults", "s3:AbortMultipartUpload"): Row(
            lambda world: upload(world, "abort_multipart_upload")
        ),
        (role, "StartBatches", "states:StartExecution"): Row(start, refused="AccessDeniedException"),
        (role, "FollowBatches", "states:DescribeExecution"): states("describe_execution"),
        (role, "FollowBatches", "states:StopExecution"): states("stop_execution", "ValidationException"),
        (role, "FollowBatches", "states:RedriveExecution"): states("redrive_execution"),
        (role, "CompareBatches", "lambda:InvokeFunction"): Row(compare, refused="AccessDeniedException"),
    }


ROWS: dict[tuple[str, str, str], Row] = {
    **rows_of_a_function("DeliverToOwnerRole", "ConsumeTheOwnerQueue"),
    **rows_of_a_function("FanOutRole", "ConsumeTheThirdPartyQueue"),
    **rows_of_comparing("ReconcileRole"),
    **rows_of_a_backfill("BackfillRole"),
    ("DeliveryRole", "ReadLogFiles", "s3:GetObject"): Row(World.copy),
    ("DeliveryRole", "ReadLogFiles", "s3:GetObjectVersion"): Row(lambda world: world.copy(VersionId=world.version_id)),
    ("DeliveryRole", "WriteCopies", "s3:PutObject"): Row(World.copy),
    ("DeliveryRole", "WriteCopies", "s3:AbortMultipartUpload"): Row(World.abort_an_upload),
    ("DeliveryRole", "FindCopies", "s3:ListBucketVersions"): Row(World.find_a_copy),
    ("DeliveryRole", "ListCopies", "s3:ListBucket"): Row(World.list_copies),
    ("DeliveryRole", "Notify", "sns:Publish"): Row(World.notify, refused="AuthorizationError"),
}


def answer(row: Row, world: World) -> str:
    try:
        said = row.call(world)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return said if isinstance(said, str) else "OK"


@pytest.fixture(scope="module")
def world(deployment: Deployment) -> Iterator[World]:
    emulator, central = deployment.emulator, deployment.outputs["CentralBucketName"]
    third_partys_role = deployment.third_party["DeliveryRoleArn"]
    with (
        owner_stack(
            deployment,
            OWNER,
            OWNER_STACK,
            DeliverToOwnerRoleArn=deployment.outputs["DeliverToOwnerRoleArn"],
            CentralBucketName=central,
            ExternalId="least-privilege",
            Notifications="topic",
        ) as owner,
        trusting(emulator, third_partys_role, A),
    ):
        delivery = act_as(emulator, owner["DeliveryRoleArn"], "s3", "sns", trusted={"AWS": [A, OWNER]})
        functions = {
            "DeliverToOwnerRole": copy_of(
                deployment, "DeliverToOwnerRole", "Owner", "DELIVER_TO_OWNER", delivery.role_arn
            ),
            "FanOutRole": copy_of(deployment, "FanOutRole", "ThirdParty", "FAN_OUT", third_partys_role),
            "ReconcileRole": copy_of(deployment, "ReconcileRole", "Owner", "RECONCILE", delivery.role_arn),
            "BackfillRole": Function(copy_of_the_backfills(deployment), *[""] * 5),
        }
        key = f"AWSLogs/{OWNER}/CloudTrail/us-east-1/2026/11/21/{OWNER}_CloudTrail_least-privilege.json.gz"
        put = emulator.client("s3", A).put_object(Bucket=central, Key=key, Body=b"logs")
        yield World(deployment, functions, delivery, central, owner, key, put["VersionId"])


def copy_of(deployment: Deployment, role: str, queue: str, function: str, delivery_role_arn: str) -> Function:
    """A role of Account A's stack once more."""
    emulator, name = deployment.emulator, f"least-privilege-{role}"
    arn = make_role(emulator, A, name, roles(emulator, A, STACK)[role])
    trusted = {"AWS": A, "Service": "lambda.amazonaws.com"}
    actor = act_as(emulator, arn, "sts", "dynamodb", "sqs", "s3", "lambda", trusted=trusted)
    log_group = deployment.environment[f"{function}_LOG_GROUP"]
    alive, dead = (deployment.outputs[f"{queue}{kind}Url"] for kind in ("Queue", "DeadLetterQueue"))
    return Function(actor, alive, dead, log_group, delivery_role_arn, make_logging_function(actor, name, log_group))


def copy_of_the_backfills(deployment: Deployment) -> Actor:
    """The state machine's role once more."""
    emulator = deployment.emulator
    arn = make_role(emulator, A, "least-privilege-BackfillRole", roles(emulator, A, STACK)["BackfillRole"])
    return act_as(emulator, arn, "s3", "stepfunctions", "lambda", trusted={"AWS": A})


def make_logging_function(role: Actor, name: str, log_group: str) -> str:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    print(event)\n")
    made = role.emulator.client("lambda", A).create_function(
        FunctionName=name,
        Role=role.role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
        LoggingConfig={"LogGroup": log_group},
    )
    return str(made["FunctionName"])


@pytest.mark.parametrize("permission", ROWS, ids="-".join)
def test_a_permission_is_needed(world: World, permission: tuple[str, str, str]) -> None:
    role, sid, action = permission
    row = ROWS[permission]
    assert answer(row, world) == row.allowed
    with world.actor(role).lacking(sid, action):
        assert answer(row, world) == row.refused
    assert answer(row, world) == row.allowed


@pytest.mark.usefixtures("world")
def test_there_is_no_other_permission(deployment: Deployment) -> None:
    """In any role of the stacks, so that a new function's role can't be forgotten."""
    deployed = roles(deployment.emulator, A, STACK) | roles(deployment.emulator, OWNER, OWNER_STACK)
    assert {(role, *one) for role, granted in deployed.items() for one in permissions(granted)} == set(ROWS)


def test_a_third_partys_delivery_role_has_the_permissions_of_an_owners(deployment: Deployment) -> None:
    third_party = roles(deployment.emulator, THIRD_PARTY_ACCOUNT_ID, THIRD_PARTY_STACK)
    rows = {(role, *one) for role, granted in third_party.items() for one in permissions(granted)}
    assert rows == {row for row in ROWS if row[0] == "DeliveryRole"}
