import json
from collections.abc import Callable
from typing import Any

import pytest
from samples import B, C, Z, plain_subscription, subscription

from distributary.subscription_table import to_item
from distributary_cli import output

TABLE = "distributary-subscriptions"
TOPIC = f"arn:aws:sns:eu-west-1:{Z}:log-files"
Write = Callable[[list[dict[str, Any]]], Any]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a terminal; what the test passes as `input` is typed into it."""
    monkeypatch.setattr(output, "on_a_terminal", lambda: True)


def items(client: Any) -> list[str]:
    return sorted(item["scope"]["S"] for item in client.scan(TableName=TABLE)["Items"])


def test_plan_shows_and_writes_nothing(run: Any, client: Any, write: Write) -> None:
    write([plain_subscription(B)])
    planned = run("subscriptions", "plan")
    assert planned.exit_code == 0
    assert planned.stdout.splitlines() == [
        f"+ add owner-{B} (account {B})",
        f"    delivery_role_arn: arn:aws:iam::{B}:role/distributary-delivery",
        "    external_id: (hidden)",
        f"    copy_to.bucket: owner-logs-{B}",
        "    copy_to.region: us-east-1",
        "Plan: 1 to add, 0 to change, 0 to remove, 0 unchanged.",
    ]
    assert items(client) == []


def test_a_third_party_is_announced_as_one(run: Any, client: Any, write: Write) -> None:  # noqa: ARG001
    third_party = plain_subscription(Z, name="auditor", scope="all", notify={"topic_arn": TOPIC})
    del third_party["copy_to"]
    write([third_party])
    assert run("subscriptions", "plan").stdout.splitlines() == [
        f"+ add auditor (account {Z}, every account's files)",
        f"    delivery_role_arn: arn:aws:iam::{Z}:role/distributary-delivery",
        "    external_id: (hidden)",
        f"    notify.topic_arn: {TOPIC}",
        "    notify.format: s3",
        "Plan: 1 to add, 0 to change, 0 to remove, 0 unchanged.",
    ]
    (change,) = json.loads(run("subscriptions", "plan", "--json").stdout)["changes"]
    assert (change["scope"], change["account_id"]) == ("all", Z)


def test_plan_s_detailed_exit_code_tells_whether_there_are_changes(run: Any, client: Any, write: Write) -> None:
    write([plain_subscription(B)])
    assert run("subscriptions", "plan", "--detailed-exitcode").exit_code == 2
    assert run("subscriptions", "apply", "--yes").exit_code == 0
    assert run("subscriptions", "plan", "--detailed-exitcode").exit_code == 0
    assert run("subscriptions", "plan", "--detailed-exitcode", "--file", "none.yaml").exit_code == 1
    assert items(client) == [B]


def test_changes_and_removals_are_shown_field_by_field(run: Any, client: Any, write: Write) -> None:
    for account_id in (B, C):
        client.put_item(TableName=TABLE, Item=to_item(account_id, [subscription(account_id)]))
    write([plain_subscription(B, paused=True, external_id="another")])
    shown = run("subscriptions", "plan").stdout.splitlines()
    assert shown == [
        f"~ change owner-{B} (account {B})",
        "    external_id: changed, not shown",
        "    paused: (none) → true",
        f"- remove owner-{C} (account {C})",
        "Plan: 0 to add, 1 to change, 1 to remove, 0 unchanged.",
    ]


def test_plan_as_json_is_only_json(run: Any, client: Any, write: Write) -> None:  # noqa: ARG001
    write([plain_subscription(B)])
    planned = json.loads(run("subscriptions", "plan", "--json").stdout)
    assert planned["table"] == TABLE
    assert planned["changes"][0]["action"] == "add"
    assert planned["scopes"] == {"write": [B], "delete": []}
    assert f"external-id-of-{B}" not in str(planned)


def test_apply_twice_in_a_row_has_nothing_to_do_the_second_time(run: Any, client: Any, write: Write) -> None:
    write([plain_subscription(B), plain_subscription(C)])
    first = run("subscriptions", "apply", "--yes")
    assert first.stdout.splitlines()[-1] == f"Applied: 2 items written, 0 deleted in table {TABLE}."
    before = client.scan(TableName=TABLE)["Items"]
    second = run("subscriptions", "apply", "--yes")
    assert (second.exit_code, second.stdout) == (
        0,
        "Nothing to do: the table holds what the file says (2 unchanged).\n",
    )
    assert client.scan(TableName=TABLE)["Items"] == before


def test_apply_removes_what_the_file_no_longer_names(run: Any, client: Any, write: Write) -> None:
    write([plain_subscription(B), plain_subscription(C)])
    run("subscriptions", "apply", "--yes")
    write([plain_subscription(C)])
    run("subscriptions", "apply", "--yes")
    assert items(client) == [C]


def test_a_dry_run_writes_nothing_and_needs_no_terminal(run: Any, client: Any, write: Write) -> None:
    write([plain_subscription(B)])
    assert run("subscriptions", "apply", "--dry-run").exit_code == 0
    assert items(client) == []


def test_without_a_terminal_yes_is_required_and_said_to_be(run: Any, client: Any, write: Write) -> None:
    write([plain_subscription(B)])
    refused = run("subscriptions", "apply")
    assert refused.exit_code == 2
    assert "add --yes" in " ".join(refused.stderr.split())
    assert items(client) == []


@pytest.mark.parametrize(("typed", "code", "written"), [("y\n", 0, [B]), ("yes\n", 0, [B]), ("\n", 1, []), ("", 1, [])])
@pytest.mark.usefixtures("answer")
def test_on_a_terminal_apply_asks(
    run: Any, client: Any, write: Write, typed: str, code: int, written: list[str]
) -> None:
    write([plain_subscription(B)])
    asked = run("subscriptions", "apply", input=typed)
    assert asked.exit_code == code
    assert f"Apply to table {TABLE} in us-east-1 as arn:aws:sts::" in asked.stderr
    assert items(client) == written


@pytest.mark.usefixtures("answer")
def test_an_interrupted_question_writes_nothing_and_exits_with_130(
    run: Any, client: Any, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(output, "confirm", interrupt)
    write([plain_subscription(B)])
    assert run("subscriptions", "apply").exit_code == 130
    assert items(client) == []


def test_a_wrong_file_is_refused_before_anything_is_read_in_aws(run: Any, write: Write) -> None:
    # No table, no moto: a request would fail otherwise than this.
    write([plain_subscription(B, name="X"), plain_subscription(C) | {"account_id": 12}])
    for command in ("plan", "apply"):
        refused = run("subscriptions", command, *(["--yes"] if command == "apply" else []))
        assert refused.exit_code == 1
        assert refused.stdout == ""
        *problems, last = refused.stderr.splitlines()
        assert [problem.split(": ")[1] for problem in problems] == [
            "subscriptions[0].name",
            "subscriptions[1].account_id",
        ]
        assert last == "Error: subscriptions.yaml has 2 problems; nothing was read or written in AWS"


class Meanwhile:
    """Changes the table between the plan and the first write: when the caller's identity is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, change: Callable[[], Any]) -> None:
        from distributary_cli import tables

        def caller_arn(_: Any) -> str:
            change()
            return "arn:aws:iam::111111111111:user/jo"

        monkeypatch.setattr(tables, "caller_arn", caller_arn)


