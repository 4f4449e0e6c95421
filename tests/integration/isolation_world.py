"""The world of the isolation matrix: stacks of every kind beside the shared deployment, and everybody in it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from integration.permissions import assume, document, make_role, statement, trusting
from integration.stacks import central_stack, owner_stack, reader_stack, third_party_stack, topic_stack

from distributary.keys import KeyLayout
from distributary.policies import listing_policy, session_policy
from distributary.subscriptions import CopyTarget, NotifyTarget, Subscription
from distributary_local.deployment import (
    CENTRAL_ACCOUNT_ID,
    ORGANIZATION_ID,
    OWNERS,
    THIRD_PARTY_ACCOUNT_ID,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
)
from distributary_local.emulator import REGION, Emulator, session_of
from distributary_local.trespass import EVERYTHING

Outputs = dict[str, str]
"""A stack's outputs, or parameters, by name."""
NAMES = "ABCDZE"
ACCOUNTS = dict(zip(NAMES, (*OWNERS, UNSUBSCRIBED_ACCOUNT_ID, THIRD_PARTY_ACCOUNT_ID, "555555555555"), strict=True))
RECEIVERS, NOTIFIED, READERS = "ABCZ", "BCZ", "BCZ"
FUNCTIONS = {
    "owners": ("DeliverToOwnerRoleArn", "OwnerQueueUrl"),
    "third-parties": ("FanOutRoleArn", "ThirdPartyQueueUrl"),
}
COMPARING = "function-reconcile"
"""The function that works on both and has no queue of its own."""
BACKFILLING = "function-backfill"
"""No function: the state machine's."""
ANCESTORS = "ancestors-B"
"""A reader of B's with Listing=ancestors."""
DELIVERY_ROLE = "matrix-delivery"
EXTERNAL_IDS = {f"delivery-{one}": f"issued-to-{one}" for one in RECEIVERS} | {"reader-C": "of-c", "reader-Z": "of-z"}
"""Of the roles that ask for one: not B's reader."""


