"""The calls that the isolation matrix asks about: each one made for real, with what it asks for as data."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml
from integration.isolation_world import (
    ACCOUNTS,
    ANCESTORS,
    BACKFILLING,
    COMPARING,
    EXTERNAL_IDS,
    FUNCTIONS,
    NOTIFIED,
    READERS,
    RECEIVERS,
    World,
    key_of,
)
from integration.permissions import answer
from templates import ROOT

from distributary_local.emulator import REGION

Client = Callable[[str], Any]
"""A principal's client of a service."""
DENIALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "ResourceNotFoundException"}
"""The last one is DynamoDB's: the local AWS doesn't look for tables in another account than the caller's."""
OWNERS = "ABCD"
_ROLES = [f"delivery-{one}" for one in RECEIVERS] + [f"reader-{one}" for one in READERS]
_EACH_RECEIVER = tuple(RECEIVERS)
THINGS = {
    "get": (*OWNERS, "forged"),
    "list": (*OWNERS, "root", "folders"),
    "put": tuple(OWNERS),
    "delete": tuple(OWNERS),
    "copy": tuple(f"{owner}>{receiver}" for owner in OWNERS for receiver in RECEIVERS),
    "open": (*OWNERS, "forged"),
    "browse": (*OWNERS, "root", "folders"),
    **dict.fromkeys(("read", "write", "erase", "keys", "versions"), _EACH_RECEIVER),
    **dict.fromkeys(("publish", "subscribe"), tuple(NOTIFIED)),
    "decrypt": ("central", "direct"),
    "table": ("read", "write"),
    "send": tuple(FUNCTIONS),
    "assume": (
        *(f"{role}{id_}" for role in _ROLES for id_ in ("", "+wrong", "+none")),
        ANCESTORS,
        *(f"function-{name}" for name in FUNCTIONS),
        COMPARING,
        BACKFILLING,
    ),
}
"""What each verb is tried on."""
ROOT_VERBS = (*tuple(THINGS)[:12], "assume")
"""S3 and STS: to everything else, the local AWS lets root keys pass whatever a policy says."""


@dataclass(frozen=True, slots=True)
class Row:
    """One principal of the matrix, and what it may do."""

    name: str
    principal: str
    role: str | None
    """Its template and logical ID."""
    may: frozenset[tuple[str, str]]

    @property
    def questions(self) -> Iterator[tuple[str, str]]:
        """Everything that is tried: verb and thing."""
        verbs = ROOT_VERBS if self.principal.startswith("root") else tuple(THINGS)
        yield from ((verb, thing) for verb in verbs for thing in THINGS[verb])


def rows() -> list[Row]:
    """The matrix."""
    plain = yaml.safe_load((ROOT / "tests" / "integration" / "isolation_matrix.yaml").read_text("utf-8"))
    return [
        Row(
            name,
            one["is"],
            one.get("role"),
            frozenset((verb, thing) for verb, things in one["may"].items() for thing in things.split()),
        )
        for name, one in plain.items()
    ]


def ask(world: World, client: Client, account_id: str, verb: str, thing: str) -> str:
    """What AWS says: allow, deny, or an error that is neither."""
    said = answer(partial(getattr(_Calls(world, client, account_id), verb), thing))
    if said in DENIALS:
        return "deny"
    return "allow" if said in ("OK", "AWS.SimpleQueueService.EmptyBatchRequest") else said


@dataclass(frozen=True, slots=True)
class _Calls:
    """One method for each verb."""

    world: World
    client: Client
    account_id: str

    @property
    def s3(self) -> Any:
        return self.client("s3")

    @property
    def central(self) -> str:
        return self.world.central["CentralBucketName"]

    def _bucket(self, receiver: str) -> str:
        return self.world.receivers[receiver]["LogBucketName"]

    def get(self, owner: str) -> None:
        self.s3.get_object(Bucket=self.central, Key=key_of(owner))

    def open(self, owner: str) -> None:
        self.s3.get_object(Bucket=self.world.direct["CentralBucketName"], Key=key_of(owner))

    def list(self, what: str) -> None:
        self._list(self.central, what)

    def browse(self, what: str) -> None:
        self._list(self.world.direct["CentralBucketName"], what)

    def _list(self, bucket: str, what: str) -> None:
        if what in ("root", "folders"):
            self.s3.list_objects_v2(Bucket=bucket, Prefix="", **({"Delimiter": "/"} if what == "folders" else {}))
        else:
            self.s3.list_objects_v2(Bucket=bucket, Prefix=key_of(what)[:-1])

    def put(self, owner: str) -> None:
        self.s3.put_object(Bucket=self.central, Key=key_of(owner) + _new(), Body=b"logs")

    def delete(self, owner: str) -> None:
        self.s3.delete_object(Bucket=self.central, Key=key_of(owner) + _new())

    def copy(self, from_to: str) -> None:
        owner, receiver = from_to.split(">")
        source = {"Bucket": self.central, "Key": key_of(owner)}
        self.s3.copy_object(Bucket=self._bucket(receiver), Key=_new(), CopySource=source)

    def read(self, receiver: str) -> None:
        self.s3.get_object(Bucket=self._bucket(receiver), Key="delivered")

    def write(self, receiver: str) -> None:
        self.s3.put_object(Bucket=self._bucket(receiver), Key=_new(), Body=b"logs")

    def erase(self, receiver: str) -> None:
        self.s3.delete_object(Bucket=self._bucket(receiver), Key=_new())

    def keys(self, receiver: str) -> None:
        self.s3.list_objects_v2(Bucket=self._bucket(receiver), Prefix="")

    def versions(self, receiver: str) -> None:
        self.s3.list_object_versions(Bucket=self._bucket(receiver), Prefix="delivered")

    def publish(self, receiver: str) -> None:
        topic_arn = self.world.receivers[receiver]["NotificationTopicArn"]
        self.client("sns").publish(TopicArn=topic_arn, Message="a log file")

    def subscribe(self, receiver: str) -> None:
        topic_arn = self.world.receivers[receiver]["NotificationTopicArn"]
        endpoint = f"arn:aws:sqs:{REGION}:{self.account_id}:matrix"
        self.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=endpoint)

    def decrypt(self, which: str) -> None:
        key_arn = {"central": self.world.central, "direct": self.world.direct}[which]["CentralKeyArn"]
        self.client("kms").decrypt(CiphertextBlob=self.world.ciphertexts[which], KeyId=key_arn)

    def table(self, how: str) -> None:
        name, key = self.world.central["SubscriptionsTableName"], {"scope": {"S": "nobody"}}
        table_arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNTS['A']}:table/{name}"
        if how == "read":
            self.client("dynamodb").batch_get_item(RequestItems={table_arn: {"Keys": [key]}})
        else:
            self.client("dynamodb").put_item(TableName=table_arn, Item=key)

    def send(self, function: str) -> None:
        _, queue = FUNCTIONS[function]
        # Nothing is sent: who may send is told that there is nothing to send.
        self.client("sqs").send_message_batch(QueueUrl=self.world.central[queue], Entries=[])

    def assume(self, wanted: str) -> None:
        role, _, how = wanted.partition("+")
        given = {"": EXTERNAL_IDS.get(role), "wrong": "a-wrong-one", "none": None}[how]
        more = {"ExternalId": given} if given else {}
        self.client("sts").assume_role(RoleArn=self.world.role_arns[role], RoleSessionName="matrix", **more)


def _new() -> str:
    return uuid.uuid4().hex
