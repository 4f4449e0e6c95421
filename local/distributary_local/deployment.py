"""Deploys the real templates to the local AWS, as a platform team and its receivers would: sam build, sam deploy."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from distributary_local.emulator import REGION, Emulator
from distributary_local.tools import ARCHITECTURE, ROOT, credentials, run, sam_build

CENTRAL_ACCOUNT_ID = "111111111111"
OWNERS = (CENTRAL_ACCOUNT_ID, "222222222222", "333333333333")
"""A, B and C: Account A owns log files like any other account."""
UNSUBSCRIBED_ACCOUNT_ID = "444444444444"
THIRD_PARTY_ACCOUNT_ID = "999999999999"
"""Z, outside the organisation; it receives everybody's."""
ACCOUNTS = dict(zip((*OWNERS, UNSUBSCRIBED_ACCOUNT_ID), "ABCD", strict=True))
"""Whose log files arrive, and what the documentation calls them."""
ORGANIZATION_ID = "o-exampleorg"
ORGANIZATIONS = {ORGANIZATION_ID: (*OWNERS, UNSUBSCRIBED_ACCOUNT_ID)}
CENTRAL_BUCKET = f"central-logs-{CENTRAL_ACCOUNT_ID}"
KEY_PREFIXES = f",/,{ORGANIZATION_ID}/,trails/"
PREFIX_ACCOUNTS = "cdn/=222222222222"
STACK = "distributary"
OWNER_STACK = "distributary-owner"
THIRD_PARTY_STACK = "distributary-third-party"
TOPIC_STACK = "distributary-topic"
READER_STACK = "distributary-reader"
READERS = {"222222222222": "own", "333333333333": "own", THIRD_PARTY_ACCOUNT_ID: "everything"}
"""Who also reads the central bucket itself, through a role in Account A, and what."""
FORMATS = {"222222222222": "s3", "333333333333": "cloudtrail", THIRD_PARTY_ACCOUNT_ID: "eventbridge"}
"""Who is notified, and how: B and Z by a topic of their own, C by one in Account A. A only gets copies."""
CENTRAL_TOPIC_OF = "333333333333"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What stands on a local AWS: the outputs of Account A's stack, of each receiver's, and of each reader role's."""

    emulator: Emulator
    outputs: Mapping[str, str]
    owners: Mapping[str, Mapping[str, str]]
    third_party: Mapping[str, str]
    readers: Mapping[str, Mapping[str, str]]

    @property
    def buckets(self) -> dict[str, str]:
        """Each owner's bucket, by account ID."""
        return {account_id: outputs["LogBucketName"] for account_id, outputs in self.owners.items()}

    @property
    def third_party_bucket(self) -> str:
        """The third party's bucket."""
        return self.third_party["LogBucketName"]

    @property
    def notification_queues(self) -> dict[str, str]:
        """The URL of each notified account's queue, by account ID."""
        receivers = {**self.owners, THIRD_PARTY_ACCOUNT_ID: self.third_party}
        return {account_id: receivers[account_id]["NotificationQueueUrl"] for account_id in FORMATS}

    @property
    def environment(self) -> dict[str, str]:
        """What a shell or the command line needs to work with it, as the root of Account A."""
        reading = {f"READER_ROLE_ARN_{account_id}": role["RoleArn"] for account_id, role in self.readers.items()}
        owned = {f"OWNER_BUCKET_{account_id}": bucket for account_id, bucket in self.buckets.items()}
        notified = {f"NOTIFICATION_QUEUE_URL_{account_id}": url for account_id, url in self.notification_queues.items()}
        return {
            **credentials(CENTRAL_ACCOUNT_ID),
            "AWS_SESSION_TOKEN": "",  # another account's, from the shell, would not fit
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "CENTRAL_ACCOUNT_ID": CENTRAL_ACCOUNT_ID,
            "CENTRAL_BUCKET": self.outputs["CentralBucketName"],
            **owned,
            f"THIRD_PARTY_BUCKET_{THIRD_PARTY_ACCOUNT_ID}": self.third_party_bucket,
            **notified,
            **reading,
            f"READER_EXTERNAL_ID_{THIRD_PARTY_ACCOUNT_ID}": reader_external_id(THIRD_PARTY_ACCOUNT_ID),
            "OWNER_QUEUE_URL": self.outputs["OwnerQueueUrl"],
            "OWNER_DEAD_LETTER_QUEUE_URL": self.outputs["OwnerDeadLetterQueueUrl"],
            "THIRD_PARTY_QUEUE_URL": self.outputs["ThirdPartyQueueUrl"],
            "THIRD_PARTY_DEAD_LETTER_QUEUE_URL": self.outputs["ThirdPartyDeadLetterQueueUrl"],
            "SUBSCRIPTIONS_TABLE": self.outputs["SubscriptionsTableName"],
            "DELIVER_TO_OWNER_FUNCTION": self.outputs["DeliverToOwnerFunctionName"],
            "DELIVER_TO_OWNER_LOG_GROUP": f"/aws/lambda/{self.outputs['DeliverToOwnerFunctionName']}",
            "FAN_OUT_FUNCTION": self.outputs["FanOutFunctionName"],
            "RECONCILE_FUNCTION": self.outputs["ReconcileFunctionName"],
            "RECONCILE_LOG_GROUP": f"/aws/lambda/{self.outputs['ReconcileFunctionName']}",
            "FAN_OUT_LOG_GROUP": f"/aws/lambda/{self.outputs['FanOutFunctionName']}",
            "KEY_PREFIXES": KEY_PREFIXES,
            "ORGANIZATION_ID": ORGANIZATION_ID,
            "PREFIX_ACCOUNTS": PREFIX_ACCOUNTS,
        }


