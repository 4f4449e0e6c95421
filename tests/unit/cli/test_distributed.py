"""`backfill --distributed` against a function and a Step Functions that answer as told; S3 is moto's."""

import json
from typing import Any

import boto3
import pytest
from samples import B, C, subscription
from unit.cli.test_reconcile import Client

from distributary_cli import distributed, reconciling
from distributary_cli.distributed import Backfills
from distributary_cli.reconciling import ReconcileFunction

ARN = "arn:aws:states:us-east-1:111111111111:execution:distributary-backfill:one"
MAP_RUN = "arn:aws:states:us-east-1:111111111111:mapRun:distributary-backfill/shards:run"
BUCKET = "backfills"
DAYS = ("--since", "2026-11-20", "--until", "2026-11-22", "--distributed")


class States:
    """Step Functions with one execution; each question is answered with the next status."""

    def __init__(self) -> None:
        self.statuses = ["RUNNING", "SUCCEEDED"]
        self.started: list[dict[str, Any]] = []
        self.redriven: list[str] = []
        self.interrupted = False

    def start_execution(self, **asked: Any) -> dict[str, str]:
        self.started.append(asked)
        return {"executionArn": ARN}

    def redrive_execution(self, executionArn: str) -> None:  # noqa: N803 - AWS's spelling
        self.redriven.append(executionArn)

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        assert executionArn == ARN
        if self.interrupted:
            raise KeyboardInterrupt
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"status": status, "name": "one"}

    def list_map_runs(self, **_: str) -> dict[str, Any]:
        return {"mapRuns": [{"mapRunArn": MAP_RUN}]}

    def describe_map_run(self, **_: str) -> dict[str, Any]:
        return {"itemCounts": {"succeeded": 3, "failed": 1, "total": 9}}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch, aws: None) -> Client:  # noqa: ARG001 - S3 is there
    """B's subscription, with a topic, and C's; the function plans two answers' worth of shards for each."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    client = Client()
    client.answers = lambda event: {
        "shards": [{"prefix": f"AWSLogs/{event['subscription']['scope']}/CloudTrail/us-east-1/2026/11/{day}/"}]
        if (day := "21" if "after" in event else "20")
        else [],
        "continue_after": None if "after" in event else "x",
    }
    notified = subscription(B, notify={"topic_arn": f"arn:aws:sns:us-east-1:{B}:log-files"})
    plans = ReconcileFunction(client, "distributary-reconcile", (notified, subscription(C)))  # type: ignore[arg-type]
    monkeypatch.setattr(reconciling, "open_function", lambda *_: plans)
    monkeypatch.setattr(distributed, "POLL_SECONDS", 0)
    return client


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch, function: Client) -> States:  # noqa: ARG001 - the bucket is there
    made = States()
    backfills = Backfills(made, boto3.client("s3"), "machine", BUCKET)
    monkeypatch.setattr(distributed, "open_backfills", lambda *_: backfills)
    return made


def write(key: str, content: Any) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"results/one/run/{key}", Body=json.dumps(content).encode())


def results(*succeeded: dict[str, int], failed: tuple[str, ...] = ()) -> None:
    """What ResultWriter has written."""
    counts = dict.fromkeys(("present", "missing", "different", "extra", "repaired"), 0)
    write("S.json", [{"Status": "SUCCEEDED", "Output": json.dumps({"counts": counts | one})} for one in succeeded])
    write("F.json", [{"Status": "FAILED", "Error": "E", "Cause": cause} for cause in failed])
    files = {"SUCCEEDED": [{"Key": "results/one/run/S.json"}], "FAILED": [{"Key": "results/one/run/F.json"}]}
    write("manifest.json", {"ResultFiles": files | {"PENDING": []}})


def test_its_shards_are_stored_the_newest_first_and_it_is_started(run: Any, states: States) -> None:
    begun = run("backfill", *DAYS, "--rate", "50", "--concurrency", "5", "--json")
    assert begun.exit_code == 0
    assert json.loads(begun.stdout) == {"shards": 4, "subscriptions": 2, "invocations": 1, "execution_arn": ARN}
    [started] = states.started
    given = json.loads(started["input"])
    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key=given["shards"])["Body"].read().decode()
    shards = [json.loads(line) for line in stored.splitlines()]
    assert [(one["subscription"]["scope"], one["prefix"][-3:]) for one in shards] == [
        (B, "21/"),
        (C, "21/"),
        (B, "20/"),
        (C, "20/"),
    ]
    assert (given["since"][:10], given["until"][:10]) == ("2026-11-20", "2026-11-22")
    assert (given["rate"], given["concurrency"], given["tolerated_failure_percentage"]) == (10, 5, 100)


def test_a_shard_says_whether_all_of_it_is_to_be_announced(run: Any, states: States) -> None:
    begun = run("backfill", *DAYS, "--announce")
    assert begun.stdout.startswith("2 shards of 1 subscriptions")
    given = json.loads(states.started[0]["input"])
    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key=given["shards"])["Body"].read().decode()
    shards = [json.loads(line) for line in stored.splitlines()]
    assert [(one["announce"], one["prefix"][-3:]) for one in shards] == [(True, "21/"), (True, "20/")]
    assert run("backfill", *DAYS, "--announce", "--dry-run").stdout.startswith(
        "2 shards of 1 subscriptions, in 1 batches: at least 2 requests"
    )


def test_a_dry_run_plans_and_starts_nothing(run: Any, states: States, function: Client) -> None:
    dry = run("backfill", *DAYS, "--dry-run")
    assert dry.exit_code == 0
    assert dry.stdout.startswith("4 shards of 2 subscriptions, in 1 batches: at least 8 requests")
    assert states.started == []
    assert all(one["only_plan"] for one in function.asked)


def test_a_followed_one_adds_up_its_results(run: Any, states: States) -> None:
    results({"repaired": 3}, {"repaired": 4, "present": 1})
    done = run("backfill", *DAYS, "--wait", "--json")
    assert done.exit_code == 0
    outcome = json.loads(done.stdout)
    assert (outcome["status"], outcome["counts"]["repaired"], outcome["failures"]) == ("SUCCEEDED", 7, [])
    assert len(states.started) == 1


def test_what_was_tolerated_is_shown_and_is_no_success(run: Any, states: States) -> None:
    told = json.dumps({"errorType": "ShardsFailedError", "errorMessage": "AssumeRoleError: no"})
    results({"repaired": 3}, failed=(told, "not JSON"))
    done = run("backfill", *DAYS, "--wait")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "SUCCEEDED: at least 3 files queued.",
        "failed: ShardsFailedError: AssumeRoleError: no",
        "failed: E: not JSON",
    ]
    assert "run the command again" in done.stderr
    assert len(states.started) == 1


def test_one_that_failed_is_redriven_and_followed(run: Any, states: States) -> None:
    states.statuses = ["FAILED"]
    failed = run("backfill", "--redrive", ARN)
    assert failed.exit_code == 1
    assert f"distributary backfill --redrive {ARN}" in failed.stderr  # it wrote no results
    states.statuses = ["RUNNING", "SUCCEEDED"]
    results({"repaired": 1})
    assert run("backfill", "--redrive", ARN).exit_code == 0
    assert states.redriven == [ARN, ARN]


def test_ctrl_c_leaves_it_running_and_says_so(run: Any, states: States) -> None:
    states.interrupted = True
    interrupted = run("backfill", *DAYS, "--wait")
    assert interrupted.exit_code == 130
    assert f"The backfill goes on without this command: {ARN}" in interrupted.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--distributed",),
        ("--since", "2d", "--wait"),
        (*DAYS, "--concurrency", "0"),
        (*DAYS, "--tolerate", "101"),
        (*DAYS, "--account", "B"),
    ],
    ids=" ".join,
)
def test_wrong_arguments_start_nothing(run: Any, states: States, arguments: tuple[str, ...]) -> None:
    refused = run("backfill", *arguments)
    assert refused.exit_code == 2
    assert states.started == []


def test_a_terminal_sees_how_far_it_is(run: Any, states: States) -> None:
    results({"repaired": 1})
    done = run("backfill", *DAYS, "--wait", env={"FORCE_COLOR": "1"})
    assert done.exit_code == 0
    assert "Comparing shards" in done.stderr
    assert done.stdout == "SUCCEEDED: 1 files queued.\n"
    assert len(states.started) == 1
