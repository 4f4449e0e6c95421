"""What an administrator of Account B can't do: read another account's log files. Shown by trying."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from distributary_local.deployment import OWNERS, Deployment

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that was tried, and what AWS answered: `OK` or an error code."""

    who: str
    what: str
    answer: str
    should_succeed: bool

    @property
    def held(self) -> bool:
        """Whether the wall stood (or, for what is B's own, the door opened)."""
        return self.answer == ("OK" if self.should_succeed else "AccessDenied")


def attempts(deployment: Deployment, own_key: str, foreign_key: str) -> Iterator[Attempt]:
    """Try to read C's log file as B's administrator, and as B's delivery role with every permission B can give it."""
    _, owner, neighbour = OWNERS
    central = deployment.outputs["CentralBucketName"]
    own, theirs = deployment.buckets[owner], deployment.buckets[neighbour]
    administrator = _administrator(deployment, owner)
    role = _all_powerful_delivery_role(deployment, administrator, owner)
    neighbours_role = deployment.owners[neighbour]["DeliveryRoleArn"]

    s3, sts = (deployment.emulator.client_of(administrator, service) for service in ("s3", "sts"))
    who = "B's administrator"
    yield _try(who, "read B's file in B's bucket", lambda: s3.get_object(Bucket=own, Key=own_key), True)
    yield _try(who, "read C's file in C's bucket", lambda: s3.get_object(Bucket=theirs, Key=foreign_key))
    yield _try(who, "list C's bucket", lambda: s3.list_objects_v2(Bucket=theirs))
    yield _try(who, "read C's file in the central bucket", lambda: s3.get_object(Bucket=central, Key=foreign_key))
    yield _try(who, "list the central bucket", lambda: s3.list_objects_v2(Bucket=central))
    yield _try(who, "assume C's role", lambda: sts.assume_role(RoleArn=neighbours_role, RoleSessionName="trespass"))

    as_role, who = deployment.emulator.client_of(role, "s3"), "B's delivery role"
    yield _try(
        who, "read B's file in the central bucket", lambda: as_role.get_object(Bucket=central, Key=own_key), True
    )
    yield _try(who, "read C's file in the central bucket", lambda: as_role.get_object(Bucket=central, Key=foreign_key))
    yield _try(who, "overwrite B's file there", lambda: as_role.put_object(Bucket=central, Key=own_key, Body=b""))


def _try(who: str, what: str, call: Callable[[], Any], should_succeed: bool = False) -> Attempt:
    return Attempt(who, what, _answer(call), should_succeed)


def _answer(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"


def _administrator(deployment: Deployment, account_id: str) -> boto3.Session:
    """A user of the account who may do everything that the account can allow: root keys would prove nothing."""
    iam = deployment.emulator.client("iam", account_id)
    iam.create_user(UserName="administrator")
    iam.put_user_policy(UserName="administrator", PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING))
    key = iam.create_access_key(UserName="administrator")["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=deployment.environment["AWS_REGION"])


def _all_powerful_delivery_role(deployment: Deployment, admin: boto3.Session, account_id: str) -> boto3.Session:
    """B owns its delivery role: its administrator gives it every permission, and lets himself assume it."""
    iam = deployment.emulator.client_of(admin, "iam")
    arn = deployment.owners[account_id]["DeliveryRoleArn"]
    name = arn.rpartition("/")[2]
    iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING))
    trust = {"Effect": "Allow", "Principal": {"AWS": account_id}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(
        RoleName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    sts = deployment.emulator.client_of(admin, "sts")
    got = sts.assume_role(RoleArn=arn, RoleSessionName="administrator")["Credentials"]
    region = deployment.environment["AWS_REGION"]
    return boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region_name=region)
