"""What was lost, for whatever reason, is found in the two buckets and delivered after all."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from integration.stacks import subscribe
from integration.test_fan_out import Subscriber
from integration.waiting import wait_until

from distributary.subscriptions import Filters
from distributary_cli import tables
from distributary_local.deliveries import final_outcomes, read_bucket, read_outcomes
from distributary_local.deployment import CENTRAL_ACCOUNT_ID, OWNERS, STACK, THIRD_PARTY_ACCOUNT_ID, Deployment
from distributary_local.tools import TOOLS

A, B, C = OWNERS
Z = THIRD_PARTY_ACCOUNT_ID


def today(key: str) -> str:
    """The same key with today's date, which reconciliation looks at."""
    day = datetime.now(UTC)
    return key.replace("2026/11/21", f"{day:%Y/%m/%d}").replace("20261121T", f"{day:%Y%m%d}T")


@pytest.fixture
def lost(deployment: Deployment, new_key: Callable[[str], str]) -> str:
    """A file of B that was delivered to B and Z, and is in neither's bucket any more."""
    key = today(new_key(B))
    s3 = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID)
    s3.put_object(Bucket=deployment.outputs["CentralBucketName"], Key=key, Body=b"logs")
    wait_until(lambda: key not in final_outcomes(read_outcomes(deployment)))
    wait_until(lambda: key not in final_outcomes(read_outcomes(deployment, "FAN_OUT_LOG_GROUP")))
    for account_id, bucket in ((B, deployment.buckets[B]), (Z, deployment.third_party_bucket)):
        deployment.emulator.client("s3", account_id).delete_object(Bucket=bucket, Key=key)
    return key


def distributary(deployment: Deployment, *arguments: str) -> Any:
    """What the command prints as JSON; its exit code is in it."""
    done = subprocess.run(  # noqa: S603 - our own command
        [TOOLS / "distributary", *arguments, "--json", "--stack", STACK],
        env=deployment.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout) | {"exit_code": done.returncode}


def test_the_command_finds_what_is_lost_and_repairs_it(deployment: Deployment, lost: str) -> None:
    found = distributary(deployment, "reconcile", "--account", B, "--grace", "0")
    [report] = found["subscriptions"]
    assert lost in report["missing_keys"]
    assert found["exit_code"] == 1
    assert lost not in read_bucket(deployment, B, deployment.buckets[B])
    repaired = distributary(deployment, "reconcile", "--account", B, "--grace", "0", "--repair")
    assert repaired["exit_code"] == 0, repaired
    wait_until(lambda: lost not in read_bucket(deployment, B, deployment.buckets[B]))
    again = distributary(deployment, "reconcile", "--account", B, "--grace", "0")
    assert lost not in again["subscriptions"][0]["missing_keys"]


def test_the_schedule_repairs_everybodys(deployment: Deployment, lost: str) -> None:
    client = deployment.emulator.client("lambda", CENTRAL_ACCOUNT_ID)
    event = {"days": 2, "grace_minutes": 0, "repair": True}
    answer = client.invoke(FunctionName=deployment.outputs["ReconcileFunctionName"], Payload=json.dumps(event).encode())
    assert json.loads(answer["Payload"].read()) == {"started": 4}
    wait_until(lambda: lost not in read_bucket(deployment, B, deployment.buckets[B]))
    wait_until(lambda: lost not in read_bucket(deployment, Z, deployment.third_party_bucket))


def test_a_backfill_queues_what_is_missing(deployment: Deployment, lost: str) -> None:
    dry = distributary(deployment, "backfill", "--account", Z, "--since", "2d", "--dry-run")
    assert (dry["queued"], dry["missing"] >= 1) == (0, True)
    done = distributary(deployment, "backfill", "--account", Z, "--since", "2d")
    assert done["queued"] == done["missing"]
    wait_until(lambda: lost not in read_bucket(deployment, Z, deployment.third_party_bucket))


def test_what_was_delivered_is_announced_anew(deployment: Deployment, new_key: Callable[[str], str]) -> None:
    key, subscriber = today(new_key(B)), Subscriber(deployment, B)
    s3 = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID)
    s3.put_object(Bucket=deployment.outputs["CentralBucketName"], Key=key, Body=b"logs")
    first, _ = subscriber.wait_for(key)
    subscriber.bodies.clear()
    assert distributary(deployment, "backfill", "--account", B, "--since", "2d", "--announce")["queued"] >= 1
    again, _ = subscriber.wait_for(key)
    assert again["Records"][0]["s3"] == first["Records"][0]["s3"]


@pytest.fixture
def announced_only(deployment: Deployment) -> Iterator[str]:
    """The name of a second subscription of B, without copies, to log files of a Region that no other test writes."""
    table = deployment.outputs["SubscriptionsTableName"]
    client = deployment.emulator.client("dynamodb", CENTRAL_ACCOUNT_ID)
    [of_b] = tables.read_table(client, table)[B].subscriptions
    filters = Filters(regions=("eu-north-1",))
    subscribe(deployment, table, of_b, replace(of_b, name="announced-only", copy_to=None, filters=filters))
    yield "announced-only"
    subscribe(deployment, table, of_b)


def test_what_is_not_copied_is_announced_as_s3_knows_it(
    deployment: Deployment, new_key: Callable[[str], str], announced_only: str
) -> None:
    key, subscriber = today(new_key(B)).replace("us-east-1", "eu-north-1"), Subscriber(deployment, B)
    bucket = deployment.outputs["CentralBucketName"]
    made = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID).put_object(Bucket=bucket, Key=key, Body=b"logs")
    subscriber.wait_for(key)
    options = ("--subscription", announced_only, "--since", "2d", "--announce")
    assert distributary(deployment, "backfill", *options)["queued"] == 1

    def central() -> list[Any]:
        told = [body["Records"][0]["s3"] for body, _ in subscriber.about(key)]
        return [one["object"] for one in told if one["bucket"]["name"] == bucket]

    wait_until(lambda: not central())
    told = central()[-1]
    assert (told["size"], told["eTag"], told["versionId"]) == (4, made["ETag"].strip('"'), made["VersionId"])


def test_what_is_missing_becomes_a_metric(deployment: Deployment, lost: str) -> None:
    distributary(deployment, "reconcile", "--account", B, "--grace", "0")
    client = deployment.emulator.client("cloudwatch", CENTRAL_ACCOUNT_ID)

    def missing() -> bool:
        found = client.list_metrics(Namespace="Distributary", MetricName="MissingFiles")["Metrics"]
        return [{"Name": "service", "Value": "reconcile"}] not in [metric["Dimensions"] for metric in found]

    wait_until(missing)
    assert lost