def deploy(emulator: Emulator, progress: Progress) -> Deployment:
    """Build, deploy Account A's stack and each receiver's, and subscribe the receivers.

    Raises:
        DeploymentError: if a step fails.
    """
    progress("sam build")
    build = emulator.directory / "build"
    sam_build(build)
    progress(f"sam deploy template.yaml into Account A ({CENTRAL_ACCOUNT_ID})")
    _sam_deploy(emulator, build / "template.yaml")
    outputs = _outputs(emulator, CENTRAL_ACCOUNT_ID, STACK)
    progress(f"accounts/topics/template.yaml into {CENTRAL_ACCOUNT_ID}, for {CENTRAL_TOPIC_OF}")
    _create(emulator, CENTRAL_ACCOUNT_ID, TOPIC_STACK, "topics", {"ReceivingAccountId": CENTRAL_TOPIC_OF})
    topic_arn = _created(emulator, CENTRAL_ACCOUNT_ID, TOPIC_STACK)["TopicArn"]
    for account_id, reads in READERS.items():  # from here on, they all are created at once
        progress(f"accounts/readers/template.yaml into {CENTRAL_ACCOUNT_ID}, for {account_id}")
        stack, parameters = f"{READER_STACK}-{account_id}", _reader_parameters(account_id, reads, outputs)
        _create(emulator, CENTRAL_ACCOUNT_ID, stack, "readers", parameters)
    for account_id in OWNERS:
        progress(f"accounts/owner/template.yaml into {account_id}")
        _create(emulator, account_id, OWNER_STACK, "owner", _owner_parameters(account_id, outputs, topic_arn))
    progress(f"accounts/third-party/template.yaml into {THIRD_PARTY_ACCOUNT_ID}")
    _create(emulator, THIRD_PARTY_ACCOUNT_ID, THIRD_PARTY_STACK, "third-party", _third_party_parameters(outputs))
    owners = {account_id: _created(emulator, account_id, OWNER_STACK) for account_id in OWNERS}
    third_party = _created(emulator, THIRD_PARTY_ACCOUNT_ID, THIRD_PARTY_STACK)
    readers = {one: _created(emulator, CENTRAL_ACCOUNT_ID, f"{READER_STACK}-{one}") for one in READERS}
    deployment = Deployment(emulator, outputs, owners, third_party, readers)
    progress("distributary subscriptions apply")
    file = emulator.directory / "subscriptions.yaml"
    file.write_text(yaml.safe_dump(subscriptions(deployment), sort_keys=False))
    apply = ("distributary", "subscriptions", "apply", "--yes", "--file", file)
    run(emulator, CENTRAL_ACCOUNT_ID, *apply, extra=deployment.environment)
    return deployment


def subscriptions(deployment: Deployment) -> dict[str, Any]:
    """The subscriptions of all receivers, as subscriptions.yaml holds them."""
    plain = [_subscription(f"owner-{one}", one, deployment.owners[one]) for one in OWNERS]
    third_party = _subscription("third-party", THIRD_PARTY_ACCOUNT_ID, deployment.third_party)
    return {"version": 1, "subscriptions": [*plain, third_party | {"scope": "all"}]}


