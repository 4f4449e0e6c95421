import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import LAYOUT, B, C, Z, cloudtrail_key, plain_subscription, subscription

from distributary.subscription_table import to_item
from distributary_cli.explanations import explain, key_of

TABLE = "distributary-subscriptions"
KEY = cloudtrail_key(B)
TOPIC = "arn:aws:sns:eu-west-1:111111111111:log-files"
AUDITOR = plain_subscription(
    Z,
    name="auditor",
    scope="all",
    notify={"topic_arn": TOPIC, "format": "cloudtrail"},
    filters={"except_account_ids": ["444444444444"]},
)
del AUDITOR["copy_to"]
Write = Callable[[list[dict[str, Any]]], Any]


@pytest.fixture
def file(write: Write) -> Any:
    return write(
        [
            plain_subscription(B, copy_to={"bucket": "one-logs", "region": "eu-west-1", "prefix": "central/"}),
            plain_subscription(B, name="two", paused=True),
        ]
    )


def explained(run: Any, *args: str, **options: Any) -> list[dict[str, Any]]:
    answer = run("explain", "--json", "--file", "subscriptions.yaml", *args, **options)
    assert (answer.exit_code, answer.stderr) == (0, "")
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.mark.usefixtures("file")
def test_a_delivery_says_where_to_and_who_declines(run: Any) -> None:
    (one,) = explained(run, KEY)
    assert one == {
        "key": KEY,
        "account_id": B,
        "log_type": "CloudTrail",
        "region": one["region"],
        "outcome": "deliver",
        "reason": f"wanted by owner-{B}",
        "deliveries": [
            {
                "subscription": f"owner-{B}",
                "account_id": B,
                "scope": B,
                "bucket": "one-logs",
                "key": f"central/{KEY}",
                "region": "eu-west-1",
                "topic_arn": None,
                "format": None,
            }
        ],
        "declined": [{"subscription": "two", "scope": B, "reason": "it is paused"}],
    }


@pytest.mark.usefixtures("file")
def test_a_file_that_nobody_wants_says_why(run: Any) -> None:
    (one,) = explained(run, cloudtrail_key(C))
    assert (one["outcome"], one["reason"], one["deliveries"]) == (
        "unsubscribed",
        f"nobody subscribed to account {C}; no third party subscribed",
        [],
    )


def test_third_parties_are_asked_too_and_each_destination_is_told(run: Any, write: Write) -> None:
    write([plain_subscription(B, notify={"topic_arn": TOPIC}), AUDITOR, plain_subscription(Z, name="z", scope="all")])
    (one,) = explained(run, KEY)
    assert one["reason"] == f"wanted by owner-{B}, auditor, z"
    assert [(due["scope"], due["bucket"], due["topic_arn"], due["format"]) for due in one["deliveries"]] == [
        (B, f"owner-logs-{B}", TOPIC, "s3"),
        ("all", None, TOPIC, "cloudtrail"),
        ("all", f"owner-logs-{Z}", None, None),
    ]
    assert (one["deliveries"][1]["key"], one["deliveries"][1]["region"]) == (None, None)
    lines = run("explain", "--file", "subscriptions.yaml", KEY).stdout.splitlines()
    assert lines[3:] == [
        f"  → owner-{B}: s3://owner-logs-{B}/{KEY} (us-east-1)",
        f"  → owner-{B}: {TOPIC} (s3)",
        f"  → auditor: {TOPIC} (cloudtrail)",
        f"  → z: s3://owner-logs-{Z}/{KEY} (us-east-1)",
    ]


def test_a_file_that_only_a_third_party_gets_is_delivered(run: Any, write: Write) -> None:
    write([plain_subscription(B, paused=True), AUDITOR])
    of_c, of_d = explained(run, cloudtrail_key(C), cloudtrail_key("444444444444"))
    assert (of_c["outcome"], of_c["reason"], of_c["declined"]) == ("deliver", "wanted by auditor", [])
    assert (of_d["outcome"], of_d["reason"]) == (
        "unsubscribed",
        "nobody subscribed to account 444444444444; auditor declines: its account 444444444444 is excepted",
    )
    (of_b,) = explained(run, KEY)
    assert of_b["declined"] == [{"subscription": f"owner-{B}", "scope": B, "reason": "it is paused"}]


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("key", "outcome"),
    [
        ("some/other/file.txt", "unroutable"),
        (f"AWSLogs/{B}/Config/ConfigWritabilityCheckFile", "ignored"),
        (KEY.replace(f"/{B}_", f"/{C}_"), "refused"),
        ("", "unroutable"),
    ],
)
def test_every_other_outcome_is_explained_too_and_is_no_failure(run: Any, key: str, outcome: str) -> None:
    (one,) = explained(run, key)
    assert (one["outcome"], one["deliveries"]) == (outcome, [])
    assert one["reason"]


