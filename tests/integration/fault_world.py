"""Stacks of their own whose functions reach AWS through the fault proxy, and what must be true when a fault is over."""

import json
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from integration.permissions import document, statement
from integration.stacks import central_stack, owner_stack, subscribe, third_party_stack
from integration.waiting import wait_until

from distributary.subscription_forms import from_mapping
from distributary_local import faults
from distributary_local.announcements import told_key
from distributary_local.deliveries import Told, final_outcomes, read_outcomes
from distributary_local.deployment import (
    CENTRAL_ACCOUNT_ID,
    FORMATS,
    ORGANIZATION_ID,
    OWNERS,
    THIRD_PARTY_ACCOUNT_ID,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
)
from distributary_local.functions import kill

(A, B, C), Z = OWNERS, THIRD_PARTY_ACCOUNT_ID
D = UNSUBSCRIBED_ACCOUNT_ID
NAME, RECEIVER = "faults", "faults-receiver"
DELIVERY_ROLE = "faults-delivery"
OWNERS_FUNCTION, FAN_OUT = "DeliverToOwnerFunctionName", "FanOutFunctionName"
FUNCTIONS = (OWNERS_FUNCTION, FAN_OUT)
QUEUES = {OWNERS_FUNCTION: "OwnerQueueUrl", FAN_OUT: "ThirdPartyQueueUrl"}
VISIBILITY_SECONDS = 120
"""Instead of six minutes. On a busy machine, too, no invocation of these tests takes as long: its files would be done
twice."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One log file of a scenario."""

    account_id: str
    key: str
    body: bytes
    metadata: dict[str, str]


def log_files(seed: object, a: int = 10, b: int = 20, c: int = 20, d: int = 5) -> list[LogFile]:
    """So many log files of A, B and C, and of D, who has not subscribed; mixed, and the same for the same seed."""
    dice = random.Random(str(seed))  # noqa: S311 - test data
    owners = [owner for owner, count in zip((A, B, C, D), (a, b, c, d), strict=True) for _ in range(count)]
    dice.shuffle(owners)
    return [_log_file(owner, dice) for owner in owners]


def _log_file(account_id: str, dice: random.Random) -> LogFile:
    name = f"{account_id}_CloudTrail_us-east-1_20261121T0000Z_{dice.randbytes(8).hex()}.json.gz"
    key = f"AWSLogs/{account_id}/CloudTrail/us-east-1/2026/11/21/{name}"
    return LogFile(account_id, key, dice.randbytes(200), {"signature": dice.randbytes(16).hex()})


