"""A batch of shards gets smaller each time, whatever some of them do; nothing is left out of a plan."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from samples import CENTRAL_BUCKET, LAYOUT, B, C

from distributary.backfills import SHARDS_AT_ONCE, ShardsFailedError, compare_batch, plan_shards, read_place
from distributary.errors import DistributaryError
from distributary.listings import leaves, walk
from distributary.prefixes import Place, Planner
from distributary.reconciliation import Report
from distributary.selections import Selection
from distributary.windows import Window

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ALWAYS_TIME: Callable[[], bool] = lambda: True  # noqa: E731
KEYS = [
    f"AWSLogs/{B}/CloudTrail/eu-west-1/2025/12/31/one.gz",
    f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/20/one.gz",
    f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/one.gz",
    f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/two.gz",
    f"AWSLogs/{B}/CloudTrail/us-east-1/stray.gz",
    f"AWSLogs/{B}/Config/us-east-1/2026/1/5/ConfigHistory/one.gz",
    f"AWSLogs/{B}/WAFLogs/us-east-1/acl/2026/01/05/00/00/one.gz",
    f"AWSLogs/{B}/stray.gz",
    f"AWSLogs/aws-account-id={B}/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=02/day=03/one.gz",
    f"AWSLogs/{C}/CloudTrail/us-east-1/2026/11/21/one.gz",
]


def planner(*account_ids: str, since: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> Planner:
    return Planner(Selection(LAYOUT, frozenset(account_ids), window=Window(since)), NOW, by_day=True)


@pytest.fixture
def s3(aws: None) -> Any:  # noqa: ARG001 - it stands up what this needs
    client = boto3.client("s3")
    client.create_bucket(Bucket=CENTRAL_BUCKET)
    for key in KEYS:
        client.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=b"logs")
    return client


def planned(s3: Any, plan: Planner, after: str | None = None) -> list[Place]:
    return [leaf for place in plan.start() for leaf in leaves(s3, CENTRAL_BUCKET, plan, place, after=after)]


def held(s3: Any, plan: Planner, places: list[Place]) -> list[str]:
    return [one.key for place in places for one in walk(s3, CENTRAL_BUCKET, plan, place)]


@pytest.mark.parametrize("account_ids", [(B,), ()], ids=["one account", "all accounts"])
def test_every_key_of_the_years_in_question_is_in_one_shard(s3: Any, account_ids: tuple[str, ...]) -> None:
    plan = planner(*account_ids)
    found = held(s3, plan, planned(s3, plan))
    wanted = [key for key in KEYS if "/2025/" not in key and (not account_ids or C not in key)]
    assert sorted(found) == sorted(wanted)


def test_a_shard_is_a_day_of_an_account_log_type_and_region(s3: Any) -> None:
    prefixes = [place.prefix for place in planned(s3, planner(B, since=datetime(2026, 11, 20, tzinfo=UTC)))]
    assert [one for one in prefixes if "CloudTrail/us-east-1/2" in one] == [
        f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/{day}/" for day in (20, 21, 22)
    ]
    assert not [one for one in prefixes if "eu-west-1/2" in one]  # it has no folder of that year


def test_a_plan_goes_on_where_it_stopped(s3: Any) -> None:
    plan = planner()
    places = planned(s3, plan)
    for number in (0, 1, 5, len(places) // 2, len(places) - 1):
        assert planned(s3, plan, after=places[number].prefix) == places[number + 1 :]


def test_an_answer_with_too_many_shards_says_where_to_go_on() -> None:
    places = [Place(f"{number:06}/") for number in range(SHARDS_AT_ONCE + 1)]
    answer = plan_shards(places, ALWAYS_TIME)
    assert len(answer["shards"]) == SHARDS_AT_ONCE
    assert answer["continue_after"] == places[-2].prefix
    assert plan_shards(places[:3], lambda: False)["continue_after"] == "000000/"
    assert plan_shards(places[:3], ALWAYS_TIME)["continue_after"] is None


@pytest.mark.parametrize("place", [Place("a/"), Place("a/", folders_first=True, here_only=True)], ids=["flat", "here"])
def test_a_shard_says_which_place_it_is(place: Place) -> None:
    [shard] = plan_shards([place], ALWAYS_TIME)["shards"]
    assert read_place(shard) == place
    assert read_place({}) is None


class BrokenError(DistributaryError):
    """A receiver refuses."""


def compares(**reports: Report | Exception) -> Callable[[Mapping[str, Any]], Report]:
    def compare(event: Mapping[str, Any]) -> Report:
        assert event["since"] == "2026-01-01"
        found = reports[event["prefix"]]
        if isinstance(found, Exception):
            raise found
        return found

    return compare


def batch(*prefixes: str, rate: float = 10, **more: Any) -> dict[str, Any]:
    items = [{"subscription": {"scope": B, "name": "b"}, "prefix": prefix} for prefix in prefixes]
    return {"Items": items, "BatchInput": {"since": "2026-01-01", "rate": rate}} | more


REPORT = Report("b", present=1, missing=2, repaired=2)


def test_a_batch_is_added_up_and_nothing_is_left() -> None:
    once = compare_batch(batch("x", "y"), compares(x=REPORT, y=REPORT), ALWAYS_TIME)
    assert once["Items"] == []
    assert once["counts"] == {"present": 2, "missing": 4, "different": 0, "extra": 0, "repaired": 4}
    assert once["rest_seconds"] == 1
    again = compare_batch(batch("x", counts=once["counts"]), compares(x=REPORT), ALWAYS_TIME)
    assert again["counts"]["repaired"] == 6


def test_a_shard_that_fails_stops_no_other_and_stays() -> None:
    first = compare_batch(
        batch("x", "y", "z"), compares(x=BrokenError("no"), y=REPORT, z=BrokenError("no")), ALWAYS_TIME
    )
    assert [one["prefix"] for one in first["Items"]] == ["x", "z"]
    with pytest.raises(ShardsFailedError, match="BrokenError: no; the same or the like for: b x, b z; 2 files"):
        compare_batch(first, compares(x=BrokenError("no"), z=BrokenError("no")), ALWAYS_TIME)
    assert compare_batch(first, compares(x=REPORT, z=REPORT), ALWAYS_TIME)["Items"] == []


def test_what_there_is_no_time_for_is_left() -> None:
    times = iter([True, False])
    part = compare_batch(batch("x", "y"), compares(x=replace(REPORT, continue_after="x/k")), lambda: next(times))
    assert [(one["prefix"], one.get("after")) for one in part["Items"]] == [("y", None), ("x", "x/k")]


def test_a_batch_rests_after_a_minutes_worth_of_files() -> None:
    part = compare_batch(batch("x", "y", rate=0.5), compares(x=replace(REPORT, repaired=45)), ALWAYS_TIME)
    assert ([one["prefix"] for one in part["Items"]], part["rest_seconds"]) == (["y"], 90)


def test_a_mistake_of_ours_is_no_failed_shard() -> None:
    with pytest.raises(ZeroDivisionError):
        compare_batch(batch("x"), compares(x=ZeroDivisionError()), ALWAYS_TIME)
