"""`sam local invoke`: the functions in Lambda's own image, with the layer as it is built, on the local AWS."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sam_local.conftest import Event, Invoke

from distributary_local import invocation
from distributary_local.deliveries import read_bucket
from distributary_local.deployment import THIRD_PARTY_ACCOUNT_ID, Deployment
from distributary_local.emulator import LOOPBACK, free_port
from distributary_local.engine import reachable
from distributary_local.invocation import EVENTS, complaint, expected_outcomes
from distributary_local.sam_functions import write_template, write_variables
from distributary_local.sam_local import InvocationError, sam_local_invoke

B = "222222222222"
ENVELOPES = (
    "s3",
    "s3-sqs",
    "s3-sns-sqs",
    "s3-sns-sqs-raw",
    "s3-sns",
    "eventbridge",
    "eventbridge-sqs",
    "cloudtrail-sns",
    "cloudtrail-sns-sqs",
    "cloudtrail-sns-sqs-raw",
)


@pytest.mark.parametrize("function", ["DeliverToOwner", "FanOut"])
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_each_function_takes_each_envelope(
    envelope: str, function: str, invoke: Invoke, staged: Callable[[str], Event], deployment: Deployment
) -> None:
    event = staged(f"{envelope}.json")
    invoked = invoke(function, event)
    expected = expected_outcomes(EVENTS / f"{envelope}.json", function, is_lonely=False)
    assert complaint(event, invoked, expected) is None
    assert invoked.told
    for line in invoked.told:
        account_id = THIRD_PARTY_ACCOUNT_ID if function == "FanOut" else line["account_id"]
        bucket = {**deployment.buckets, THIRD_PARTY_ACCOUNT_ID: deployment.third_party_bucket}[account_id]
        assert line["key"] in read_bucket(deployment, account_id, bucket)


def test_a_file_is_really_copied_once(invoke: Invoke, staged: Callable[[str], Event], deployment: Deployment) -> None:
    [[expected]] = json.loads((EVENTS / "expected.json").read_text())["key-percent-eventbridge-sqs.json"]
    key = expected["key"]
    event = staged("key-percent-eventbridge-sqs.json")
    assert key not in read_bucket(deployment, B, deployment.buckets[B])
    outcomes = [[line["outcome"] for line in invoke("DeliverToOwner", event).told] for _ in range(2)]
    assert outcomes == [["delivered"], ["already_delivered"]]
    central = read_bucket(deployment, "111111111111", deployment.outputs["CentralBucketName"])
    assert read_bucket(deployment, B, deployment.buckets[B])[key] == central[key]


def test_a_message_nobody_can_read_is_buried_and_its_neighbours_are_delivered(
    invoke: Invoke, staged: Callable[[str], Event], deployment: Deployment
) -> None:
    invoked = invoke("DeliverToOwner", staged("mixed-batch-sqs.json"))
    assert invoked.outcomes == {"delivered": 3, "failed": 2}
    assert invoked.response == {"batchItemFailures": []}
    queue = deployment.outputs["OwnerDeadLetterQueueUrl"]
    sqs = deployment.emulator.client("sqs", "111111111111")
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["fault"])
    assert {one["MessageAttributes"]["fault"]["StringValue"] for one in received["Messages"]} == {"unreadable"}


def test_reconcile_compares_a_subscription(invoke: Invoke, staged: Callable[[str], Event]) -> None:
    staged("layout-organization-eventbridge-sqs.json")  # nobody is told of these files
    event = json.loads((EVENTS / "reconcile" / "one-owner.json").read_text())
    report = invoke("Reconcile", event).response
    assert report["subscription"] == "owner-222222222222"
    assert any("_OrgTrailExample1.json.gz" in key for key in report["missing_keys"])


def test_a_function_that_hangs_ends_at_its_timeout_and_that_is_an_error(
    engine: str, deployment: Deployment, variables: Mapping[str, Mapping[str, str]], tmp_path: Path
) -> None:
    template = write_template(deployment.emulator.directory / "build", timeout=3, name="impatient.yaml")
    with socket.create_server((LOOPBACK, 0)) as silent, reachable(LOOPBACK, silent.getsockname()[1], engine) as url:
        deaf = {name: {**own, "AWS_ENDPOINT_URL": url} for name, own in variables.items()}
        file = write_variables(tmp_path / "functions.json", deaf)
        with pytest.raises(InvocationError, match="timed out after 3 seconds"):
            # What delivers hands its messages back before its time is over; what compares waits for the table.
            sam_local_invoke("Reconcile", EVENTS / "reconcile" / "one-owner.json", template, file)


def test_without_a_local_aws_what_takes_a_subscription_returns(template: Path, tmp_path: Path) -> None:
    file = write_variables(tmp_path / "functions.json", invocation.lonely_variables())
    for name in ("mixed-batch-sqs.json", "s3.json"):
        invoked = sam_local_invoke("DeliverToOwner", EVENTS / name, template, file)
        expected = expected_outcomes(EVENTS / name, "DeliverToOwner", is_lonely=True)
        event: dict[str, Any] = json.loads((EVENTS / name).read_text())
        assert complaint(event, invoked, expected) is None
        failed = [one["itemIdentifier"] for one in invoked.response.get("batchItemFailures", [])]
        assert len(failed) == (5 if name.startswith("mixed") else 0)
        assert (invoked.error is not None) == (name == "s3.json")


class TestMakeInvoke:
    """The command behind `make invoke`, as a shell calls it."""

    def test_it_ends_with_0_where_the_outcome_is_as_documented(self, engine: str) -> None:  # noqa: ARG002
        done = _command("events/forged-eventbridge-sqs.json")
        assert (done.returncode, done.stdout.count("refused  ")) == (0, 2), done.stderr
        assert "✓ as events/expected.json says: 2 refused" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["events/none.json"], "events/none.json is no file. EVENT= names one, such as"),
            (["pyproject.toml"], "pyproject.toml is no JSON: "),
        ],
    )
    def test_a_wrong_event_is_told_in_a_sentence(self, arguments: list[str], sentence: str) -> None:
        done = _command(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith(sentence)
        assert done.stderr.count("\n") == 1

    def test_a_wrong_function_is_told_in_a_sentence(self, engine: str) -> None:  # noqa: ARG002
        done = _command("events/s3.json", "--function", "Nix")
        assert done.returncode == 1
        assert "There is no function Nix: FUNCTION= is DeliverToOwner, FanOut, Reconcile" in done.stderr

    def test_without_an_engine_it_says_what_to_do(self) -> None:
        done = _command("events/s3.json", DOCKER_HOST="unix:///nowhere")
        assert done.returncode == 1
        assert "install or start Docker until `docker info` works" in done.stderr


def _command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "distributary_local", "invoke", *arguments],
        cwd=EVENTS.parent,
        env={**os.environ, "LOCAL_PORT": str(free_port()), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
