import json
import re
from dataclasses import replace
from typing import Any

from samples import B, C, Z, subscription

from distributary.subscription_table import to_item

TABLE = "distributary-subscriptions"


def test_an_empty_table_says_so(run: Any, client: Any) -> None:  # noqa: ARG001
    assert run("subscriptions", "list").stdout.startswith("The table is empty.")


def test_every_subscription_is_a_line_that_is_never_cut_off(run: Any, client: Any) -> None:
    long = "x" * 60
    one = subscription(B, name=long, filters={"log_types": ["CloudTrail"], "regions": ["eu-west-1"]}, paused=True)
    client.put_item(TableName=TABLE, Item=to_item(B, [one]) | {"updated_at": {"S": "2026-11-21T00:00:00Z"}})
    header, line = run("subscriptions", "list", env={"COLUMNS": "40"}).stdout.splitlines()
    assert header.split() == ["Account", "Name", "Files", "Copied", "to", "Region", "Notified", "State", "Updated"]
    for part in (
        B,
        long,
        f"s3://owner-logs-{B}/",
        "its own: CloudTrail in eu-west-1",
        "paused",
        "2026-11-21T00:00:00Z",
    ):
        assert part in line


def test_a_third_party_s_line_tells_whose_files_it_receives_and_its_topic(run: Any, client: Any) -> None:
    notify = {"topic_arn": f"arn:aws:sns:eu-west-1:{Z}:log-files", "format": "cloudtrail"}
    filters = {"log_types": ["CloudTrail", "Config"], "regions": ["eu-west-1"], "except_account_ids": [B, C]}
    one = replace(subscription(Z, name="auditor", scope="all", notify=notify, filters=filters), copy_to=None)
    client.put_item(TableName=TABLE, Item=to_item("all", [one, subscription(Z, name="everything", scope="all")]))
    _, *lines = run("subscriptions", "list").stdout.splitlines()
    assert [re.split(r" {2,}", line.strip()) for line in lines] == [
        [
            Z,
            "auditor",
            f"all: CloudTrail, Config in eu-west-1 not of {B}, {C}",
            f"{notify['topic_arn']} (cloudtrail)",
            "active",
        ],
        [Z, "everything", "all", f"s3://owner-logs-{Z}/", "us-east-1", "active"],
    ]


def test_a_malformed_item_is_shown_as_such_and_fails(run: Any, client: Any) -> None:
    client.put_item(TableName=TABLE, Item={"scope": {"S": B}, "subscriptions": {"S": "\x1b[2Jtext"}})
    client.put_item(TableName=TABLE, Item=to_item(C, [subscription(C)]))
    listed = run("subscriptions", "list")
    assert listed.exit_code == 1
    assert "malformed" in listed.stdout
    assert f"owner-{C}" in listed.stdout
    assert "apply subscriptions.yaml again" in listed.stderr
    assert "\x1b" not in listed.output


def test_json_holds_every_field_but_the_external_id(run: Any, client: Any) -> None:
    stamp = {"updated_at": {"S": "2026-11-21T00:00:00Z"}, "updated_by": {"S": "arn:aws:iam::111111111111:user/jo"}}
    client.put_item(TableName=TABLE, Item=to_item(B, [subscription(B)]) | stamp)
    client.put_item(TableName=TABLE, Item={"scope": {"S": C}})
    listed = run("subscriptions", "list", "--json")
    assert listed.exit_code == 1
    held = json.loads(listed.stdout)
    assert held["subscriptions"] == [
        {
            "name": f"owner-{B}",
            "account_id": B,
            "delivery_role_arn": f"arn:aws:iam::{B}:role/distributary-delivery",
            "external_id": "(hidden)",
            "copy_to": {"bucket": f"owner-logs-{B}", "region": "us-east-1"},
            "paused": False,
            "updated_at": "2026-11-21T00:00:00Z",
            "updated_by": "arn:aws:iam::111111111111:user/jo",
        }
    ]
    assert [one["scope"] for one in held["malformed"]] == [C]