@dataclass(frozen=True, slots=True)
class World:
    """What there is to be had, and how to become each principal."""

    emulator: Emulator
    central: Outputs
    """The outputs of Account A's stack."""
    direct: Outputs
    """The outputs of one with DirectAccess."""
    receivers: dict[str, Outputs]
    """The outputs of each receiver's stack, by its letter."""
    role_arns: dict[str, str]
    """Every role that somebody might assume, by a name such as delivery-B."""
    ciphertexts: dict[str, bytes]
    """Something that is encrypted with each of the two keys."""
    sessions: dict[str, Any] = field(default_factory=dict)
    """Those taken, by what a principal `is` in the matrix."""

    def session(self, principal: str) -> Any:
        """The credentials of a principal, such as `reader Z`."""
        if principal not in self.sessions:
            kind, _, which = principal.partition(" ")
            self.sessions[principal] = getattr(self, f"_{kind}")(which)
        return self.sessions[principal]

    def account_of(self, principal: str) -> str:
        """The account ID of a principal."""
        kind, _, which = principal.partition(" ")
        return CENTRAL_ACCOUNT_ID if kind in ("function", "reader", "ancestors") else ACCOUNTS[which]

    def subscription(self, receiver: str) -> Subscription:
        """What the function knows about a receiver."""
        outputs = self.receivers[receiver]
        topic = outputs.get("NotificationTopicArn")
        return Subscription(
            name=f"matrix-{receiver}",
            account_id=ACCOUNTS[receiver],
            delivery_role_arn=outputs["DeliveryRoleArn"],
            external_id=EXTERNAL_IDS[f"delivery-{receiver}"],
            copy_to=CopyTarget(outputs["LogBucketName"], REGION),
            notify=NotifyTarget(topic) if topic else None,
            is_third_party=receiver == "Z",
        )

    def session_policy(self, kind: str, receiver: str) -> str | None:
        """What a function narrows a receiver's session with: the one that delivers, or the one that compares."""
        if kind not in ("narrowed", "listing"):
            return None
        if kind == "listing":
            return listing_policy(self.subscription(receiver))
        layout, keys = KeyLayout(("", "/"), ORGANIZATION_ID, {}), [self.central["CentralKeyArn"]]
        return session_policy(self.subscription(receiver), self.central["CentralBucketName"], layout, keys)

    def _root(self, account: str) -> Any:
        return self.emulator.session(ACCOUNTS[account])

    def _user(self, account: str) -> Any:
        iam, name = self.emulator.client("iam", ACCOUNTS[account]), "matrix"
        iam.create_user(UserName=name)
        policy = document(statement("*", Resource="*"))
        iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return session_of(key["AccessKeyId"], key["SecretAccessKey"])

    def _named(self, account: str) -> Any:
        return assume(self.emulator, f"arn:aws:iam::{ACCOUNTS[account]}:role/{DELIVERY_ROLE}")

    def _function(self, which: str) -> Any:
        role_arn = self.role_arns[f"function-{which}"]
        with trusting(self.emulator, role_arn, CENTRAL_ACCOUNT_ID):
            return assume(self.emulator, role_arn)

    def _delivery(self, receiver: str, **more: str) -> Any:
        function = self.session("function third-parties" if receiver == "Z" else "function owners")
        return self._become(function, f"delivery-{receiver}", **more)

    def _narrowed(self, receiver: str) -> Any:
        return self._delivery(receiver, Policy=str(self.session_policy("narrowed", receiver)))

    def _listing(self, receiver: str) -> Any:
        policy = str(self.session_policy("listing", receiver))
        return self._become(self.session("function reconcile"), f"delivery-{receiver}", Policy=policy)

    def _reader(self, account: str) -> Any:
        return self._become(self.session(f"user {account}"), f"reader-{account}")

    def _ancestors(self, account: str) -> Any:
        return self._become(self.session(f"user {account}"), ANCESTORS)

    def _become(self, session: Any, role: str, **more: str) -> Any:
        external_id = {"ExternalId": EXTERNAL_IDS[role]} if role in EXTERNAL_IDS else {}
        sts = self.emulator.client_of(session, "sts")
        asked = {"RoleArn": self.role_arns[role], "RoleSessionName": "matrix", **external_id, **more}
        got = sts.assume_role(**asked)["Credentials"]
        return session_of(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])


@contextmanager
def world(deployment: Deployment) -> Iterator[World]:
    """All stacks, with a log file of each account in the central bucket and one in each receiver's."""
    with ExitStack() as stacks, _namesakes(deployment.emulator):
        central = stacks.enter_context(_central(deployment, "matrix", DELIVERY_ROLE))
        direct = stacks.enter_context(_central(deployment, "matrix-direct", "matrix-direct", DirectAccess="yes"))
        receivers = _receivers(deployment, stacks, central)
        role_arns = {f"delivery-{one}": outputs["DeliveryRoleArn"] for one, outputs in receivers.items()}
        role_arns |= _own_roles(deployment, central) | _readers(deployment, stacks, central)
        for outputs in (central, direct):
            _write_log_files(deployment.emulator, outputs["CentralBucketName"])
        _write_copies(deployment.emulator, receivers)
        kms = deployment.emulator.client("kms", CENTRAL_ACCOUNT_ID)
        ciphertexts = {
            name: kms.encrypt(KeyId=outputs["CentralKeyArn"], Plaintext=b"secret")["CiphertextBlob"]
            for name, outputs in (("central", central), ("direct", direct))
        }
        yield World(deployment.emulator, central, direct, receivers, role_arns, ciphertexts)


def _central(deployment: Deployment, name: str, delivery_role: str, **more: str) -> AbstractContextManager[Outputs]:
    parameters = {
        "OrganizationId": ORGANIZATION_ID,
        "ThirdPartyAccountIds": ACCOUNTS["Z"],
        "BucketName": "matrix-central" if name == "matrix" else name,
        "Encryption": "SSE-KMS",
        "DeliveryRoleName": delivery_role,
    }
    return central_stack(deployment, name, **parameters, **more)


