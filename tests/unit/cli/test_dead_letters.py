import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from samples import CENTRAL_BUCKET, B, C, cloudtrail_key, created

from distributary.keys import KeyLayout
from distributary_cli import stacks

OUTPUTS = {
    "OwnerQueueUrl": "OwnerQueue",
    "OwnerDeadLetterQueueUrl": "OwnerDeadLetterQueue",
    "ThirdPartyQueueUrl": "ThirdPartyQueue",
    "ThirdPartyDeadLetterQueueUrl": "ThirdPartyDeadLetterQueue",
}


@pytest.fixture
def queues(aws: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:  # noqa: ARG001 - it stands up what this needs
    """The queues' URLs by the names of a stack's outputs; the stack itself is left out: test_stacks reads one."""
    client = boto3.client("sqs")
    urls = {output: client.create_queue(QueueName=name)["QueueUrl"] for output, name in OUTPUTS.items()}
    monkeypatch.setattr(stacks, "read_stack", lambda *_: stacks.Stack(urls, KeyLayout(("", "trails/"))))
    return urls


@pytest.fixture
def bury(queues: dict[str, str]) -> Callable[..., None]:
    def bury(body: Any, fault: str = "", reason: str = "", queue: str = "OwnerDeadLetterQueueUrl") -> None:
        told = {"fault": fault, "reason": reason}
        boto3.client("sqs").send_message(
            QueueUrl=queues[queue],
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text} for name, text in told.items() if text
            },
        )

    return bury


@pytest.fixture
def dead(bury: Callable[..., None]) -> None:
    """Three letters of B, broken; one of C, throttled, behind a prefix; one that nobody can read."""
    for number in range(3):
        key = cloudtrail_key(B, number)
        bury(created(key), "receiver_broken", f"owner-b: AccessDenied for {key}")
    bury(created(f"trails/{cloudtrail_key(C)}"), "throttled", "owner-c: SlowDown")
    bury("{not json")


def count(url: str) -> int:
    answer = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_an_empty_queue_says_so(run: Any, queues: dict[str, str]) -> None:  # noqa: ARG001
    assert run("dead-letters", "list").stdout == "No dead letters.\n"


def test_they_are_grouped_by_account_fault_and_reason(run: Any, queues: dict[str, str], dead: None) -> None:  # noqa: ARG001
    groups = json.loads(run("dead-letters", "list", "--json").stdout)["groups"]
    assert [(one["account_ids"], one["fault"], one["count"]) for one in groups] == [
        ([B], "receiver_broken", 3),
        ([], "unreadable", 1),
        ([C], "throttled", 1),
    ]
    assert groups[0]["reason"] == "owner-b: AccessDenied for …"
    assert sorted(groups[0]["keys"]) == [cloudtrail_key(B, number) for number in range(3)]
    shown = run("dead-letters", "list").stdout
    assert "owner-c: SlowDown" in shown
    assert "not JSON" in shown


def test_looking_takes_nothing_out_and_holds_nothing_back(run: Any, queues: dict[str, str], dead: None) -> None:  # noqa: ARG001
    for _ in range(2):
        assert len(json.loads(run("dead-letters", "list", "--json").stdout)["groups"]) == 3
    assert count(queues["OwnerDeadLetterQueueUrl"]) == 5


def test_one_accounts_letters_are_sent_back_and_the_others_stay(run: Any, queues: dict[str, str], dead: None) -> None:  # noqa: ARG001
    done = run("dead-letters", "redrive", "--account", B, "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)["done"], json.loads(done.stdout)["kept"]) == (0, 3, 2)
    assert (count(queues["OwnerQueueUrl"]), count(queues["OwnerDeadLetterQueueUrl"])) == (3, 2)
    [message, *_] = boto3.client("sqs").receive_message(QueueUrl=queues["OwnerQueueUrl"])["Messages"]
    assert json.loads(message["Body"])["detail"]["bucket"]["name"] == CENTRAL_BUCKET


def test_a_fault_may_be_chosen_and_dropped(run: Any, queues: dict[str, str], dead: None) -> None:  # noqa: ARG001
    done = run("dead-letters", "drop", "--fault", "unreadable", "--yes")
    assert done.stdout == "drop: 1 dead letters, 4 left alone.\n"
    assert (count(queues["OwnerQueueUrl"]), count(queues["OwnerDeadLetterQueueUrl"])) == (0, 4)


@pytest.mark.parametrize("command", ["redrive", "drop"])
def test_a_dry_run_changes_nothing(run: Any, queues: dict[str, str], dead: None, command: str) -> None:  # noqa: ARG001
    assert run("dead-letters", command, "--dry-run").stdout == f"would {command} 5 dead letters, 0 left alone.\n"
    assert (count(queues["OwnerQueueUrl"]), count(queues["OwnerDeadLetterQueueUrl"])) == (0, 5)


@pytest.mark.parametrize("command", ["redrive", "drop"])
def test_without_a_terminal_it_wants_to_be_told(run: Any, queues: dict[str, str], dead: None, command: str) -> None:  # noqa: ARG001
    refused = run("dead-letters", command)
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert count(queues["OwnerDeadLetterQueueUrl"]) == 5


def test_a_no_changes_nothing(run: Any, queues: dict[str, str], dead: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr("distributary_cli.output.on_a_terminal", lambda: True)
    assert run("dead-letters", "drop", input="n\n").exit_code == 1
    assert count(queues["OwnerDeadLetterQueueUrl"]) == 5


def test_third_parties_have_queues_of_their_own(run: Any, queues: dict[str, str], bury: Callable[..., None]) -> None:
    bury(created(cloudtrail_key(B)), "transient", "auditor: lost", queue="ThirdPartyDeadLetterQueueUrl")
    assert run("dead-letters", "list").stdout == "No dead letters.\n"
    run("dead-letters", "redrive", "--of", "third-parties", "--yes")
    assert (count(queues["ThirdPartyQueueUrl"]), count(queues["ThirdPartyDeadLetterQueueUrl"])) == (1, 0)


def test_an_interruption_holds_nothing_back(
    run: Any,
    queues: dict[str, str],
    dead: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("distributary_cli.dead_letters.group", interrupt)
    assert run("dead-letters", "list").exit_code == 130
    assert count(queues["OwnerDeadLetterQueueUrl"]) == 5
