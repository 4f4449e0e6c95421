"""Each permission of the deployed roles is needed, and there is no other: a call fails without it; each has a call.

The calls are made with copies of the roles (the function's) and with a stack of the test's own (the delivery role's),
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
from integration.permissions import Actor, act_as, make_role, permissions, roles
from integration.stacks import owner_stack

from distributary_local.deployment import CENTRAL_ACCOUNT_ID, STACK, UNSUBSCRIBED_ACCOUNT_ID, Deployment

A, OWNER = CENTRAL_ACCOUNT_ID, UNSUBSCRIBED_ACCOUNT_ID
"""The owner has a delivery role of its own stack here; it has no subscription, so the deployed function ignores it."""
OWNER_STACK = "least-privilege"


@dataclass(frozen=True, slots=True)
class World:
    """Both roles, and what they work on."""

    deployment: Deployment
    function: Actor
    delivery: Actor
    central: str
    """The central bucket."""
    owners: str
    """The owner's bucket."""
    key: str
    """A log file of the owner in the central bucket."""
    version_id: str
    logging_function: str
    """A function with the function's role that writes its event into the deployed function's log."""

    def copy(self, **source: str) -> None:
        """Copy the log file with the delivery role, as the function does."""
        self.delivery.client("s3").copy_object(
            Bucket=self.owners,
            Key=f"copies/{uuid.uuid4().hex}",
            CopySource={"Bucket": self.central, "Key": self.key, **source},
            IfNoneMatch="*",
            ExpectedBucketOwner=OWNER,
            ExpectedSourceBucketOwner=A,
            TaggingDirective="REPLACE",
        )

    def abort_an_upload(self) -> None:
        """Abort an upload that somebody else has begun, so that only aborting is asked of the role."""
        place = {"Bucket": self.owners, "Key": f"copies/{uuid.uuid4().hex}"}
        begun = self.deployment.emulator.client("s3", OWNER).create_multipart_upload(**place)
        self.delivery.client("s3").abort_multipart_upload(**place, UploadId=begun["UploadId"])

    def write_a_log(self) -> str:
        """Run the function; the local AWS loses its log without permission, as Lambda does."""
        mark = uuid.uuid4().hex
        self.deployment.emulator.client("lambda", A).invoke(FunctionName=self.logging_function, Payload=f'"{mark}"')
        group = self.deployment.environment["DELIVER_TO_OWNER_LOG_GROUP"]
        logs = self.deployment.emulator.client("logs", A)
        found = logs.filter_log_events(logGroupName=group, filterPattern=mark)["events"]
        return "OK" if any(mark in event["message"] for event in found) else "lost"


@dataclass(frozen=True, slots=True)
class Row:
    """The call that a permission is there for."""

    call: Callable[[World], object]
    """Returns its answer only where nobody answers with an error code."""
    allowed: str = "OK"
    refused: str = "AccessDenied"


def sqs(name: str, **arguments: Any) -> Callable[[World], object]:
    def call(world: World) -> object:
        queue = world.deployment.outputs["OwnerQueueUrl"]
        return getattr(world.function.client("sqs"), name)(QueueUrl=queue, **arguments)

    return call


def read_subscriptions(world: World) -> object:
    keys = {"Keys": [{"scope": {"S": OWNER}}]}
    table = world.deployment.outputs["SubscriptionsTableName"]
    return world.function.client("dynamodb").batch_get_item(RequestItems={table: keys})


def become_the_delivery_role(world: World) -> object:
    return world.function.client("sts").assume_role(RoleArn=world.delivery.role_arn, RoleSessionName="test")


