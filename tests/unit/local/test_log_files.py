import gzip
import hashlib
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributary.keys import KeyLayout, LogFile, parse_key
from distributary_local.log_files import (
    HOME_REGION,
    MINIMUM_FOR_EVERY_KIND,
    STRANGER,
    GeneratedFile,
    generate,
)

B, C, D = "222222222222", "033333333333", "444444444444"
ORGANIZATION_ID = "o-exampleorgid"
UNTIL = datetime(2026, 11, 5, 12, 34, 56, tzinfo=UTC)


def files(
    count: int = 200,
    account_ids: tuple[str, ...] = (B, C, D),
    subscribed: tuple[str, ...] = (B, C),
    seed: int = 7,
    until: datetime = UNTIL,
) -> list[GeneratedFile]:
    made = generate(
        count,
        account_ids=account_ids,
        subscribed=subscribed,
        organization_id=ORGANIZATION_ID,
        seed=seed,
        until=until,
    )
    return list(made)


@cache
def many_files() -> list[GeneratedFile]:
    return files(1000)


def described(words: str, among: list[GeneratedFile] | None = None) -> list[GeneratedFile]:
    return [each for each in (many_files() if among is None else among) if words in each.description]


def document(file: GeneratedFile) -> dict[str, Any]:
    contents: dict[str, Any] = json.loads(gzip.decompress(file.body))
    return contents


def sha256_of_contents(file: GeneratedFile) -> str:
    return hashlib.sha256(gzip.decompress(file.body)).hexdigest()


def test_the_same_arguments_make_the_same_bytes() -> None:
    assert files() == files()


def test_the_same_moment_in_another_time_zone_makes_the_same_bytes() -> None:
    assert files() == files(until=UNTIL.astimezone(timezone(timedelta(hours=9))))


def test_another_seed_makes_other_bytes() -> None:
    assert {file.key for file in many_files()} != {file.key for file in files(seed=8)}


@pytest.mark.parametrize("count", [0, 1, 5, MINIMUM_FOR_EVERY_KIND, 300])
def test_it_makes_as_many_files_as_asked_for(count: int) -> None:
    assert len(files(count)) == count


def test_a_single_file_is_a_log_file_that_is_delivered() -> None:
    (file,) = files(1)
    assert (file.description, file.expected_outcome) == ("CloudTrail log file", "delivered")


def test_five_files_show_four_outcomes() -> None:
    assert {file.expected_outcome for file in files(5)} == {
        "delivered",
        "refused",
        "unsubscribed",
        "ignored",
    }


def test_the_minimum_holds_every_kind_once_and_two_log_files_for_the_digests() -> None:
    kinds = Counter(file.description for file in files(MINIMUM_FOR_EVERY_KIND))
    assert len(kinds) == MINIMUM_FOR_EVERY_KIND - 2, "a log file under each digest file, and an unsubscribed one"
    assert kinds.pop("CloudTrail log file") == 3
    assert set(kinds.values()) == {1}
    assert {file.description for file in many_files()} == {*kinds, "CloudTrail log file"}
    assert {file.expected_outcome for file in files(MINIMUM_FOR_EVERY_KIND)} == {
        "delivered",
        "unsubscribed",
        "ignored",
        "refused",
        "unroutable",
    }


def test_special_kinds_go_to_subscribed_accounts_where_some_are() -> None:
    specials = files(MINIMUM_FOR_EVERY_KIND)
    assert {file.account_id for file in specials if file.expected_outcome == "delivered"} == {B, C}


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(0, 60),
    more=st.integers(0, 60),
    account_ids=st.lists(st.from_regex(r"[0-9]{12}", fullmatch=True), min_size=1, max_size=5),
    subscribed=st.sets(st.integers(0, 4)),
    seed=st.integers(),
)
def test_any_accounts_give_unique_keys_and_fewer_files_are_the_beginning_of_more(
    count: int, more: int, account_ids: list[str], subscribed: set[int], seed: int
) -> None:
    chosen = tuple(each for number, each in enumerate(account_ids) if number in subscribed)
    made = files(count + more, tuple(account_ids), chosen, seed)
    assert len({file.key for file in made}) == count + more
    assert made[:count] == files(count, tuple(account_ids), chosen, seed)