@pytest.mark.usefixtures("file")
def test_keys_come_from_arguments_uris_and_standard_input(run: Any) -> None:
    other = cloudtrail_key(B, 1)
    keys = explained(run, f"s3://central/{KEY}", "-", "a b+c", input=f"{other}\r\n\n s3://no\ns3://b/x y\n")
    assert [one["key"] for one in keys] == [KEY, other, " s3://no", "x y", "a b+c"]


@pytest.mark.parametrize(("text", "key"), [("s3://b/a/b", "a/b"), ("s3://b", ""), ("a/s3://b/c", "a/s3://b/c")])
def test_a_uri_is_its_key(text: str, key: str) -> None:
    assert key_of(text) == key


@pytest.mark.usefixtures("file")
def test_for_people_it_is_told_in_lines(run: Any) -> None:
    told = run("explain", "--file", "subscriptions.yaml", KEY, "\x1b[31mred\n")
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[:2] == [KEY, f"  deliver: wanted by owner-{B}"]
    assert f"  → owner-{B}: s3://one-logs/central/{KEY} (eu-west-1)" in lines
    assert "  - two declines: it is paused" in lines
    assert "\\x1b[31mred\\n" in lines


def test_without_a_file_the_table_is_asked(run: Any, client: Any) -> None:
    client.put_item(TableName=TABLE, Item=to_item(B, [subscription(B)]))
    answer = run("explain", "--json", KEY, cloudtrail_key(C))
    assert [json.loads(line)["outcome"] for line in answer.stdout.splitlines()] == ["deliver", "unsubscribed"]


def test_a_malformed_item_cannot_be_explained_and_says_so(run: Any, client: Any) -> None:
    client.put_item(TableName=TABLE, Item={"scope": {"S": B}})
    answer = run("explain", "--json", KEY, cloudtrail_key(C))
    failed, other = (json.loads(line) for line in answer.stdout.splitlines())
    assert answer.exit_code == 1
    assert (failed["outcome"], other["outcome"]) == ("failed", "unsubscribed")
    assert "apply subscriptions.yaml again" in failed["reason"]


@pytest.mark.usefixtures("file")
def test_the_layout_comes_from_options_or_the_environment(run: Any) -> None:
    mapped = explained(run, "cdn/x.gz", "--prefix-accounts", f"cdn/={B}")
    assert mapped == explained(run, "cdn/x.gz", env={"PREFIX_ACCOUNTS": f"cdn/={B}"})
    assert mapped[0]["outcome"] == "deliver"
    assert explained(run, f"trails/{KEY}", env={"KEY_PREFIXES": "trails/"})[0]["outcome"] == "deliver"
    assert explained(run, f"trails/{KEY}")[0]["outcome"] == "unroutable"


def test_a_wrong_layout_is_a_usage_error_that_names_its_option(run: Any) -> None:
    refused = run("explain", "x", "--prefix-accounts", "cdn=1")
    assert refused.exit_code == 2
    assert "--prefix-accounts" in refused.stderr


def test_no_key_at_all_shows_the_help(run: Any) -> None:
    assert run("explain").exit_code == 2


def test_a_malformed_item_does_not_hide_whom_the_other_function_serves(run: Any, client: Any) -> None:
    client.put_item(TableName=TABLE, Item={"scope": {"S": "all"}})
    client.put_item(TableName=TABLE, Item=to_item(B, [subscription(B)]))
    answer = run("explain", "--json", KEY, cloudtrail_key(C))
    of_b, of_c = (json.loads(line) for line in answer.stdout.splitlines())
    assert answer.exit_code == 1
    assert (of_b["outcome"], of_c["outcome"]) == ("deliver", "failed")
    assert of_b["reason"].startswith(f"wanted by owner-{B}; the subscriptions of third parties in the table")
    assert of_c["reason"].startswith(
        f"nobody subscribed to account {C}; the subscriptions of third parties in the table"
    )


def test_one_malformed_third_party_does_not_hide_the_others(run: Any, client: Any) -> None:
    item = to_item("all", [subscription(C, name="sound", scope="all"), subscription(C, name="bad", scope="all")])
    del item["subscriptions"]["L"][1]["M"]["external_id"]
    client.put_item(TableName=TABLE, Item=item)
    answer = run("explain", "--json", KEY)
    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["outcome"]) == (1, "deliver")
    assert told["reason"].startswith("wanted by sound; bad of third parties in the table is malformed (external_id")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.text().map(lambda rest: KEY + rest) | st.text().map(lambda first: first + KEY))
def test_any_key_is_explained(key: str) -> None:
    explanation = explain(key, LAYOUT, lambda scope: (subscription(B),) if scope == B else ())
    assert explanation.key == key
    assert explanation.outcome in {"deliver", "unsubscribed", "ignored", "unroutable", "refused"}
    assert (explanation.outcome == "deliver") == bool(explanation.to_json()["deliveries"])
    assert json.loads(json.dumps(explanation.to_json()))["key"] == key
