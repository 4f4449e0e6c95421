"""The model against what it models: the template, the log lines, the listings; and sums done by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from samples import CENTRAL_BUCKET, B
from templates import load, resources

from distributary.keys import KeyLayout
from distributary.listings import walk
from distributary.outcomes import Outcome
from distributary.prefixes import Planner
from distributary.reports import Reporter, Result
from distributary.selections import Selection
from distributary.windows import Window
from distributary_cli.cost_batches import owner_queue
from distributary_cli.cost_inputs import MONTH_HOURS, Deliver, ImpossibleError, Kms, Measured, Stack, Traffic
from distributary_cli.cost_model import LOG_EVENT_BYTES, Estimate, estimate, listings

TEMPLATE = load("template.yaml")
KEY = (
    f"AWSLogs/o-exampleorg1/{B}/CloudTrail/eu-west-1/2026/11/21/"
    f"{B}_CloudTrail_eu-west-1_20261121T0605Z_4kXz9wYb1cQe7RtU.json.gz"
)


def usd(estimated: Estimate, *names: str) -> float:
    return sum(line.usd for line in estimated.lines if line.name in names)


@pytest.mark.parametrize(("function", "queue"), [("DeliverToOwner", "OwnerQueue"), ("FanOut", "ThirdPartyQueue")])
def test_the_numbers_assumed_are_the_template_s(function: str, queue: str) -> None:
    properties = resources(TEMPLATE, "AWS::Serverless::Function")[function]
    event = properties["Events"][queue]["Properties"]
    stack = Stack()
    assert properties["MemorySize"] == stack.memory_mb
    assert properties["Environment"]["Variables"]["CONCURRENCY"] == str(stack.connections)
    assert event["BatchSize"] == stack.batch_size
    assert event["MaximumBatchingWindowInSeconds"] == stack.window_seconds
    assert event["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    assert TEMPLATE["Parameters"]["MaximumConcurrency"]["Default"] == stack.concurrency
    assert (TEMPLATE["Parameters"]["Architecture"]["Default"] == "arm64") is stack.arm64


def test_so_are_those_of_the_comparison_and_the_alarms() -> None:
    reconcile = resources(TEMPLATE, "AWS::Serverless::Function")["Reconcile"]
    [schedule] = (event["Properties"] for event in reconcile["Events"].values())
    stack = Stack()
    assert reconcile["MemorySize"] == stack.reconcile_memory_mb
    assert (schedule["Schedule"], stack.reconcile_days) == ("rate(1 day)", 1)
    conditions = [
        one.get("Condition") for one in TEMPLATE["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert conditions.count(None) == stack.alarms
    assert conditions.count("HasThirdParties") == len(conditions) - stack.alarms == stack.third_party_alarms


def test_the_log_lines_are_as_long_as_the_model_says(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter("deliver_to_owner", Logger)
    result = Result(
        Outcome.DELIVERED,
        KEY,
        "CloudTrail",
        B,
        "eu-west-1",
        size=20_000,
        event_time="2026-11-21T06:06:00Z",
        deliveries=(f"s3://owner-logs-{B}/{KEY}",),
        subscriptions=(f"owner-{B}",),
    )
    reporter.report(result, "059f36b4-87a3-44ab-83d2-661975830a7d")
    reporter.flush()
    told, counted, _ = capsys.readouterr().out.splitlines(keepends=True)
    assert len(told) == pytest.approx(Measured().outcome_bytes, rel=0.03)
    assert len(counted) == pytest.approx(Measured().metric_bytes, rel=0.03)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("log_types", "regions"), [(1, 1), (1, 4), (3, 1), (3, 4)])
def test_a_comparison_lists_about_as_often_as_the_model_says(log_types: int, regions: int) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=CENTRAL_BUCKET)
    for log_type in ["CloudTrail", "CloudTrail-Digest", "Config"][:log_types]:
        for region in ["eu-north-1", "eu-west-1", "us-east-1", "us-west-2"][:regions]:
            for day in (19, 20, 21):
                key = f"AWSLogs/o-exampleorg1/{B}/{log_type}/{region}/2026/11/{day}/{B}_{log_type}_{region}_{day}.gz"
                s3.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=b"")
    asked: list[Any] = []
    s3.meta.events.register("before-call.s3.ListObjectsV2", lambda params, **_: asked.append(params))
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    layout = KeyLayout(organization_id="o-exampleorg1")
    selection = Selection(layout, frozenset({B}), window=Window(now - timedelta(days=2), None))
    planner = Planner(selection, now)
    found = [listed for place in planner.start() for listed in walk(s3, CENTRAL_BUCKET, planner, place)]
    assert len(found) == log_types * regions * 3
    assert listings(log_types, regions) == pytest.approx(len(asked), rel=0.2)


def test_a_million_copies_cost_what_they_cost_by_hand() -> None:
    found = estimate(Traffic(files=1_000_000, accounts=100, file_kb=1024**2 / 1e6))  # a million make 1 GB
    assert usd(found, "copies") == pytest.approx(5)  # 1,000,000 * 0.005 / 1,000
    assert usd(found, "their storage") == pytest.approx(0.023)
    assert usd(found, "events") == pytest.approx(1)
    assert usd(found, "queues, polled in vain") == pytest.approx(5 * 730 * 3600 / 20 * 0.4 / 1e6)
    assert usd(found, "alarms") == pytest.approx(0.8)
    assert found.usd == pytest.approx(sum(found.usd_by_payer.values()))
    assert found.usd == pytest.approx(found.usd_per_million)


def test_a_full_batch_s_price_by_hand() -> None:
    """100 files in two rounds of 20 ms; the processor's work takes longer: 100 * 0.2 ms on 512 of 1,769 MB."""
    traffic = Traffic(files=100_000_000, accounts=3, busy_percent=10)
    found = estimate(traffic)
    assert found.owners.batch == 100
    assert found.owners.work_ms(100) == pytest.approx(5 + 20 / (512 / 1769))
    assert usd(found, "invocations") == pytest.approx(1_000_000 * 0.2 / 1e6)
    seconds = found.owners.invocations * found.owners.duration_ms / 1000
    assert usd(found, "their duration") == pytest.approx(seconds * 0.0000133334 / 2)  # half a GB
    at_once = 1e8 / (73 * 3600) / 5 * 0.02  # what comes for one of five pollers while it asks again
    assert usd(found, "queues, with messages") == pytest.approx((1e8 + 1e8 / at_once + 1e7) * 0.4 / 1e6)