@pytest.mark.parametrize("wrong", [{"count": -1}, {"account_ids": ()}, {"until": datetime(2026, 11, 5)}], ids=str)
def test_arguments_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="generate needs"):
        files(**wrong)


def test_ordinary_log_files_are_spread_over_accounts_regions_and_five_minute_steps() -> None:
    ordinary = many_files()[MINIMUM_FOR_EVERY_KIND:]
    accounts = Counter(file.account_id for file in ordinary)
    assert max(accounts.values()) - min(accounts.values()) <= 1
    names = [file.key.rsplit("/", 1)[1].split("_") for file in ordinary]
    assert len({region for _, _, region, _, _ in names}) > 2
    moments = sorted({datetime.strptime(written, "%Y%m%dT%H%MZ").replace(tzinfo=UTC) for _, _, _, written, _ in names})
    assert moments[-1] == UNTIL.replace(minute=30, second=0)
    assert {after - before for before, after in pairwise(moments)} == {timedelta(minutes=5)}


def test_ordinary_log_files_are_named_as_cloudtrail_names_them() -> None:
    pattern = (
        r"AWSLogs/(?P<owner>\d{12})/CloudTrail/(?P<region>[a-z]+-[a-z]+-\d)/2026/11/\d\d/"
        r"(?P=owner)_CloudTrail_(?P=region)_2026\d{4}T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz"
    )
    for file in described("CloudTrail log file", many_files()[MINIMUM_FOR_EVERY_KIND:]):
        match = re.fullmatch(pattern, file.key)
        assert match, file.key
        assert match["owner"] == file.account_id


def test_the_outcome_of_ordinary_log_files_follows_the_subscriptions() -> None:
    for file in many_files()[MINIMUM_FOR_EVERY_KIND:]:
        assert file.expected_outcome == ("unsubscribed" if file.account_id == D else "delivered")


def test_log_files_hold_records_of_the_documented_shape() -> None:
    event_ids: list[str] = []
    for file in described("CloudTrail log file"):
        assert (file.content_type, file.content_encoding) == ("application/json", "gzip")
        contents = document(file)
        assert contents.keys() == {"Records"}
        assert contents["Records"]
        for record in contents["Records"]:
            assert record["recipientAccountId"] == file.account_id
            assert f"_{record['awsRegion']}_" in file.key
            assert (record["eventVersion"], record["eventType"]) == ("1.11", "AwsApiCall")
            assert (record["managementEvent"], record["eventCategory"]) == (True, "Management")
            assert isinstance(record["readOnly"], bool)
            assert record["requestParameters"] is None or isinstance(record["requestParameters"], dict)
            assert ("tlsDetails" in record) == (record["userIdentity"]["type"] != "AWSService")
            assert datetime.fromisoformat(record["eventTime"]) < UNTIL
            event_ids.append(record["eventID"])
    assert len(set(event_ids)) == len(event_ids)


def test_log_files_hold_several_services_and_identities() -> None:
    records = [record for file in described("CloudTrail log file") for record in document(file)["Records"]]
    assert {record["eventSource"].split(".")[0] for record in records} == {"sts", "s3", "ec2", "kms", "iam"}
    assert {record["userIdentity"]["type"] for record in records} == {"AssumedRole", "IAMUser", "AWSService"}
    assert {record["awsRegion"] for record in records if record["eventSource"].startswith("iam")} == {"us-east-1"}


def test_digest_files_name_the_log_files_of_their_hour_with_hashes_that_verify() -> None:
    by_key = {file.key: file for file in many_files()}
    for digest in map(document, described("digest")):
        for entry in digest["logFiles"]:
            assert entry["hashValue"] == sha256_of_contents(by_key[entry["s3Object"]])
            assert entry["hashAlgorithm"] == "SHA-256"
            assert digest["digestStartTime"] < entry["newestEventTime"] < digest["digestEndTime"]


def test_digest_files_form_a_chain_of_hashes_and_signatures() -> None:
    first, second = described("digest")
    beginning, link = document(first), document(second)
    assert {value for name, value in beginning.items() if name.startswith("previousDigest")} == {None}
    assert link["previousDigestS3Object"] == first.key
    assert link["previousDigestHashValue"] == sha256_of_contents(first)
    assert link["previousDigestSignature"] == first.metadata["signature"]
    assert link["digestStartTime"] == beginning["digestEndTime"]
    assert link["digestS3Object"] == second.key