def _place(central: Outputs) -> Outputs:
    """What every stack that reads the central bucket is told of it."""
    return {"CentralBucketName": central["CentralBucketName"], "LogKeyArns": central["CentralKeyArn"]}


def _receivers(deployment: Deployment, stacks: ExitStack, central: Outputs) -> dict[str, Outputs]:
    topic = {"ReceivingAccountId": ACCOUNTS["C"], "TopicName": "matrix", "DeliveryRoleName": DELIVERY_ROLE}
    topic_arn = stacks.enter_context(topic_stack(deployment, "matrix-topic", **topic))["TopicArn"]
    made = {}
    for one in RECEIVERS:
        make, trusted = (third_party_stack, "FanOutRoleArn") if one == "Z" else (owner_stack, "DeliverToOwnerRoleArn")
        chosen = _place(central) | {
            "ExternalId": EXTERNAL_IDS[f"delivery-{one}"],
            "DeliveryRoleName": DELIVERY_ROLE,
            "BucketName": f"matrix-{one.lower()}",
            "Notifications": "topic" if one in NOTIFIED else "none",
            "CentralTopicArn": topic_arn if one == "C" else "",
            trusted: central[trusted],
        }
        made[one] = stacks.enter_context(make(deployment, ACCOUNTS[one], "matrix-receiver", **chosen))
    return made


def _own_roles(deployment: Deployment, central: Outputs) -> dict[str, str]:
    """Those of the functions and the state machine."""
    role_arns = {f"function-{name}": central[role] for name, (role, _) in FUNCTIONS.items()}
    states = deployment.emulator.client("stepfunctions", CENTRAL_ACCOUNT_ID)
    machine = states.describe_state_machine(stateMachineArn=central["BackfillStateMachineArn"])
    return role_arns | {COMPARING: central["ReconcileRoleArn"], BACKFILLING: machine["roleArn"]}


def _readers(deployment: Deployment, stacks: ExitStack, central: Outputs) -> dict[str, str]:
    def role_arn(name: str, account: str, **more: str) -> str:
        chosen = _place(central) | {"ReceivingAccountId": ACCOUNTS[account], "OrganizationId": ORGANIZATION_ID}
        return stacks.enter_context(reader_stack(deployment, name, **chosen, **more))["RoleArn"]

    role_arns = {ANCESTORS: role_arn("matrix-ancestors", "B", Listing="ancestors")}
    for one in READERS:
        more = {"Reads": "everything" if one == "Z" else "own", "ExternalId": EXTERNAL_IDS.get(f"reader-{one}", "")}
        role_arns[f"reader-{one}"] = role_arn(f"matrix-reader-{one.lower()}", one, **more)
    return role_arns


def key_of(owner: str) -> str:
    """The key of the log file of an account, or of a forged one, in the central bucket."""
    if owner == "forged":
        return f"AWSLogs/{ACCOUNTS['B']}/CloudTrail/AWSLogs/{ACCOUNTS['C']}/f"
    return f"AWSLogs/{ACCOUNTS[owner]}/CloudTrail/f"


def _write_log_files(emulator: Emulator, bucket: str) -> None:
    for owner in ("A", "B", "C", "D", "forged"):
        emulator.client("s3", CENTRAL_ACCOUNT_ID).put_object(Bucket=bucket, Key=key_of(owner), Body=b"logs")


def _write_copies(emulator: Emulator, receivers: dict[str, Outputs]) -> None:
    for receiver, outputs in receivers.items():
        s3 = emulator.client("s3", ACCOUNTS[receiver])
        s3.put_object(Bucket=outputs["LogBucketName"], Key="delivered", Body=b"logs")


@contextmanager
def _namesakes(emulator: Emulator) -> Iterator[None]:
    """Roles of D and E with every permission and the delivery roles' name."""
    for account in "DE":
        make_role(emulator, ACCOUNTS[account], DELIVERY_ROLE, {"everything": EVERYTHING})
    yield
    for account in "DE":
        iam = emulator.client("iam", ACCOUNTS[account])
        iam.delete_role_policy(RoleName=DELIVERY_ROLE, PolicyName="everything")
        iam.delete_role(RoleName=DELIVERY_ROLE)