# The local AWS's poller asks for these only when its mapping is made (gap mapping_checks); so they are called here.
SQS_ROWS = {
    ("DeliverToOwnerRole", "ConsumeTheOwnerQueue", "sqs:ReceiveMessage"): Row(
        sqs("receive_message", VisibilityTimeout=0)
    ),
    ("DeliverToOwnerRole", "ConsumeTheOwnerQueue", "sqs:DeleteMessage"): Row(
        sqs("delete_message", ReceiptHandle="nobodys"), allowed="ReceiptHandleIsInvalid"
    ),
    ("DeliverToOwnerRole", "ConsumeTheOwnerQueue", "sqs:GetQueueAttributes"): Row(sqs("get_queue_attributes")),
}
# The local AWS asks for both together whenever a function ends (gap log_permissions). It refuses a direct call whose
# permission ends with :*, which is how AWS writes a log group with its streams; so none is made here.
LOG_ROWS = {
    ("DeliverToOwnerRole", "WriteTheLog", action): Row(World.write_a_log, refused="lost")
    for action in ("logs:CreateLogStream", "logs:PutLogEvents")
}
ROWS: dict[tuple[str, str, str], Row] = {
    ("DeliverToOwnerRole", "AssumeDeliveryRoles", "sts:AssumeRole"): Row(become_the_delivery_role),
    ("DeliverToOwnerRole", "ReadSubscriptions", "dynamodb:BatchGetItem"): Row(
        read_subscriptions, refused="AccessDeniedException"
    ),
    **SQS_ROWS,
    **LOG_ROWS,
    ("DeliveryRole", "ReadOwnLogFiles", "s3:GetObject"): Row(lambda world: world.copy()),
    ("DeliveryRole", "ReadOwnLogFiles", "s3:GetObjectVersion"): Row(
        lambda world: world.copy(VersionId=world.version_id)
    ),
    ("DeliveryRole", "WriteCopies", "s3:PutObject"): Row(lambda world: world.copy()),
    ("DeliveryRole", "WriteCopies", "s3:AbortMultipartUpload"): Row(lambda world: world.abort_an_upload()),
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
    granted = roles(emulator, A, STACK)["DeliverToOwnerRole"]
    trusted = {"AWS": A, "Service": "lambda.amazonaws.com"}
    arn = make_role(emulator, A, "least-privilege", granted)
    function = act_as(emulator, arn, "sts", "dynamodb", "sqs", trusted=trusted)
    with owner_stack(
        deployment,
        OWNER,
        OWNER_STACK,
        DeliverToOwnerRoleArn=deployment.outputs["DeliverToOwnerRoleArn"],
        CentralBucketName=central,
        ExternalId="least-privilege",
    ) as owner:
        delivery = act_as(emulator, owner["DeliveryRoleArn"], "s3", trusted={"AWS": [A, OWNER]})
        key = f"AWSLogs/{OWNER}/CloudTrail/us-east-1/2026/11/21/{OWNER}_CloudTrail_least-privilege.json.gz"
        put = emulator.client("s3", A).put_object(Bucket=central, Key=key, Body=b"logs")
        logging_function = make_logging_function(deployment, function)
        bucket = owner["LogBucketName"]
        yield World(deployment, function, delivery, central, bucket, key, put["VersionId"], logging_function)


def make_logging_function(deployment: Deployment, function: Actor) -> str:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    print(event)\n")
    made = deployment.emulator.client("lambda", A).create_function(
        FunctionName="least-privilege",
        Role=function.role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
        LoggingConfig={"LogGroup": deployment.environment["DELIVER_TO_OWNER_LOG_GROUP"]},
    )
    return str(made["FunctionName"])


@pytest.mark.parametrize("permission", ROWS, ids="-".join)
def test_a_permission_is_needed(world: World, permission: tuple[str, str, str]) -> None:
    role, sid, action = permission
    row, actor = ROWS[permission], world.function if role == "DeliverToOwnerRole" else world.delivery
    assert answer(row, world) == row.allowed
    with actor.lacking(sid, action):
        assert answer(row, world) == row.refused
    assert answer(row, world) == row.allowed


@pytest.mark.usefixtures("world")
def test_there_is_no_other_permission(deployment: Deployment) -> None:
    """In any role of the stacks, so that a new function's role can't be forgotten."""
    deployed = roles(deployment.emulator, A, STACK) | roles(deployment.emulator, OWNER, OWNER_STACK)
    assert {(role, *one) for role, granted in deployed.items() for one in permissions(granted)} == set(ROWS)
