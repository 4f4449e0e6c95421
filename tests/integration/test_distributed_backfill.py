"""Files that arrived before their subscriptions did, delivered by Step Functions: stacks of the test's own."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from integration.stacks import central_stack, owner_stack, subscribe
from integration.waiting import wait_until

from distributary.subscriptions import CopyTarget, Subscription
from distributary_local.deliveries import final_outcomes, read_outcomes
from distributary_local.deployment import ORGANIZATION_ID, OWNERS, Deployment
from distributary_local.functions import kill
from distributary_local.tools import TOOLS

A, B, C = OWNERS
NAME, DELIVERY_ROLE = "backfilled", "backfilled-delivery"
PLACES = [(region, day) for region in ("eu-west-1", "us-east-1") for day in ("2025/12/30", "2025/12/31", "2026/01/02")]
DAYS = ("--since", "2025-12-29", "--until", "2026-01-03")


def old_keys(account_id: str, count: int) -> list[str]:
    """As many keys in each of the places."""
    return [
        f"AWSLogs/{account_id}/CloudTrail/{region}/{day}/"
        f"{account_id}_CloudTrail_{region}_{day.replace('/', '')}T0600Z_{number:04}.json.gz"
        for region, day in PLACES
        for number in range(count)
    ]


KEYS = {A: old_keys(A, 2), B: old_keys(B, 25), C: old_keys(C, 25)}


@dataclass(frozen=True, slots=True)
class World:
    """Account A's stack with old files of three owners, of whom A's delivery role doesn't exist."""

    deployment: Deployment
    central: dict[str, str]
    buckets: dict[str, str]

    def client(self, service: str, account_id: str = A) -> Any:
        return self.deployment.emulator.client(service, account_id)

    def copies(self, account_id: str) -> Counter[str]:
        """How many versions the owner's bucket holds of each key."""
        pages = self.client("s3", account_id).get_paginator("list_object_versions")
        return Counter(
            one["Key"] for page in pages.paginate(Bucket=self.buckets[account_id]) for one in page.get("Versions", [])
        )

    def missing(self, account_id: str) -> set[str]:
        """What the owner's bucket lacks."""
        return set(KEYS[account_id]) - self.copies(account_id).keys()

    def backfill(self, *arguments: str) -> Any:
        """What the command prints as JSON; its exit code is in it."""
        done = subprocess.run(  # noqa: S603 - our own command
            [TOOLS / "distributary", "backfill", *arguments, "--json", "--stack", NAME],
            env=self.deployment.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout) | {"exit_code": done.returncode}


def subscription(account_id: str, outputs: dict[str, str]) -> Subscription:
    target = CopyTarget(outputs["LogBucketName"], "us-east-1")
    return Subscription(f"owner-{account_id}", account_id, outputs["DeliveryRoleArn"], NAME, copy_to=target)


@pytest.fixture(scope="module")
def world(deployment: Deployment) -> Iterator[World]:
    with ExitStack() as stacks:
        parameters = {"OrganizationId": ORGANIZATION_ID, "DeliveryRoleName": DELIVERY_ROLE}
        central = stacks.enter_context(central_stack(deployment, NAME, **parameters))
        s3 = deployment.emulator.client("s3", A)
        for key in [key for keys in KEYS.values() for key in keys]:
            s3.put_object(Bucket=central["CentralBucketName"], Key=key, Body=key.encode())
        subscriptions, buckets = [], {}
        for account_id in (B, C):
            common = {"CentralBucketName": central["CentralBucketName"], "ExternalId": NAME}
            common |= {"DeliveryRoleName": DELIVERY_ROLE, "DeliverToOwnerRoleArn": central["DeliverToOwnerRoleArn"]}
            name = f"{NAME}-{account_id}"
            outputs = stacks.enter_context(owner_stack(deployment, account_id, NAME, BucketName=name, **common))
            subscriptions.append(subscription(account_id, outputs))
            buckets[account_id] = outputs["LogBucketName"]
        arn = f"arn:aws:iam::{A}:role/{DELIVERY_ROLE}"
        target = CopyTarget(f"{NAME}-{A}", "us-east-1")
        broken = replace(subscriptions[0], name=f"owner-{A}", account_id=A, delivery_role_arn=arn, copy_to=target)
        made = World(deployment, central, buckets)
        wait_until(lambda: {key for keys in KEYS.values() for key in keys} - final_outcomes(told(made)).keys())
        subscribe(deployment, central["SubscriptionsTableName"], *subscriptions, broken)
        kill(deployment.emulator, central["DeliverToOwnerFunctionName"])  # it remembers for a minute who isn't there
        yield made


def told(world: World) -> Any:
    return read_outcomes(world.deployment, f"/aws/lambda/{world.central['DeliverToOwnerFunctionName']}")


def test_old_files_arrive_once_and_what_fails_is_shown(world: World) -> None:
    assert Counter(one.outcome for one in told(world)) == {"unsubscribed": 312}
    dry = world.backfill(*DAYS, "--distributed", "--dry-run")
    assert (dry["subscriptions"], dry["dry_run"], dry["exit_code"]) == (3, True, 0)
    assert not world.client("stepfunctions").list_executions(stateMachineArn=world.central["BackfillStateMachineArn"])[
        "executions"
    ]

    done = world.backfill(*DAYS, "--distributed", "--wait", "--rate", "1000")
    assert (done["status"], done["exit_code"]) == ("SUCCEEDED", 1)  # A's role is tolerated, and is no success
    assert done["failures"]
    assert all(DELIVERY_ROLE in one and f"owner-{A}" in one for one in done["failures"])
    for account_id in (B, C):
        wait_until(partial(world.missing, account_id))
        assert world.copies(account_id) == dict.fromkeys(KEYS[account_id], 1)
    arrived = [one for one in told(world) if one.outcome == "delivered"]
    assert Counter(one.key for one in arrived) == dict.fromkeys([*KEYS[B], *KEYS[C]], 1)
    beside_failures = [int(re.findall(r"; (\d+) files of this batch", one)[0]) for one in done["failures"]]
    assert done["counts"]["repaired"] + sum(beside_failures) == 300

    again = world.backfill(*DAYS, "--account", B, "--account", C, "--distributed", "--wait")
    assert (again["status"], again["failures"], again["exit_code"]) == ("SUCCEEDED", [], 0)
    assert again["counts"] == {"present": 300, "missing": 0, "different": 0, "extra": 0, "repaired": 0}


def test_one_that_has_failed_is_redriven_when_the_cause_is_mended(world: World) -> None:
    done = world.backfill(*DAYS, "--account", A, "--distributed", "--wait", "--tolerate", "10")
    assert (done["status"], done["exit_code"]) == ("FAILED", 1)
    assert any("States.ExceedToleratedFailureThreshold" in one for one in done["failures"])
    common = {"CentralBucketName": world.central["CentralBucketName"], "ExternalId": NAME, "BucketName": f"{NAME}-{A}"}
    common |= {"DeliveryRoleName": DELIVERY_ROLE, "DeliverToOwnerRoleArn": world.central["DeliverToOwnerRoleArn"]}
    with owner_stack(world.deployment, A, f"{NAME}-owner", **common) as outputs:
        redriven = world.backfill("--redrive", done["execution_arn"])
        assert (redriven["status"], redriven["failures"], redriven["exit_code"]) == ("SUCCEEDED", [], 0)
        assert redriven["counts"]["repaired"] == len(KEYS[A])
        world.buckets[A] = outputs["LogBucketName"]
        wait_until(partial(world.missing, A))
        assert world.copies(A) == dict.fromkeys(KEYS[A], 1)
