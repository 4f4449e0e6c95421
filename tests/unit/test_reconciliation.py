"""Two buckets in moto; what the receiver lacks is found whatever the reason, and put into the queue once."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from fakes import Queue
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from samples import CENTRAL_BUCKET, LAYOUT, ORGANIZATION_ID, B, C, Z, plain_subscription, subscription

from distributary.events import Addressee, ObjectCreated, read_message
from distributary.reconciliation import (
    NothingToAnnounceError,
    NothingToCompareError,
    Reconciler,
    RepairError,
    Report,
    Request,
)
from distributary.subscription_forms import from_mapping
from distributary.subscriptions import Subscription
from distributary.windows import ALWAYS, Window

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
TOPIC = f"arn:aws:sns:us-east-1:{B}:log-files"


def key_of(account_id: str, day: int = 21, number: int = 0, log_type: str = "CloudTrail", before: str = "") -> str:
    folder = f"{before}AWSLogs/{account_id}/{log_type}/us-east-1/2026/11/{day:02}"
    return f"{folder}/{account_id}_{log_type}_us-east-1_202611{day:02}T0600Z_{number:04}.json.gz"


class World:
    """The central bucket and B's."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        for bucket in (CENTRAL_BUCKET, f"owner-logs-{B}"):
            self.s3.create_bucket(Bucket=bucket)
        self.queue = Queue()
        self.reconciler = Reconciler(CENTRAL_BUCKET, LAYOUT, self.s3, lambda _: self.queue, with_etags=True)

    def put(self, *keys: str, bucket: str = CENTRAL_BUCKET, body: bytes = b"logs") -> None:
        for key in keys:
            self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def deliver(self, *keys: str, **options: Any) -> None:
        self.put(*keys, bucket=f"owner-logs-{B}", **options)

    def reconcile(
        self, to: Subscription | None = None, has_time: Callable[[], bool] = lambda: True, **changes: Any
    ) -> Report:
        request = replace(Request(to or subscription(B), ALWAYS, LATER), **changes)
        return self.reconciler.reconcile(request, self.s3, NOW, has_time)


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - it stands up what this needs
    return World()


def test_what_is_there_is_present_and_what_is_not_is_missing(world: World) -> None:
    keys = [key_of(B, number=number) for number in range(5)]
    world.put(*keys, key_of(C))
    world.deliver(*keys[:3])
    report = world.reconcile()
    assert (report.present, report.missing, report.missing_keys) == (3, 2, keys[3:])
    assert world.queue.sent == []


def test_another_content_is_different_and_what_is_over_is_extra(world: World) -> None:
    world.put(key_of(B, number=1), key_of(B, number=2))
    world.deliver(key_of(B, number=1), body=b"gols")
    world.deliver(key_of(B, number=2), body=b"longer than it was")
    world.deliver(key_of(B, number=3))
    report = world.reconcile()
    assert (report.different, report.extra, report.missing) == (2, 1, 0)


def test_a_repair_announces_each_missing_file_to_that_one_subscription(world: World) -> None:
    keys = [key_of(B, number=number) for number in range(250)]
    world.put(*keys)
    world.deliver(keys[7])
    report = world.reconcile(repair=True)
    assert (report.missing, report.repaired) == (249, 249)
    notices = [notice for letter in world.queue.sent for notice in read_message(letter.body)]
    created = [notice for notice in notices if isinstance(notice, ObjectCreated)]
    assert {one.subscriptions for one in created} == {(Addressee(f"owner-{B}", B),)}
    assert {one.key for one in created} == {*keys} - {keys[7]}
    assert len(report.missing_keys) == 100


def test_to_announce_is_to_queue_all_that_is_due_there_or_not(world: World) -> None:
    keys = [key_of(B, number=number) for number in range(3)]
    world.put(*keys, key_of(C), key_of(B, log_type="Config"))
    world.deliver(keys[0], body=b"another")
    wants = subscription(B, notify={"topic_arn": TOPIC}, filters={"log_types": ["CloudTrail"]})
    counted = world.reconcile(wants, announce=True)
    assert (counted.missing, counted.repaired, world.queue.sent) == (3, 0, [])
    queued = world.reconcile(wants, announce=True, repair=True)
    assert (queued.missing, queued.repaired, queued.present, queued.announces) == (3, 3, 0, True)
    announced = [notice for letter in world.queue.sent for notice in read_message(letter.body)]
    assert [(one.key, one.size) for one in announced if isinstance(one, ObjectCreated)] == [(key, 4) for key in keys]


@pytest.mark.parametrize("is_copied", [True, False])
def test_what_is_not_copied_is_looked_up_when_it_is_announced_for_its_version(world: World, is_copied: bool) -> None:
    world.put(key_of(B))
    to = subscription(B, notify={"topic_arn": TOPIC})
    to = to if is_copied else replace(to, copy_to=None)
    world.reconcile(to, announce=True, repair=True)
    [notice] = read_message(world.queue.sent[0].body)
    assert isinstance(notice, ObjectCreated)
    assert (notice.etag is not None) == is_copied


def test_announcing_goes_on_where_time_ran_out(world: World) -> None:
    keys = [key_of(B, number=number) for number in range(3)]
    world.put(*keys)
    to = replace(subscription(B, notify={"topic_arn": TOPIC}), copy_to=None)
    first = world.reconcile(to, has_time=lambda: False, announce=True, repair=True)
    assert (first.repaired, first.continue_after) == (1, keys[0])
    rest = world.reconcile(to, announce=True, repair=True, after=first.continue_after)
    assert (rest.repaired, rest.continue_after) == (2, None)


