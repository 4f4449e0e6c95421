"""Deployed roles and what they may do: read it, take one permission away, and act as the role meanwhile."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from templates import listed

from distributary_local.emulator import Emulator, session_of

Policies = Mapping[str, dict[str, Any]]
"""A role's inline policies, by name."""
Permission = tuple[str, str]
"""The Sid of a statement, and one of its actions."""


def roles(emulator: Emulator, account_id: str, stack: str) -> dict[str, Policies]:
    """The inline policies of every role of a stack, by logical ID."""
    found = emulator.client("cloudformation", account_id).describe_stack_resources(StackName=stack)["StackResources"]
    return {
        one["LogicalResourceId"]: policies(emulator, account_id, one["PhysicalResourceId"])
        for one in found
        if one["ResourceType"] == "AWS::IAM::Role"
    }


def policies(emulator: Emulator, account_id: str, role_name: str) -> Policies:
    """The inline policies of a role."""
    iam = emulator.client("iam", account_id)
    names = iam.list_role_policies(RoleName=role_name)["PolicyNames"]
    return {name: iam.get_role_policy(RoleName=role_name, PolicyName=name)["PolicyDocument"] for name in names}


def permissions(granted: Policies) -> set[Permission]:
    """Every permission in a role's policies."""
    return {
        (statement["Sid"], action)
        for document in granted.values()
        for statement in document["Statement"]
        for action in listed(statement["Action"])
    }


def without(granted: Policies, sid: str, action: str) -> Policies:
    """The policies without this one permission."""

    def kept(statement: dict[str, Any]) -> dict[str, Any]:
        actions = [one for one in listed(statement["Action"]) if (statement["Sid"], one) != (sid, action)]
        return statement | {"Action": actions}

    return {
        name: document | {"Statement": [one for one in map(kept, document["Statement"]) if one["Action"]]}
        for name, document in granted.items()
    }


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts as a role, while the role's policies are changed."""

    emulator: Emulator
    role_arn: str
    granted: Policies
    """What the role was deployed with."""
    clients: dict[str, Any]

    def client(self, service: str) -> Any:
        """The role's client of a service, with the session that was taken first."""
        return self.clients[service]

    def set(self, granted: Policies) -> None:
        """Change the role's policies; the local AWS lets live sessions feel it at once."""
        iam = self.emulator.client("iam", account_of(self.role_arn))
        for name, document in granted.items():
            iam.put_role_policy(
                RoleName=self.role_arn.rpartition("/")[2], PolicyName=name, PolicyDocument=json.dumps(document)
            )

    @contextmanager
    def lacking(self, sid: str, action: str) -> Iterator[None]:
        """Take one permission away, and give it back."""
        self.set(without(self.granted, sid, action))
        try:
            yield
        finally:
            self.set(self.granted)


def act_as(emulator: Emulator, role_arn: str, *services: str, trusted: Mapping[str, Any] | None = None) -> Actor:
    """Replace a role's trust by its own account, or by the `trusted` principals, and assume it.

    Only for roles that the test has made, or has deployed for itself.
    """
    account_id, role_name = account_of(role_arn), role_arn.rpartition("/")[2]
    trust = statement("sts:AssumeRole", Principal=trusted or {"AWS": account_id})
    emulator.client("iam", account_id).update_assume_role_policy(RoleName=role_name, PolicyDocument=document(trust))
    taken = assume(emulator, role_arn)
    clients = {service: emulator.client_of(taken, service) for service in services}
    return Actor(emulator, role_arn, policies(emulator, account_id, role_name), clients)


@contextmanager
def trusting(emulator: Emulator, role_arn: str, *principal_arns: str) -> Iterator[None]:
    """Let a deployed role be assumed by others too, meanwhile; those that it trusts are not disturbed."""
    iam, role_name = emulator.client("iam", account_of(role_arn)), role_arn.rpartition("/")[2]
    before = iam.get_role(RoleName=role_name)["Role"]["AssumeRolePolicyDocument"]
    more = statement("sts:AssumeRole", Principal={"AWS": list(principal_arns)})
    iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=document(*before["Statement"], more))
    try:
        yield
    finally:
        iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=json.dumps(before))


def assume(emulator: Emulator, role_arn: str, **session: Any) -> Any:
    """A session of a role that trusts its own account; a user of the account asks for it: root can't."""
    iam = emulator.client("iam", account_of(role_arn))
    with _existing():
        iam.create_user(UserName="actor")
        iam.put_user_policy(
            UserName="actor", PolicyName="assume", PolicyDocument=document(statement("sts:AssumeRole", Resource="*"))
        )
    key = iam.create_access_key(UserName="actor")["AccessKey"]
    sts = emulator.client_of(session_of(key["AccessKeyId"], key["SecretAccessKey"]), "sts")
    asked = {"RoleArn": role_arn, "RoleSessionName": "actor"} | session
    got = sts.assume_role(**asked)["Credentials"]
    iam.delete_access_key(UserName="actor", AccessKeyId=key["AccessKeyId"])
    return session_of(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])


def make_role(emulator: Emulator, account_id: str, name: str, granted: Policies) -> str:
    """Make a role with these policies that trusts its own account; return its ARN."""
    iam = emulator.client("iam", account_id)
    trust = statement("sts:AssumeRole", Principal={"AWS": account_id})
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"])
    for policy_name, policy in granted.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(policy))
    return arn


def answer(call: Callable[[], Any]) -> str:
    """What AWS says to a call: OK, or its error code."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"


def statement(action: Any, **elements: Any) -> dict[str, Any]:
    """An Allow of this action, or of these."""
    return {"Effect": "Allow", "Action": action, **elements}


def document(*statements: dict[str, Any]) -> str:
    """A policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def account_of(arn: str) -> str:
    """The account ID in an ARN."""
    return arn.split(":")[4]


@contextmanager
def _existing() -> Iterator[None]:
    """Let it be if it is there already."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
