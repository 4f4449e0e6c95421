"""Believable CloudTrail records, made up from a seeded random source.

The fields follow "CloudTrail record contents for management, data, and network activity events":
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias
from uuid import UUID

Record: TypeAlias = dict[str, object]

GLOBAL_REGION = "us-east-1"
"""Where CloudTrail logs the calls of services without Regions, IAM's for one."""
_PARTITION = "aws"
_ROLE_NAMES = ("ci-deploy", "platform-admin", "data-pipeline", "read-only-audit")
_USER_NAMES = ("amara.okafor", "lin.zhao", "break-glass")
_USER_AGENTS = (
    "aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7",
    "Boto3/1.40.40 md/Botocore#1.40.40 ua/2.1 os/linux#6.1.0 md/arch#aarch64 lang/python#3.13.5",
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.3 terraform-provider-aws/6.14.1 aws-sdk-go-v2/1.39.2",
)
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def trail_records(rng: Random, account_id: str, region: str, until: datetime, count: int) -> list[Record]:
    """Make the records of one log file: calls in the account and Region, oldest first, all before `until`."""
    seconds_ago = sorted((rng.randrange(1, 300) for _ in range(count)), reverse=True)
    return [_record(_Scene(rng, account_id, region, until - timedelta(seconds=ago))) for ago in seconds_ago]


def timestamp(moment: datetime) -> str:
    """Write a UTC moment as CloudTrail does: `2026-11-20T12:34:56Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where and when one call happens."""

    rng: Random
    account_id: str
    region: str
    moment: datetime

    def arn(self, service: str, resource: str, *, region: str = "") -> str:
        return f"arn:{_PARTITION}:{service}:{region}:{self.account_id}:{resource}"

    def guid(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def unique_id(self, prefix: str) -> str:
        """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids."""
        return prefix + "".join(self.rng.choices(_BASE32, k=17))

    def resource_id(self, prefix: str) -> str:
        return f"{prefix}-0{self.rng.getrandbits(64):016x}"


@dataclass(frozen=True, slots=True)
class _Call:
    """One API call; `parameters` and `response` are what CloudTrail keeps of its request and its answer."""

    service: str
    name: str
    parameters: Record | None
    response: Record | None = None
    read_only: bool = True
    invoked_by: str | None = None


def _record(scene: _Scene) -> Record:
    choices = _REGIONAL_CALLS + (_GLOBAL_CALLS if scene.region == GLOBAL_REGION else ())
    call = scene.rng.choice(choices)(scene)
    return {
        "eventVersion": "1.11",
        "userIdentity": _user_identity(scene, call),
        "eventTime": timestamp(scene.moment),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.name,
        "awsRegion": scene.region,
        **_client(scene, call),
        "requestParameters": call.parameters,
        "responseElements": call.response,
        "requestID": scene.guid(),
        "eventID": scene.guid(),
        "readOnly": call.read_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": scene.account_id,
        "eventCategory": "Management",
        **_tls_details(scene, call),
    }


def _client(scene: _Scene, call: _Call) -> Record:
    if call.invoked_by:
        return {"sourceIPAddress": call.invoked_by, "userAgent": call.invoked_by}
    # Addresses set aside for documentation: RFC 5737.
    network = scene.rng.choice(("192.0.2", "198.51.100", "203.0.113"))
    address = f"{network}.{scene.rng.randrange(1, 255)}"
    return {"sourceIPAddress": address, "userAgent": scene.rng.choice(_USER_AGENTS)}


def _tls_details(scene: _Scene, call: _Call) -> Record:
    """Only calls that came over the network have them, not those that a service made for the customer."""
    if call.invoked_by:
        return {}
    region = "" if call.service == "iam" else f".{scene.region}"
    return {
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{call.service}{region}.amazonaws.com",
        }
    }


