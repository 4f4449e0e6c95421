"""What plan and apply do about what AWS tells of buckets and topics."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from samples import B, C

from distributary.subscription_table import to_item
from distributary_cli.subscription_files import read_subscriptions

TABLE = "distributary-subscriptions"
WRONG = """\
version: 1
subscriptions:
  - name: payments
    account_id: "222222222222"
    delivery_role_arn: arn:aws:iam::222222222222:role/distributary-delivery
    external_id: external-id
    copy_to:
      bucket: payments-logs
      region: eu-west-1
    notify:
      topic_arn: arn:aws:sns:eu-west-1:123456789012:log-files
  - name: research
    account_id: "333333333333"
    delivery_role_arn: arn:aws:iam::333333333333:role/distributary-delivery
    external_id: external-id
    copy_to: {bucket: owner-logs-333333333333, region: eu-west-1}
"""
TOLD = [
    "subscriptions.yaml:8:15: subscriptions[0].copy_to.bucket: there is no such bucket as payments-logs",
    "subscriptions.yaml:11:18: subscriptions[0].notify.topic_arn: there is no such topic in Account A",
    "subscriptions.yaml:16:56: subscriptions[1].copy_to.region: the bucket is in us-east-1, not in eu-west-1",
    "Error: subscriptions.yaml has 3 problems in AWS; nothing was written",
]


@pytest.fixture
def wrong(client: Any, tmp_path: Path) -> Any:
    """A table, and a file that is right by itself and not in AWS."""
    (tmp_path / "subscriptions.yaml").write_text(WRONG)
    return client


def is_empty(client: Any) -> bool:
    return not client.scan(TableName=TABLE)["Items"]


@pytest.mark.parametrize(
    "command", [("plan",), ("plan", "--detailed-exitcode"), ("apply", "--yes"), ("apply", "--dry-run")]
)
def test_problems_are_told_in_the_file_s_order_and_nothing_is_written(
    run: Any, wrong: Any, command: tuple[str, ...]
) -> None:
    told = run("subscriptions", *command)
    assert told.exit_code == 1
    assert told.stdout.splitlines()[-1] == "Plan: 2 to add, 0 to change, 0 to remove, 0 unchanged."
    assert told.stderr.splitlines() == TOLD
    assert is_empty(wrong)


@pytest.mark.parametrize("command", [("plan", "--json"), ("apply", "--yes", "--json")])
def test_problems_are_in_the_json(run: Any, wrong: Any, command: tuple[str, ...]) -> None:
    told = run("subscriptions", *command)
    assert told.exit_code == 1
    problems = json.loads(told.stdout)["problems"]
    assert problems[0] == {
        "subscription": "payments",
        "line": 8,
        "column": 15,
        "field": "subscriptions[0].copy_to.bucket",
        "reason": "there is no such bucket as payments-logs",
    }
    assert [problem["subscription"] for problem in problems] == ["payments", "payments", "research"]
    assert is_empty(wrong)


@pytest.mark.usefixtures("wrong")
def test_offline_nothing_is_looked_at(run: Any) -> None:
    planned = run("subscriptions", "plan", "--offline", "--json")
    assert (planned.exit_code, planned.stderr, json.loads(planned.stdout)["problems"]) == (0, "", [])
    assert run("subscriptions", "apply", "--offline", "--yes").exit_code == 0
    assert run("subscriptions", "plan").stdout.startswith("Nothing to do")


def test_what_the_table_holds_already_is_not_looked_at_and_pausing_it_is_always_possible(
    run: Any, wrong: Any, tmp_path: Path
) -> None:
    path = tmp_path / "subscriptions.yaml"
    stored = read_subscriptions(path).subscriptions
    for subscription in stored:
        wrong.put_item(TableName=TABLE, Item=to_item(subscription.scope, [subscription]))
    assert run("subscriptions", "plan").exit_code == 0
    path.write_text(WRONG + "    paused: true\n")
    assert run("subscriptions", "apply", "--yes").exit_code == 0
    path.write_text(WRONG + "    filters: {log_types: [CloudTrail]}\n")
    changed = run("subscriptions", "plan")
    assert (changed.exit_code, changed.stderr.splitlines()[0]) == (1, TOLD[2])


@pytest.mark.usefixtures("wrong")
def test_what_could_not_be_looked_at_is_a_warning_and_is_written(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributary_cli import checks
    from distributary_cli.findings import Finding

    def denied(*_: Any) -> Any:
        return (Finding("research", "copy_to.bucket", "it was not checked", is_problem=False),)

    monkeypatch.setattr(checks, "check", denied)
    applied = run("subscriptions", "apply", "--yes", "--json")
    assert applied.exit_code == 0
    warning = "Warning: subscriptions.yaml:16:23: subscriptions[1].copy_to.bucket: it was not checked"
    assert applied.stderr.splitlines()[-1] == warning
    assert (json.loads(applied.stdout)["problems"], json.loads(applied.stdout)["done"]) == ([], [B, C])


def test_a_file_that_is_right_in_aws_too_has_no_problems(run: Any, wrong: Any, tmp_path: Path) -> None:
    in_ireland: Any = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket="payments-logs", CreateBucketConfiguration=in_ireland)
    sns = boto3.client("sns", region_name="eu-west-1")
    topic_arn = sns.create_topic(Name="log-files")["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sns:Publish", "Resource": topic_arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic_arn, AttributeName="Policy", AttributeValue=policy)
    right = WRONG.replace("333333333333, region: eu-west-1", "333333333333, region: us-east-1")
    (tmp_path / "subscriptions.yaml").write_text(right)
    assert run("subscriptions", "apply", "--yes").exit_code == 0
    assert not is_empty(wrong)