def external_id(account_id: str) -> str:
    """The external ID of a receiver's subscription. On AWS it is random; here it need not be secret."""
    return f"distributary-local-{account_id}"


def reader_external_id(account_id: str) -> str:
    """The external ID that a reading account has issued to Account A; owners do without."""
    return f"issued-by-{account_id}" if READERS[account_id] == "everything" else ""


def reader_role_arn(account_id: str) -> str:
    """The ARN that a reading account's role has: its name is the template's default."""
    return f"arn:aws:iam::{CENTRAL_ACCOUNT_ID}:role/distributary-reader-{account_id}"


def _sam_deploy(emulator: Emulator, template: Path) -> None:
    parameters = {
        "OrganizationId": ORGANIZATION_ID,
        "ThirdPartyAccountIds": THIRD_PARTY_ACCOUNT_ID,
        "BucketName": CENTRAL_BUCKET,
        "KeyPrefixes": KEY_PREFIXES,
        "PrefixAccount1": f'"{PREFIX_ACCOUNTS}"',  # sam takes a second = only in quotes
        "Architecture": ARCHITECTURE,
        "Engine": os.environ.get("ENGINE") or "wire",
    }
    run(
        emulator,
        CENTRAL_ACCOUNT_ID,
        *("sam", "deploy", "--template-file", template, "--stack-name", STACK, "--resolve-s3", "--region", REGION),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--capabilities", "CAPABILITY_NAMED_IAM"),
        *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
    )


def _owner_parameters(account_id: str, central: Mapping[str, str], topic_arn: str) -> dict[str, str]:
    return {
        "DeliverToOwnerRoleArn": central["DeliverToOwnerRoleArn"],
        "CentralBucketName": central["CentralBucketName"],
        "ExternalId": external_id(account_id),
        "BucketName": f"owner-logs-{account_id}",
        "Notifications": "queue" if account_id in FORMATS else "none",
        "ReaderRoleArn": reader_role_arn(account_id) if account_id in READERS else "",
        "CentralTopicArn": topic_arn if account_id == CENTRAL_TOPIC_OF else "",
    }


def _third_party_parameters(central: Mapping[str, str]) -> dict[str, str]:
    return {
        "FanOutRoleArn": central["FanOutRoleArn"],
        "CentralBucketName": central["CentralBucketName"],
        "ExternalId": external_id(THIRD_PARTY_ACCOUNT_ID),
        "BucketName": f"third-party-logs-{THIRD_PARTY_ACCOUNT_ID}",
        "Notifications": "queue",
        "ReaderRoleArn": reader_role_arn(THIRD_PARTY_ACCOUNT_ID),
    }


def _reader_parameters(account_id: str, reads: str, central: Mapping[str, str]) -> dict[str, str]:
    mapped_prefix, _, owner = PREFIX_ACCOUNTS.partition("=")
    return {
        "ReceivingAccountId": account_id,
        "Reads": reads,
        "ExternalId": reader_external_id(account_id),
        "CentralBucketName": central["CentralBucketName"],
        "OrganizationId": ORGANIZATION_ID,
        "KeyPrefixes": KEY_PREFIXES,
        "MappedPrefix": mapped_prefix if owner == account_id else "",
    }


def _create(emulator: Emulator, account_id: str, stack: str, folder: str, parameters: Mapping[str, str]) -> None:
    """Begin to create a stack of accounts/."""
    emulator.client("cloudformation", account_id).create_stack(
        StackName=stack,
        TemplateBody=(ROOT / "accounts" / folder / "template.yaml").read_text(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )


def _created(emulator: Emulator, account_id: str, stack: str) -> dict[str, str]:
    """Wait until a stack is there; its outputs."""
    waiter = emulator.client("cloudformation", account_id).get_waiter("stack_create_complete")
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return _outputs(emulator, account_id, stack)


def _outputs(emulator: Emulator, account_id: str, stack: str) -> dict[str, str]:
    stacks = emulator.client("cloudformation", account_id).describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}


def _subscription(name: str, account_id: str, outputs: Mapping[str, str]) -> dict[str, Any]:
    plain = {
        "name": name,
        "account_id": account_id,
        "delivery_role_arn": outputs["DeliveryRoleArn"],
        "external_id": external_id(account_id),
        "copy_to": {"bucket": outputs["LogBucketName"], "region": outputs["LogBucketRegion"]},
    }
    if account_id in FORMATS:
        plain["notify"] = {"topic_arn": outputs["NotificationTopicArn"], "format": FORMATS[account_id]}
    return plain
