"""`sam local start-lambda`: hundreds of events by Lambda's own API, one container for each function."""

import json
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from integration.waiting import wait_until
from sam_local.conftest import Event

from distributary.events import is_queue_batch
from distributary_local.deliveries import read_bucket
from distributary_local.deployment import THIRD_PARTY_ACCOUNT_ID, Deployment
from distributary_local.emulator import LOOPBACK, free_port
from distributary_local.invocation import DELIVERING, EVENTS, expected_outcomes
from distributary_local.sam_local import told_outcomes
from distributary_local.tools import ROOT, environment

ROUNDS = 3
NAMES = sorted(path.name for path in EVENTS.glob("*.json") if path.name != "expected.json")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What sam prints, the functions' logs among it."""
    return tmp_path_factory.mktemp("start-lambda") / "sam.log"


@pytest.fixture(scope="module")
def client(template: Path, variables_file: Path, log: Path) -> Iterator[Any]:
    port = free_port()
    command = ["sam", "local", "start-lambda", "--port", str(port), "--template-file", str(template)]
    command += ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"]
    with log.open("w") as output:
        server = subprocess.Popen(  # noqa: S603  # our own tool
            [*command, "--env-vars", str(variables_file)],
            cwd=ROOT,
            env=environment(None, "") | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: f"an answer: {log.read_text()}" if _refuses(port) else "", deadline=60)
            yield boto3.client(
                "lambda",
                "us-east-1",
                endpoint_url=f"http://{LOOPBACK}:{port}",
                aws_access_key_id="any",
                aws_secret_access_key="any",
                config=Config(read_timeout=90, retries={"total_max_attempts": 1}),
            )
        finally:
            server.send_signal(signal.SIGTERM)  # it removes its containers then
            server.wait(60)


def test_hundreds_of_events_end_as_documented(
    client: Any, staged: Callable[[str], Event], deployment: Deployment, log: Path
) -> None:
    events = {name: staged(name) for name in NAMES}
    for _ in range(ROUNDS):
        for function in DELIVERING:
            for name, event in events.items():
                answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
                assert _shown(json.load(answer["Payload"])) == _due(name, function, event), (function, name)
    told = Counter((line["service"], _first_time(line["outcome"])) for line in told_outcomes(log.read_text()))
    assert told == _all_due()
    for account_id, bucket in {**deployment.buckets, THIRD_PARTY_ACCOUNT_ID: deployment.third_party_bucket}.items():
        assert _keys(account_id) <= read_bucket(deployment, account_id, bucket).keys()


def test_a_function_that_raises_says_so_in_its_answer_only(client: Any) -> None:
    """FunctionError is left out by sam: whoever drives it must read the answer."""
    answer = client.invoke(FunctionName="Reconcile", Payload=json.dumps({"subscription": {"scope": "x", "name": "y"}}))
    assert json.load(answer["Payload"])["errorType"] == "RequestError"
    assert "FunctionError" not in answer


def _due(name: str, function: str, event: Event) -> Any:
    if is_queue_batch(event):
        return {"batchItemFailures": []}  # what fails goes back, or to the dead letters, by itself
    return {"outcomes": dict(_outcomes(name, function))}


def _outcomes(name: str, function: str) -> Counter[str]:
    outcomes = expected_outcomes(EVENTS / name, function, is_lonely=False)
    assert outcomes is not None
    return outcomes


def _all_due() -> Counter[tuple[str, str]]:
    due: Counter[tuple[str, str]] = Counter()
    for service, function in zip(("deliver_to_owner", "fan_out"), DELIVERING, strict=True):
        for name in NAMES:
            due.update({(service, outcome): n * ROUNDS for outcome, n in _outcomes(name, function).items()})
    return due


def _keys(account_id: str) -> set[str]:
    """The keys of events/ that an account is due."""
    expected = json.loads((EVENTS / "expected.json").read_text())
    due = ("deliver", "unsubscribed") if account_id == THIRD_PARTY_ACCOUNT_ID else ("deliver",)
    keys = {
        one["key"] for messages in expected.values() for message in messages for one in message if one["expect"] in due
    }
    return keys if account_id == THIRD_PARTY_ACCOUNT_ID else {key for key in keys if account_id in key}


def _shown(answer: Any) -> Any:
    if isinstance(answer, dict) and "outcomes" in answer:
        return {"outcomes": {_first_time(outcome): count for outcome, count in answer["outcomes"].items()}}
    return answer


def _first_time(outcome: str) -> str:
    return outcome.removeprefix("already_")


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) != 0