def test_who_has_no_topic_can_be_announced_nothing(world: World) -> None:
    with pytest.raises(NothingToAnnounceError, match=f"owner-{B} has no notify"):
        world.reconcile(announce=True)


def test_a_queue_that_refuses_is_an_error_not_a_repair(world: World) -> None:
    world.put(key_of(B))
    world.queue.is_broken = True
    with pytest.raises(RepairError, match="broken"):
        world.reconcile(repair=True)


def test_what_may_still_be_on_its_way_is_not_missing(world: World) -> None:
    world.put(key_of(B))
    assert world.reconcile(arrived_before=datetime.now(UTC) - timedelta(minutes=30)).missing == 0


def test_what_the_subscription_does_not_want_is_not_missing(world: World) -> None:
    world.put(key_of(B), key_of(B, log_type="Config"), f"AWSLogs/{B}/Config/ConfigWritabilityCheckFile")
    only = subscription(B, filters={"log_types": ["CloudTrail"]})
    assert world.reconcile(only).missing_keys == [key_of(B)]
    assert world.reconcile(subscription(B, paused=True)).missing == 0


def test_every_prefix_of_the_owner_is_looked_at_and_no_others(world: World) -> None:
    mine = [
        key_of(B),
        key_of(B, before="trails/"),
        key_of(B).replace("AWSLogs/", f"AWSLogs/{ORGANIZATION_ID}/"),
        f"AWSLogs/aws-account-id={B}/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=11/day=21/f.parquet",
        "cdn/E2.2026-11-21-00.gz",
    ]
    world.put(*mine, key_of(C), key_of(B, before="unknown/"))
    assert sorted(world.reconcile().missing_keys) == sorted(mine)


def test_the_window_goes_by_the_times_in_the_keys(world: World) -> None:
    world.put(*(key_of(B, day=day) for day in (18, 19, 20, 21)))
    window = Window(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
    assert world.reconcile(window=window).missing_keys == [key_of(B, day=day) for day in (19, 20)]


def test_a_prefix_in_the_receiving_bucket_is_not_part_of_the_key(world: World) -> None:
    target = {"bucket": f"owner-logs-{B}", "region": "us-east-1", "prefix": "audit/"}
    world.put(key_of(B, number=1), key_of(B, number=2))
    world.deliver(f"audit/{key_of(B, number=1)}", key_of(B, number=2))
    report = world.reconcile(subscription(B, copy_to=target))
    assert (report.present, report.missing_keys, report.extra) == (1, [key_of(B, number=2)], 0)


def test_a_third_party_is_due_every_accounts_files(world: World) -> None:
    auditor = subscription(Z, scope="all", copy_to={"bucket": f"owner-logs-{B}", "region": "us-east-1"})
    world.put(key_of(B), key_of(C))
    world.deliver(key_of(C))
    report = world.reconcile(auditor)
    assert (report.present, report.missing_keys) == (1, [key_of(B)])


def test_without_copies_there_is_nothing_to_compare(world: World) -> None:
    plain = plain_subscription(B, notify={"topic_arn": f"arn:aws:sns:us-east-1:{B}:log-files"})
    del plain["copy_to"]
    with pytest.raises(NothingToCompareError):
        world.reconcile(from_mapping(plain))


def test_where_time_ran_out_it_goes_on_and_sees_each_key_once(world: World) -> None:
    keys = [key_of(B, day=day, number=number) for day in (19, 20, 21) for number in range(4)]
    world.put(*keys)
    world.deliver(*keys[::2])
    after, found, rounds = None, list[str](), 0
    while True:
        left = iter([True] * 2)
        window = Window(datetime(2026, 11, 19, tzinfo=UTC))
        report = world.reconcile(window=window, after=after, has_time=partial(next, left, False))
        found += report.missing_keys
        rounds += 1
        if (after := report.continue_after) is None:
            break
    assert (found, rounds) == (keys[1::2], 5)


@settings(max_examples=40, deadline=None)
@given(
    central=st.sets(st.tuples(st.sampled_from([B, C]), st.integers(18, 21), st.integers(0, 3)), max_size=12),
    lost=st.sets(st.integers(0, 11), max_size=12),
    days=st.tuples(st.integers(17, 21), st.integers(18, 22)),
)
def test_it_finds_exactly_what_was_lost(
    central: set[tuple[str, int, int]], lost: set[int], days: tuple[int, int]
) -> None:
    with mock_aws():
        world = World()
        mine = sorted(key_of(*one) for one in central if one[0] == B)
        world.put(*(key_of(*one) for one in central))
        world.deliver(*(key for index, key in enumerate(mine) if index not in lost))
        window = Window(*(datetime(2026, 11, day, tzinfo=UTC) for day in days))
        in_window = [key for key in mine if days[0] <= int(key.split("/")[6]) < days[1]]
        report = world.reconcile(window=window)
        assert report.missing_keys == [key for key in in_window if mine.index(key) in lost]
        assert report.present == len(in_window) - report.missing


def test_a_report_is_json(world: World) -> None:
    world.put(key_of(B))
    assert json.loads(json.dumps(world.reconcile().to_json()))["missing"] == 1