def test_somebody_else_s_apply_in_between_is_told_with_what_was_written(
    run: Any, client: Any, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = to_item(C, [subscription(C, paused=True)])
    Meanwhile(monkeypatch, lambda: client.put_item(TableName=TABLE, Item=other))
    write([plain_subscription(account_id) for account_id in (B, C, "444444444444")])
    stopped = run("subscriptions", "apply", "--yes")
    assert stopped.exit_code == 1
    assert stopped.stderr.splitlines() == [
        f"Written: {B}",
        f"Not written: {C}, 444444444444",
        f"Error: somebody else has changed the subscriptions of {C} since this plan was made. "
        "Run the command again: it plans anew and does what is left",
    ]
    assert items(client) == [B, C]


def test_third_parties_that_were_not_written_are_not_called_all(
    run: Any, client: Any, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = to_item("all", [subscription(Z, scope="all", paused=True)])
    Meanwhile(monkeypatch, lambda: client.put_item(TableName=TABLE, Item=other))
    write([plain_subscription(B), plain_subscription(Z, scope="all")])
    assert run("subscriptions", "apply", "--yes").stderr.splitlines() == [
        f"Written: {B}",
        "Not written: third parties",
        "Error: somebody else has changed the subscriptions of third parties since this plan was made. "
        "Run the command again: it plans anew and does what is left",
    ]


def test_json_tells_what_was_done_also_when_it_was_not_all(
    run: Any, client: Any, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write([plain_subscription(B), plain_subscription(C)])
    assert json.loads(run("subscriptions", "apply", "--dry-run", "--json").stdout)["done"] == []
    Meanwhile(monkeypatch, lambda: client.put_item(TableName=TABLE, Item=to_item(C, [subscription(C, paused=True)])))
    stopped = run("subscriptions", "apply", "--yes", "--json")
    assert (stopped.exit_code, json.loads(stopped.stdout)["done"]) == (1, [B])


def test_an_interruption_while_writing_tells_what_was_written(
    run: Any, client: Any, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributary_cli import tables

    def write_one(*_: Any) -> Any:
        yield B
        raise KeyboardInterrupt

    monkeypatch.setattr(tables, "write_plan", write_one)
    write([plain_subscription(account_id) for account_id in (B, C, "444444444444")])
    stopped = run("subscriptions", "apply", "--yes")
    assert stopped.exit_code == 130
    assert stopped.stderr.splitlines()[:3] == [f"Written: {B}", f"Perhaps written: {C}", "Not written: 444444444444"]
    assert items(client) == []


def test_a_malformed_item_is_announced_and_replaced(run: Any, client: Any, write: Write) -> None:
    client.put_item(TableName=TABLE, Item={"scope": {"S": B}})
    write([plain_subscription(B)])
    assert "malformed" in run("subscriptions", "plan").stdout
    run("subscriptions", "apply", "--yes")
    assert run("subscriptions", "plan").stdout.startswith("Nothing to do")


def test_a_likely_mistyping_is_a_warning_and_no_more(run: Any, client: Any, write: Write) -> None:  # noqa: ARG001
    write([plain_subscription(B, filters={"log_types": ["Cloudtrail"]})])
    planned = run("subscriptions", "plan", "--json")
    assert planned.exit_code == 0
    assert planned.stderr == f"Warning: owner-{B} filters for log type Cloudtrail; did you mean CloudTrail?\n"
    assert json.loads(planned.stdout)["scopes"]["write"] == [B]