@pytest.mark.parametrize(
    ("memory_mb", "connections", "milliseconds"),
    [(1769, 10, 5 + 10 * 20), (1769, 100, 5 + 20), (1769 / 2, 100, 5 + 40), (10_240, 100, 5 + 20)],
)
def test_a_batch_lasts_as_long_as_the_slower_of_s3_and_the_processor(
    memory_mb: int, connections: int, milliseconds: float
) -> None:
    queue = owner_queue(Traffic(), Stack(memory_mb=memory_mb, connections=connections), Measured())
    assert queue.work_ms(100) == pytest.approx(milliseconds)


def test_a_third_party_doubles_the_copies_but_not_the_events() -> None:
    alone, with_z = (estimate(Traffic(third_parties=count)) for count in (0, 1))
    assert usd(with_z, "copies") == pytest.approx(2 * usd(alone, "copies"))
    assert usd(with_z, "queues, polled in vain") == pytest.approx(2 * usd(alone, "queues, polled in vain"))
    assert usd(with_z, "events") == usd(alone, "events")


def test_whoever_is_only_notified_pays_for_no_copy_no_listing_and_no_key() -> None:
    found = estimate(Traffic(deliver=Deliver.NOTIFY, kms=Kms.NO_BUCKET_KEYS))
    names = {line.name for line in found.lines}
    assert not names & {"copies", "their storage", "keys asked for"}
    assert not [name for name in names if name.startswith("comparison")]
    assert usd(found, "notifications") > 0


