"""The isolation matrix's questions as an IAM simulator takes them, with the policies deployed."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from integration.isolation_world import ACCOUNTS, DELIVERY_ROLE, EXTERNAL_IDS, FUNCTIONS, World, key_of
from integration.permissions import account_of, policies
from templates import ROOT

from distributary_local.deployment import ORGANIZATION_ID, ORGANIZATIONS
from distributary_local.emulator import REGION
from distributary_local.trespass import EVERYTHING

FOLDER = ROOT / ".venv" / "simulator"
"""Where `make setup` puts the simulator, if there is Node."""
Simulation = dict[str, Any]


def judge(simulations: Sequence[Simulation]) -> list[str]:
    """What the simulator says to each: allow, deny, or its error. Without Node the test is skipped, except in CI."""
    node = shutil.which("node")
    if not node or not (FOLDER / "node_modules").is_dir():
        assert not os.environ.get("CI"), "CI has Node and npm, and make setup installs the simulator"
        pytest.skip("Node and npm are missing: install them, then rm .venv/.ready && make setup")
    command = [node, str(ROOT / "tests" / "integration" / "simulate.mjs"), str(FOLDER)]
    done = subprocess.run(command, input=json.dumps(simulations), capture_output=True, text=True, check=True)  # noqa: S603
    verdicts: list[str] = json.loads(done.stdout)
    return verdicts


def simulation(
    principal: "Principal", action: str, resource: str, owner: str, policy: Any, **context: str
) -> Simulation:
    """One question. `policy` is the resource's own, `owner` the account ID that it belongs to."""
    organization = {"aws:ResourceOrgID": ORGANIZATION_ID} if owner in ORGANIZATIONS[ORGANIZATION_ID] else {}
    return {
        "request": {
            "principal": principal.arn,
            "action": action,
            "resource": {"resource": resource, "accountId": owner},
            "contextVariables": {**principal.context, "aws:ResourceAccount": owner, **organization, **context},
        },
        "identityPolicies": [{"name": name, "policy": one} for name, one in principal.granted.items()],
        "sessionPolicy": principal.session_policy,
        "resourcePolicy": policy,
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what its account has granted it."""

    account_id: str
    name: str
    """user/… or role/…"""
    granted: Mapping[str, Any]
    session_policy: Any = None

    @property
    def arn(self) -> str:
        kind, _, name = self.name.partition("/")
        if kind == "role":
            return f"arn:aws:sts::{self.account_id}:assumed-role/{name}/matrix"
        return f"arn:aws:iam::{self.account_id}:{self.name}"

    @property
    def context(self) -> dict[str, str]:
        """What AWS knows about it in every request."""
        organization = {"aws:PrincipalOrgID": ORGANIZATION_ID} if self._is_in_it else {}
        plain = {"aws:PrincipalArn": f"arn:aws:iam::{self.account_id}:{self.name}", "aws:SecureTransport": "true"}
        return plain | {"aws:PrincipalAccount": self.account_id} | organization

    @property
    def _is_in_it(self) -> bool:
        return self.account_id in ORGANIZATIONS[ORGANIZATION_ID]


@dataclass(frozen=True, slots=True)
class Questions:
    """Makes simulations of the matrix's questions."""

    world: World
    roles: dict[str, Any] = field(default_factory=dict)
    """The policies of roles that have been read, by ARN."""
    resources: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """The owners and policies of resources that have been read, by ARN."""

    def of(self, principal: str, verb: str, thing: str) -> Iterator[Simulation]:
        """What must be allowed, all of it, so that the call is."""
        asking = self.principal(principal)
        for action, resource, context in self._requests(asking, verb, thing):
            owner, policy = self._resource(resource)
            yield simulation(asking, action, resource, owner, policy, **context)

    def principal(self, principal: str) -> Principal:
        """A principal as the matrix names it."""
        kind, _, which = principal.partition(" ")
        account_id, everything = self.world.account_of(principal), {"everything": EVERYTHING}
        if kind in ("user", "named"):
            return Principal(account_id, "user/matrix" if kind == "user" else f"role/{DELIVERY_ROLE}", everything)
        role_arn = self.world.role_arns[f"{'delivery' if kind in ('narrowed', 'listing') else kind}-{which}"]
        name = role_arn.rpartition("/")[2]
        if role_arn not in self.roles:
            self.roles[role_arn] = policies(self.world.emulator, account_id, name)
        narrowed = self.world.session_policy(kind, which)
        return Principal(account_id, f"role/{name}", self.roles[role_arn], json.loads(narrowed) if narrowed else None)

    def _requests(self, asking: Principal, verb: str, thing: str) -> Iterator[tuple[str, str, dict[str, str]]]:
        own, topic = self._own(thing.rpartition(">")[2])
        match verb:
            case "read" | "write" | "erase":
                action = {"read": "GetObject", "write": "PutObject", "erase": "DeleteObject"}[verb]
                yield f"s3:{action}", f"{own}/delivered", {}
            case "keys":
                yield "s3:ListBucket", own, {"s3:prefix": ""}
            case "versions":
                yield "s3:ListBucketVersions", own, {"s3:prefix": "delivered"}
            case "publish":
                yield "sns:Publish", topic, {}
            case "subscribe":
                endpoint = f"arn:aws:sqs:{REGION}:{asking.account_id}:matrix"
                yield "sns:Subscribe", topic, {"sns:Protocol": "sqs", "sns:Endpoint": endpoint}
            case "assume":
                role, _, how = thing.partition("+")
                external_id = {"": EXTERNAL_IDS.get(role), "wrong": "a-wrong-one", "none": None}[how]
                yield (
                    "sts:AssumeRole",
                    self.world.role_arns[role],
                    {"sts:ExternalId": external_id} if external_id else {},
                )
            case "table" | "send" | "decrypt":
                yield *self._request_to_account_a(verb, thing), {}
            case "open" | "browse":
                verb = {"open": "get", "browse": "list"}[verb]
                yield from self._requests_to_a_central_bucket(self.world.direct, verb, thing)
            case "copy":
                yield from self._requests_to_a_central_bucket(self.world.central, "get", thing[0])
                yield "s3:PutObject", f"{own}/new", {}
            case _:
                yield from self._requests_to_a_central_bucket(self.world.central, verb, thing)

    def _request_to_account_a(self, verb: str, thing: str) -> tuple[str, str]:
        central, account_id = self.world.central, ACCOUNTS["A"]
        match verb:
            case "table":
                action = {"read": "BatchGetItem", "write": "PutItem"}[thing]
                table = central["SubscriptionsTableName"]
                return f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{account_id}:table/{table}"
            case "send":
                queue = central[FUNCTIONS[thing][1]].rpartition("/")[2]
                return "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{account_id}:{queue}"
            case _:
                key_arns = {"central": central["CentralKeyArn"], "direct": self.world.direct["CentralKeyArn"]}
                return "kms:Decrypt", key_arns[thing]

    def _requests_to_a_central_bucket(
        self, outputs: Mapping[str, str], verb: str, thing: str
    ) -> Iterator[tuple[str, str, dict[str, str]]]:
        central = f"arn:aws:s3:::{outputs['CentralBucketName']}"
        through_s3 = outputs["CentralKeyArn"], {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
        match verb:
            case "get":
                yield "s3:GetObject", f"{central}/{key_of(thing)}", {}
                yield "kms:Decrypt", *through_s3
            case "put":
                yield "s3:PutObject", f"{central}/{key_of(thing)}", {}
                yield "kms:GenerateDataKey", *through_s3
            case "delete":
                yield "s3:DeleteObject", f"{central}/{key_of(thing)}", {}
            case "list":
                delimiter = {"s3:delimiter": "/"} if thing == "folders" else {}
                prefix = "" if thing in ("root", "folders") else key_of(thing)[:-1]
                yield "s3:ListBucket", central, {"s3:prefix": prefix} | delimiter

    def _own(self, receiver: str) -> tuple[str, str]:
        """A receiver's bucket and topic, if it is one and has them."""
        outputs = self.world.receivers.get(receiver, {})
        return f"arn:aws:s3:::{outputs.get('LogBucketName')}", str(outputs.get("NotificationTopicArn"))

    def _resource(self, arn: str) -> tuple[str, Any]:
        """The account ID and the policy of a bucket (or of an object's), a topic, a queue, a key or a role."""
        arn = arn.split("/")[0] if arn.startswith("arn:aws:s3:") else arn
        if arn not in self.resources:
            self.resources[arn] = self._policy(arn)
        return self.resources[arn]

    def _policy(self, arn: str) -> tuple[str, Any]:
        emulator, service, account_id = self.world.emulator, arn.split(":")[2], account_of(arn)
        if service == "s3":
            name = arn.rpartition(":")[2]
            owners = {outputs["LogBucketName"]: ACCOUNTS[one] for one, outputs in self.world.receivers.items()}
            owner = owners.get(name, ACCOUNTS["A"])
            return owner, json.loads(emulator.client("s3", owner).get_bucket_policy(Bucket=name)["Policy"])
        if service == "sns":
            attributes = emulator.client("sns", account_id).get_topic_attributes(TopicArn=arn)["Attributes"]
            return account_id, json.loads(attributes["Policy"])
        if service == "sqs":
            sqs, name = emulator.client("sqs", account_id), arn.rpartition(":")[2]
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
            return account_id, json.loads(attributes["Policy"])
        if service == "kms":
            policy = emulator.client("kms", account_id).get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
            return account_id, json.loads(policy)
        if service == "dynamodb":
            return account_id, None  # the table has none
        role = emulator.client("iam", account_id).get_role(RoleName=arn.rpartition("/")[2])["Role"]
        return account_id, role["AssumeRolePolicyDocument"]