@dataclass(slots=True)
class FaultWorld:
    """Account A's stack, those of A, B, C and Z as receivers, and the proxy before both functions."""

    deployment: Deployment
    proxy: faults.FaultProxy
    central: dict[str, str]
    receivers: dict[str, dict[str, str]]
    started: float = 0.0
    """When the present scenario began, in seconds since the epoch."""
    announced: dict[str, Counter[str]] = field(default_factory=dict)

    def client(self, service: str, account_id: str = CENTRAL_ACCOUNT_ID) -> Any:
        """A client of an account's root user, past the proxy."""
        return self.deployment.emulator.client(service, account_id)

    def begin(self, timeout: int = 60, **environment: str) -> None:
        """Begin a scenario: no fault, and functions that remember nothing, with these settings besides their own."""
        self.proxy.inject()
        self.set_visibility_timeout(VISIBILITY_SECONDS)
        self.announced = {account_id: Counter() for account_id in FORMATS}
        client = self.client("lambda")
        for function in FUNCTIONS:
            name = self.central[function]
            variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            variables = {**variables, "CONCURRENCY": "32", "AWS_ENDPOINT_URL": self.proxy.endpoint_url, **environment}
            kill(self.deployment.emulator, name)  # it would take seconds to end by itself
            client.update_function_configuration(
                FunctionName=name, Timeout=timeout, Environment={"Variables": variables}
            )
        self.started = datetime.now(UTC).timestamp()

    def put(self, files: Collection[LogFile]) -> None:
        """Write log files into the central bucket."""
        client = self.client("s3")
        for file in files:
            bucket = self.central["CentralBucketName"]
            client.put_object(Bucket=bucket, Key=file.key, Body=file.body, Metadata=file.metadata)

    def told(self, function: str) -> list[Told]:
        """The outcomes that a function has logged in this scenario."""
        return read_outcomes(self.deployment, f"/aws/lambda/{self.central[function]}", since=self.started)

    def wait_until_tried(self, files: Collection[LogFile], *functions: str) -> None:
        """Wait until each file has an outcome, be it `failed`, from each function."""
        keys = {file.key for file in files}
        wait_until(
            lambda: [key for name in functions or FUNCTIONS for key in keys - {one.key for one in self.told(name)}]
        )

    def wait_until_failed(self, files: Collection[LogFile], function: str) -> None:
        """Wait until each of these files has failed once."""
        keys = {file.key for file in files}
        wait_until(lambda: keys - {one.key for one in self.told(function) if one.outcome == "failed"})

    def wait_until_final(self, files: Collection[LogFile], *functions: str) -> None:
        """Wait until each file has a final outcome from each function."""
        keys = {file.key for file in files}
        wait_until(
            lambda: [key for name in functions or FUNCTIONS for key in keys - final_outcomes(self.told(name)).keys()]
        )

    def verify(self, files: Sequence[LogFile], *, repeats: bool = False) -> None:
        """Every file ended once (`repeats`: or twice), lies where it belongs once, unchanged, and was announced."""
        self.wait_until_final(files)
        for function in FUNCTIONS:
            self._verify_outcomes(files, function, repeats=repeats)
        for account_id in self.receivers:
            self._verify_bucket(account_id, [file for file in files if self._is_due(file, account_id)], files)
        for account_id in FORMATS:
            self._verify_notifications(account_id, files)

    def notifications(self, account_id: str) -> Counter[str]:
        """How often an account's queue was told of each key, in this scenario."""
        client, url = self.client("sqs", account_id), self.receivers[account_id]["NotificationQueueUrl"]
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.announced[account_id][told_key(FORMATS[account_id], json.loads(message["Body"]))] += 1
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self.announced[account_id]

    def copies(self, account_id: str) -> Counter[str]:
        """How many versions a receiver's bucket holds of each key."""
        return Counter(version["Key"] for version in self._versions(account_id))

    @contextmanager
    def unannounced(self) -> Iterator[None]:
        """Within the block, no event of the central bucket reaches the queues."""
        client = self.client("events")
        own = [rule for rule in client.list_rules()["Rules"] if rule["Name"].startswith(f"{NAME}-LogFileCreatedRule")]
        [rule] = [rule["Name"] for rule in own if "Object Created" in rule.get("EventPattern", "")]
        client.disable_rule(Name=rule)
        try:
            yield
        finally:
            client.enable_rule(Name=rule)

    def announce(self, function: str, *keys: str) -> None:
        """Send a function one message that names these keys, in CloudTrail's form."""
        body = json.dumps({"s3Bucket": self.central["CentralBucketName"], "s3ObjectKey": keys})
        self.client("sqs").send_message(QueueUrl=self.central[QUEUES[function]], MessageBody=body)

    def reconcile(self, account_id: str, *, repair: bool = False) -> dict[str, Any]:
        """Compare a receiver's bucket with the central one, over the day of all log files here; the report."""
        scope = "all" if account_id == Z else account_id
        event = {"subscription": {"scope": scope, "name": f"{NAME}-{account_id}"}, "repair": repair}
        event |= {"since": "2026-11-21", "until": "2026-11-22", "arrived_before": "2100-01-01"}
        name, payload = self.central["ReconcileFunctionName"], json.dumps(event).encode()
        answer = self.client("lambda").invoke(FunctionName=name, Payload=payload)
        report: dict[str, Any] = json.loads(answer["Payload"].read())
        return report

    def set_visibility_timeout(self, seconds: int) -> None:
        """Let a killed function's messages rest this long."""
        for url in QUEUES.values():
            attributes = {"VisibilityTimeout": str(seconds)}
            self.client("sqs").set_queue_attributes(QueueUrl=self.central[url], Attributes=attributes)

    @staticmethod
    def _is_due(file: LogFile, account_id: str) -> bool:
        return account_id in (file.account_id, Z)

    def _verify_outcomes(self, files: Sequence[LogFile], function: str, *, repeats: bool) -> None:
        keys = {file.key for file in files}
        final = [one for one in self.told(function) if one.key in keys and one.outcome != "failed"]
        kinds = {one.key: one.outcome for one in final}
        assert kinds.keys() == keys
        nobodys = {file.key for file in files if function == OWNERS_FUNCTION and file.account_id not in OWNERS}
        assert {key for key, outcome in kinds.items() if outcome == "unsubscribed"} == nobodys
        assert set(kinds.values()) <= {"delivered", "already_delivered", "unsubscribed"}
        if not repeats:
            assert len(final) == len(keys), Counter(one.key for one in final).most_common(3)

    def _verify_bucket(self, account_id: str, due: Sequence[LogFile], files: Sequence[LogFile]) -> None:
        keys = {file.key for file in files}
        held = {key: count for key, count in self.copies(account_id).items() if key in keys}
        assert held == dict.fromkeys((file.key for file in due), 1), account_id
        client, bucket = self.client("s3", account_id), self.receivers[account_id]["LogBucketName"]
        for file in due:
            got = client.get_object(Bucket=bucket, Key=file.key)
            assert (got["Body"].read(), got["Metadata"]) == (file.body, file.metadata), file.key

    def _verify_notifications(self, account_id: str, files: Sequence[LogFile]) -> None:
        due = {file.key for file in files if self._is_due(file, account_id)}
        wait_until(lambda: due - self.notifications(account_id).keys())
        stray = ({file.key for file in files} - due) & self.notifications(account_id).keys()
        assert not stray, f"{account_id} was told of others' files: {stray}"

    def _versions(self, account_id: str) -> Iterator[Any]:
        bucket = self.receivers[account_id]["LogBucketName"]
        for page in self.client("s3", account_id).get_paginator("list_object_versions").paginate(Bucket=bucket):
            assert "DeleteMarkers" not in page
            yield from page.get("Versions", [])


