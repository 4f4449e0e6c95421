from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import LAYOUT, ORGANIZATION_ID, B, C

from distributary.keys import KeyLayout, LogFile, parse_key
from distributary.selections import Selection
from distributary.windows import Window
from distributary_cli.logs_listing import list_files

STORED = datetime(2026, 11, 21, 6, 10, tzinfo=UTC)
PLAIN = KeyLayout()


class Listings:
    """ListObjectsV2 of a bucket of these keys, three to a page; remembers what it was asked."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = sorted(keys)
        self.asked: list[tuple[str, str]] = []

    def get_paginator(self, name: str) -> "Listings":
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str, Delimiter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803
        assert Bucket == "logs"
        self.asked.append((Prefix, Delimiter))
        keys = [key for key in self.keys if key.startswith(Prefix)]
        rows = [row for row, _ in groupby(self._rows(keys, Prefix, Delimiter))]
        for start in range(0, max(len(rows), 1), 3):
            page = rows[start : start + 3]
            contents = [
                {"Key": row, "Size": 1, "LastModified": STORED, "ETag": '"e"'} for row, is_key in page if is_key
            ]
            yield {"Contents": contents, "CommonPrefixes": [{"Prefix": row} for row, is_key in page if not is_key]}

    @staticmethod
    def _rows(keys: list[str], prefix: str, delimiter: str) -> Iterator[tuple[str, bool]]:
        for key in keys:
            folder, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            yield (f"{prefix}{folder}/", False) if found else (key, True)


def cloudtrail(day: str, account_id: str = B, region: str = "eu-west-1", log_type: str = "CloudTrail") -> str:
    folder = f"AWSLogs/{account_id}/{log_type}/{region}/{day}"
    return f"{folder}/{account_id}_{log_type}_{region}_{day.replace('/', '')}T0605Z_x.json.gz"


def listed(keys: list[str], selection: Selection) -> tuple[list[str], list[tuple[str, str]]]:
    bucket: Any = Listings(keys)
    return [file.key for file in list_files(bucket, "logs", selection)], bucket.asked


def days(first: int, last: int) -> Window:
    return Window(datetime(2026, 11, first, tzinfo=UTC), datetime(2026, 11, last, tzinfo=UTC))


def test_what_is_named_is_spelled_out_and_no_other_prefix_asked_for() -> None:
    keys = [cloudtrail(f"2026/11/{day}", account) for day in range(19, 23) for account in (B, C)]
    selection = Selection(PLAIN, frozenset({B}), frozenset({"CloudTrail"}), frozenset({"eu-west-1"}), days(21, 22))
    found, asked = listed(keys, selection)
    assert found == [cloudtrail("2026/11/21")]
    assert [one for one in asked if one[0].startswith("AWSLogs/2")] == [
        (f"AWSLogs/{B}/CloudTrail/eu-west-1/2026/11/21/", "")
    ]
    assert all(B in prefix for prefix, _ in asked)


def test_types_and_regions_that_are_not_named_are_found_by_their_folders() -> None:
    keys = [cloudtrail("2026/11/21", region=region) for region in ("eu-west-1", "us-east-1")]
    found, asked = listed(keys, Selection(PLAIN, frozenset({B}), window=days(21, 22)))
    assert found == keys
    assert [one for one in asked if one[0].startswith("AWSLogs/2")] == [
        (f"AWSLogs/{B}/", "/"),
        (f"AWSLogs/{B}/CloudTrail/", "/"),
        (f"AWSLogs/{B}/CloudTrail/eu-west-1/2026/11/21/", ""),
        (f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/", ""),
    ]


def test_nothing_but_the_account_named_is_one_listing_of_it() -> None:
    found, asked = listed([cloudtrail("2026/11/21"), cloudtrail("2026/11/21", C)], Selection(PLAIN, frozenset({B})))
    assert found == [cloudtrail("2026/11/21")]
    assert (f"AWSLogs/{B}/", "") in asked
    assert len([one for one in asked if one[0].startswith("AWSLogs/2")]) == 1


def test_config_writes_dates_without_leading_zeros() -> None:
    key = f"AWSLogs/{B}/Config/us-east-1/2026/1/9/ConfigSnapshot/{B}_Config_us-east-1_X_20260109T060713Z_0a.json.gz"
    january = Window(datetime(2026, 1, 9, tzinfo=UTC), datetime(2026, 1, 10, tzinfo=UTC))
    selection = Selection(PLAIN, frozenset({B}), frozenset({"Config"}), frozenset({"us-east-1"}), january)
    found, asked = listed([key], selection)
    assert found == [key]
    assert (f"AWSLogs/{B}/Config/us-east-1/2026/1/9/", "") in asked


def test_a_file_filed_under_the_next_day_is_found_by_the_time_in_its_name() -> None:
    folder = f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/22"
    key = f"{folder}/{B}_elasticloadbalancing_us-east-1_a_20261121T2355Z_x.gz"
    found, _ = listed([key], Selection(PLAIN, frozenset({B}), window=days(21, 22)))
    assert found == [key]


def test_what_is_not_a_log_file_of_the_account_is_never_shown() -> None:
    forged = cloudtrail("2026/11/21").replace(f"/{B}_", f"/{C}_")
    test_object = f"AWSLogs/{B}/Config/ConfigWritabilityCheckFile"
    folder = f"AWSLogs/{B}/CloudTrail/"
    found, _ = listed([forged, test_object, folder, cloudtrail("2026/11/21")], Selection(PLAIN, frozenset({B})))
    assert found == [cloudtrail("2026/11/21")]


accounts = st.sampled_from([B, C])
regions = st.sampled_from(["eu-west-1", "us-east-1"])
dates = st.datetimes(datetime(2025, 12, 30), datetime(2026, 2, 2)).map(lambda time: time.replace(tzinfo=UTC))
prefixes = st.sampled_from(["", "/", "trails/", f"{ORGANIZATION_ID}/", "elsewhere/"])


@st.composite
def keys(draw: st.DrawFn) -> str:
    """A key of some documented layout, its folder's day perhaps not its name's."""
    account_id, region, time = draw(accounts), draw(regions), draw(dates)
    filed = time + timedelta(days=draw(st.integers(-1, 1)))
    stamp, day, unpadded = f"{time:%Y%m%dT%H%MZ}", f"{filed:%Y/%m/%d}", f"{filed:%Y}/{filed.month}/{filed.day}"
    hive = f"{filed:year=%Y/month=%m/day=%d}"
    rest = draw(
        st.sampled_from(
            [
                f"{account_id}/CloudTrail/{region}/{time:%Y/%m/%d}/{account_id}_CloudTrail_{region}_{stamp}_x.json.gz",
                f"{ORGANIZATION_ID}/{account_id}/CloudTrail/{region}/{time:%Y/%m/%d}/{account_id}_CloudTrail_{stamp}_x.gz",
                f"{account_id}/Config/{region}/{unpadded}/ConfigHistory/{account_id}_Config_{region}_A::B_{stamp}_1.json.gz",
                f"{account_id}/vpcflowlogs/{region}/{day}/06/{account_id}_vpcflowlogs_{region}_fl_{stamp}_x.log.gz",
                f"aws-account-id={account_id}/aws-service=vpcflowlogs/aws-region={region}/{hive}/{account_id}_v_{stamp}.gz",
                f"{account_id}/WAFLogs/{region}/acl/{day}/06/05/{account_id}_waflogs_{region}_acl_{stamp}_x.log.gz",
                f"{account_id}/WAFLogs/cloudfront/acl/{day}/06/05/{account_id}_waflogs_cloudfront_acl_{stamp}_x.log.gz",
                f"{account_id}/vpcdnsquerylogs/vpc-1/{day}/vpc-1_vpcdnsquerylogs_{account_id}_{stamp}_x.log.gz",
                f"{account_id}/network-firewall/alert/{region}/fw/{day}/06/{account_id}_network-firewall_{stamp}_x.gz",
                f"{account_id}/Macie/{region}/sensitivedata/{stamp}.jsonl.gz",
                f"{account_id}/NewService/{region}/{unpadded}/{stamp}.gz",
                f"{account_id}/NewService/{hive}/{stamp}.gz",
                f"aws-account-id={account_id}/CloudFront/{day}/E2EXAMPLE.{stamp}.gz",
                f"aws-account-id={account_id}/CloudFront/E2EXAMPLE.{stamp}.gz",
                f"{account_id}/a-file_{stamp}.gz",
            ]
        )
    )
    return draw(st.sampled_from([f"{draw(prefixes)}AWSLogs/{rest}", f"cdn/E2EXAMPLE.{stamp}.gz"]))


def some(values: list[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), max_size=2)


@given(
    st.lists(keys(), unique=True, max_size=12),
    some([B, C]),
    some(["CloudTrail", "Config", "vpcflowlogs", "WAFLogs", "network-firewall", "NewService", "CloudFront", "Mapped"]),
    some(["eu-west-1", "us-east-1"]),
    st.none() | dates,
    st.none() | dates,
)
def test_what_is_listed_is_what_a_search_of_the_whole_bucket_finds_in_order(
    stored: list[str],
    account_ids: frozenset[str],
    log_types: frozenset[str],
    wanted_regions: frozenset[str],
    since: datetime | None,
    until: datetime | None,
) -> None:
    selection = Selection(LAYOUT, account_ids, log_types, wanted_regions, Window(since, until))
    found, asked = listed(stored, selection)
    assert found == sorted(key for key in stored if selection.read(key, STORED))
    assert len(asked) == len(set(asked))


@given(st.lists(keys(), unique=True, max_size=12))
def test_an_account_s_listing_asks_for_nothing_of_another(stored: list[str]) -> None:
    found, asked = listed(stored, Selection(LAYOUT, frozenset({B}), window=days(1, 2)))
    assert all(B in prefix or prefix == "cdn/" for prefix, _ in asked)
    assert all(isinstance(one := parse_key(key, LAYOUT), LogFile) and one.account_id == B for key in found)


@pytest.mark.parametrize("wanted", [{}, {"account_ids": frozenset({B})}])
def test_an_organisation_that_is_not_configured_is_not_looked_into(wanted: dict[str, Any]) -> None:
    key = cloudtrail("2026/11/21").replace("AWSLogs/", "AWSLogs/o-someoneelse/")
    assert listed([key], Selection(LAYOUT, **wanted))[0] == []