def test_digest_files_carry_their_signature_as_metadata() -> None:
    for file in described("digest"):
        assert re.fullmatch(r"[0-9a-f]{512}", file.metadata["signature"])
        assert file.metadata["signature-algorithm"] == "SHA256withRSA"
    assert len({file.metadata["signature"] for file in described("digest")}) == 2


def test_every_log_file_of_the_digests_account_and_region_is_in_a_digest() -> None:
    listed = {entry["s3Object"] for digest in described("digest") for entry in document(digest)["logFiles"]}
    assert listed == {
        file.key
        for file in many_files()
        if file.account_id == B and file.key.startswith(f"AWSLogs/{B}/CloudTrail/{HOME_REGION}/")
    }


@pytest.mark.parametrize(
    ("description", "pattern"),
    [
        ("organization trail", rf"AWSLogs/{ORGANIZATION_ID}/{C}/CloudTrail/.+/{C}_CloudTrail_.+"),
        ("Control Tower", rf"{ORGANIZATION_ID}/AWSLogs/{ORGANIZATION_ID}/{B}/CloudTrail/.+/{B}_CloudTrail_.+"),
        ("Config history", rf"AWSLogs/{B}/Config/{HOME_REGION}/2026/11/5/ConfigHistory/{B}_Config_.+AWS::EC2::.+"),
        ("VPC flow log", rf"AWSLogs/aws-account-id={C}/aws-service=vpcflowlogs/aws-region=.+/year=2026/.+\.log\.gz"),
        ("spaces and a plus", rf"AWSLogs/{B}/Config/.+/{B}_Config_.+ .+\+.+"),
        ("test file", rf"AWSLogs/{B}/Config/ConfigWritabilityCheckFile"),
        ("two AWSLogs segments", rf"AWSLogs/{B}/CloudTrail/AWSLogs/{C}/CloudTrail/.+/{C}_CloudTrail_.+"),
        ("names another account", rf"AWSLogs/{B}/CloudTrail/.+/{C}_CloudTrail_.+"),
        ("server access log", r"access-logs/2026-11-05-12-30-00-[0-9A-F]{16}"),
    ],
)
def test_special_keys_have_the_documented_form(description: str, pattern: str) -> None:
    (file,) = described(description)
    assert re.fullmatch(pattern, file.key)


def test_files_that_nobody_owns_name_no_account() -> None:
    for file in many_files():
        assert (file.account_id is None) == (file.expected_outcome in ("refused", "unroutable"))


def test_a_forged_key_names_a_stranger_where_there_is_only_one_account() -> None:
    assert all(STRANGER in file.key for file in described("forged", files(account_ids=(B,))))


def test_where_every_account_is_subscribed_nothing_is_unsubscribed() -> None:
    assert "unsubscribed" not in {file.expected_outcome for file in files(subscribed=(B, C, D))}


def test_where_no_account_is_subscribed_nothing_is_delivered() -> None:
    assert "delivered" not in {file.expected_outcome for file in files(subscribed=())}


def test_bodies_that_are_not_json_are_what_they_claim() -> None:
    (test_file,), (flow_log,) = described("test file"), described("VPC flow log")
    assert test_file.body == b""
    header, *lines = gzip.decompress(flow_log.body).decode().splitlines()
    assert lines
    assert {len(line.split()) for line in lines} == {len(header.split())} == {14}


def test_config_files_hold_configuration_items_of_their_account() -> None:
    for file in described("AWS Config history") + described("spaces and a plus"):
        assert {item["awsAccountId"] for item in document(file)["configurationItems"]} == {file.account_id}


def test_the_grammar_of_keys_agrees_with_every_file() -> None:
    layout = KeyLayout(("", "/", f"{ORGANIZATION_ID}/"), ORGANIZATION_ID)
    for file in files(100):
        parsed = parse_key(file.key, layout)
        if isinstance(parsed, LogFile):
            assert parsed.account_id == file.account_id, file.description
            assert file.expected_outcome == ("delivered" if parsed.account_id in (B, C) else "unsubscribed")
        else:
            assert parsed.outcome == file.expected_outcome, file.description