def _user_identity(scene: _Scene, call: _Call) -> Record:
    """Say who called, as "CloudTrail userIdentity element" has it.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    if call.invoked_by:
        return {"type": "AWSService", "invokedBy": call.invoked_by}
    return scene.rng.choice((_assumed_role, _assumed_role, _iam_user))(scene)


def _assumed_role(scene: _Scene) -> Record:
    role_name, role_id = scene.rng.choice(_ROLE_NAMES), scene.unique_id("AROA")
    session_name = f"session-{scene.rng.randrange(10**6):06d}"
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session_name}",
        "arn": scene.arn("sts", f"assumed-role/{role_name}/{session_name}"),
        "accountId": scene.account_id,
        "accessKeyId": scene.unique_id("ASIA")[:20],
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": scene.arn("iam", f"role/{role_name}"),
                "accountId": scene.account_id,
                "userName": role_name,
            },
            "attributes": {
                "creationDate": timestamp(scene.moment - timedelta(seconds=scene.rng.randrange(60, 3600))),
                "mfaAuthenticated": "false",
            },
        },
    }


def _iam_user(scene: _Scene) -> Record:
    user_name = scene.rng.choice(_USER_NAMES)
    return {
        "type": "IAMUser",
        "principalId": scene.unique_id("AIDA"),
        "arn": scene.arn("iam", f"user/{user_name}"),
        "accountId": scene.account_id,
        "accessKeyId": scene.unique_id("AKIA")[:20],
        "userName": user_name,
    }


def _service_assumes_role(scene: _Scene) -> _Call:
    session_name = f"nightly-report-{scene.rng.randrange(100)}"
    role_id = scene.unique_id("AROA")
    parameters: Record = {
        "roleArn": scene.arn("iam", "role/service-role/nightly-report"),
        "roleSessionName": session_name,
    }
    response: Record = {
        "credentials": {
            "accessKeyId": scene.unique_id("ASIA")[:20],
            "expiration": f"{scene.moment + timedelta(hours=1):%b %-d, %Y, %-I:%M:%S %p}",
        },
        "assumedRoleUser": {
            "assumedRoleId": f"{role_id}:{session_name}",
            "arn": scene.arn("sts", f"assumed-role/nightly-report/{session_name}"),
        },
    }
    return _Call("sts", "AssumeRole", parameters, response, invoked_by="lambda.amazonaws.com")


def _get_caller_identity(_: _Scene) -> _Call:
    return _Call("sts", "GetCallerIdentity", None)


def _create_bucket(scene: _Scene) -> _Call:
    bucket = f"reports-{scene.account_id}-{scene.rng.getrandbits(24):06x}"
    host = f"{bucket}.s3.{scene.region}.amazonaws.com"
    return _Call("s3", "CreateBucket", {"bucketName": bucket, "Host": host}, read_only=False)


def _get_bucket_encryption(scene: _Scene) -> _Call:
    bucket = f"data-lake-{scene.account_id}"
    host = f"{bucket}.s3.{scene.region}.amazonaws.com"
    return _Call("s3", "GetBucketEncryption", {"bucketName": bucket, "encryption": "", "Host": host})


def _describe_instances(scene: _Scene) -> _Call:
    items = [{"instanceId": scene.resource_id("i")} for _ in range(scene.rng.randrange(1, 4))]
    return _Call("ec2", "DescribeInstances", {"instancesSet": {"items": items}, "filterSet": {}})


def _authorize_ingress(scene: _Scene) -> _Call:
    permission = {
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "groups": {},
        "ipRanges": {"items": [{"cidrIp": "10.0.0.0/16", "description": "internal clients"}]},
    }
    parameters: Record = {"groupId": scene.resource_id("sg"), "ipPermissions": {"items": [permission]}}
    response: Record = {"requestId": scene.guid(), "_return": True}
    return _Call("ec2", "AuthorizeSecurityGroupIngress", parameters, response, read_only=False)


def _decrypt(scene: _Scene) -> _Call:
    parameters: Record = {
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "encryptionContext": {"aws:s3:arn": f"arn:{_PARTITION}:s3:::data-lake-{scene.account_id}"},
        "keyId": scene.arn("kms", f"key/{scene.guid()}", region=scene.region),
    }
    return _Call("kms", "Decrypt", parameters)


def _create_role(scene: _Scene) -> _Call:
    role_name = f"batch-worker-{scene.rng.getrandbits(16):04x}"
    role_id = scene.unique_id("AROA")
    role = {"roleName": role_name, "roleId": role_id, "arn": scene.arn("iam", f"role/{role_name}")}
    parameters: Record = {"roleName": role_name, "maxSessionDuration": 3600}
    return _Call("iam", "CreateRole", parameters, {"role": role}, read_only=False)


def _list_attached_role_policies(scene: _Scene) -> _Call:
    return _Call("iam", "ListAttachedRolePolicies", {"roleName": scene.rng.choice(_ROLE_NAMES)})


_REGIONAL_CALLS: tuple[Callable[[_Scene], _Call], ...] = (
    _service_assumes_role,
    _get_caller_identity,
    _create_bucket,
    _get_bucket_encryption,
    _describe_instances,
    _authorize_ingress,
    _decrypt,
)
_GLOBAL_CALLS: tuple[Callable[[_Scene], _Call], ...] = (_create_role, _list_attached_role_policies)