@contextmanager
def fault_world(deployment: Deployment) -> Iterator[FaultWorld]:
    """Make the stacks, subscribe the receivers, and put the proxy before the functions."""
    parties = {"OrganizationId": ORGANIZATION_ID, "ThirdPartyAccountIds": Z, "Encryption": "SSE-KMS"}
    with ExitStack() as stacks:
        proxy = stacks.enter_context(faults.running(deployment.emulator))
        names = {"DeliveryRoleName": DELIVERY_ROLE}
        central = stacks.enter_context(central_stack(deployment, NAME, **names, **parties))
        common = {**names, "ExternalId": NAME, "CentralBucketName": central["CentralBucketName"]}
        common |= {"LogKeyArns": central["CentralKeyArn"]}
        receivers = {}
        for account_id in OWNERS:
            own = {**common, **_own(account_id), "DeliverToOwnerRoleArn": central["DeliverToOwnerRoleArn"]}
            own |= {"BucketKmsKeyArn": _new_key(deployment, account_id)}
            receivers[account_id] = stacks.enter_context(owner_stack(deployment, account_id, RECEIVER, **own))
            receivers[account_id]["KeyArn"] = own["BucketKmsKeyArn"]
        own = {**common, **_own(Z), "FanOutRoleArn": central["FanOutRoleArn"]}
        receivers[Z] = stacks.enter_context(third_party_stack(deployment, Z, RECEIVER, **own))
        plain = [_subscription(account_id, outputs) for account_id, outputs in receivers.items()]
        subscribe(deployment, central["SubscriptionsTableName"], *(from_mapping(one) for one in plain))
        world = FaultWorld(deployment, proxy, central, receivers)
        world.set_visibility_timeout(VISIBILITY_SECONDS)
        yield world


def _new_key(deployment: Deployment, account_id: str) -> str:
    policy = document(statement("kms:*", Principal={"AWS": f"arn:aws:iam::{account_id}:root"}, Resource="*"))
    made = deployment.emulator.client("kms", account_id).create_key(Policy=policy)
    return str(made["KeyMetadata"]["Arn"])


def _own(account_id: str) -> dict[str, str]:
    queue = "queue" if account_id in FORMATS else "none"
    return {"BucketName": f"{NAME}-{account_id}", "Notifications": queue}


def _subscription(account_id: str, outputs: dict[str, str]) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": f"{NAME}-{account_id}",
        "account_id": account_id,
        "delivery_role_arn": outputs["DeliveryRoleArn"],
        "external_id": NAME,
        "copy_to": {"bucket": outputs["LogBucketName"], "region": "us-east-1"},
    }
    if "KeyArn" in outputs:
        plain["copy_to"]["kms_key_arn"] = outputs["KeyArn"]
    if account_id in FORMATS:
        plain["notify"] = {"topic_arn": outputs["NotificationTopicArn"], "format": FORMATS[account_id]}
    return plain | ({"scope": "all"} if account_id == Z else {})