def test_notifications_go_out_ten_at_a_time_where_a_batch_has_ten_for_one_topic() -> None:
    few, many = (
        estimate(Traffic(files=100_000_000, accounts=accounts, busy_percent=10, deliver=Deliver.NOTIFY))
        for accounts in (1, 10_000)
    )
    assert usd(few, "notifications") == pytest.approx(1e8 / 10 * 0.5 / 1e6)
    assert usd(many, "notifications") == pytest.approx(1e8 * 0.5 / 1e6, rel=0.01)


def test_bucket_keys_spare_requests_for_accounts_with_many_files_only() -> None:
    busy, idle = Traffic(files=30_000_000, accounts=3), Traffic(files=30_000, accounts=10_000)
    for traffic, factor in ((busy, 0.01), (idle, 1)):
        with_keys = estimate(replace(traffic, kms=Kms.BUCKET_KEYS))
        without = estimate(replace(traffic, kms=Kms.NO_BUCKET_KEYS))
        assert usd(with_keys, "keys asked for") == pytest.approx(factor * usd(without, "keys asked for"), rel=0.01)
    assert usd(estimate(replace(busy, kms=Kms.NO_BUCKET_KEYS)), "keys asked for") == pytest.approx(30 * 2 * 3)


def test_files_that_come_together_cost_less_than_those_that_come_alone() -> None:
    evenly, at_once = estimate(Traffic()), estimate(Traffic(busy_percent=0.1))
    assert at_once.owners.batch > 10 * evenly.owners.batch
    assert usd(at_once, "invocations", "their duration") < usd(evenly, "invocations", "their duration") / 2


def test_the_comparison_costs_by_accounts_and_how_often() -> None:
    daily = estimate(Traffic(accounts=10_000))
    weekly = estimate(Traffic(accounts=10_000), Stack(reconcile_days=7))
    listed = ("comparison: central bucket listed", "comparison: receivers' listed")
    requests = 10_000 * listings(3, 4) * MONTH_HOURS / 24
    assert usd(daily, *listed) == pytest.approx(2 * requests * 0.005 / 1_000, rel=0.01)
    assert usd(weekly, *listed) == pytest.approx(usd(daily, *listed) / 7)


@pytest.mark.parametrize(
    ("traffic", "stack", "named"),
    [
        (Traffic(files=0), Stack(), "--files"),
        (Traffic(accounts=-1), Stack(), "--accounts"),
        (Traffic(files=10, accounts=11), Stack(), "--accounts"),
        (Traffic(busy_percent=0), Stack(), "--busy-percent"),
        (Traffic(busy_percent=float("nan")), Stack(), "--busy-percent"),
        (Traffic(elsewhere_percent=101), Stack(), "--elsewhere-percent"),
        (Traffic(file_kb=6 * 1024**2), Stack(), "--file-kb"),
        (Traffic(keep_months=-1), Stack(), "--keep-months"),
        (Traffic(), Stack(batch_size=10_001), "--batch-size"),
        (Traffic(), Stack(window_seconds=0), "--window-seconds"),
        (Traffic(), Stack(memory_mb=64), "--memory-mb"),
        (Traffic(), Stack(reconcile_days=0), "--reconcile-days"),
        (Traffic(files=90_000_000_000), Stack(), "--concurrency"),
    ],
)
def test_what_cannot_be_is_refused_and_named(traffic: Traffic, stack: Stack, named: str) -> None:
    with pytest.raises(ImpossibleError, match=named):
        estimate(traffic, stack)


def test_cloudwatch_s_own_bytes_are_counted() -> None:
    found = estimate(Traffic(files=100_000_000, busy_percent=10))
    [logs] = [line for line in found.lines if line.name == "logs"]
    assert logs.quantity * 1024**3 > 1e8 * (Measured().outcome_bytes + LOG_EVENT_BYTES)
