import json
from typing import Any

import boto3
import pytest
from samples import CENTRAL_BUCKET, B, C, cloudtrail_key

KEY = cloudtrail_key(B)


@pytest.fixture
def s3(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ARG001 - it stands up what this needs
    monkeypatch.setenv("CENTRAL_BUCKET", CENTRAL_BUCKET)
    client = boto3.client("s3")
    client.create_bucket(Bucket=CENTRAL_BUCKET)
    for key in (KEY, cloudtrail_key(B, 1), cloudtrail_key(C)):
        client.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=b"{}")
    return client


@pytest.mark.usefixtures("s3")
def test_keys_are_listed_one_a_line(run: Any) -> None:
    answer = run("logs", "ls", "--account", B, "--since", "2026-11-21", "--until", "2026-11-22")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, f"{KEY}\n{cloudtrail_key(B, 1)}\n", "")


@pytest.mark.usefixtures("s3")
def test_without_an_account_all_accounts_log_files_are_listed(run: Any) -> None:
    assert run("logs", "ls").stdout.splitlines() == [KEY, cloudtrail_key(B, 1), cloudtrail_key(C)]


@pytest.mark.usefixtures("s3")
def test_long_and_json_say_the_facts(run: Any) -> None:
    (line,) = run("logs", "ls", "--account", C, "--long").stdout.splitlines()
    assert line.split()[1:] == ["2", C, "CloudTrail", "us-east-1", cloudtrail_key(C)]
    (one,) = (json.loads(line) for line in run("logs", "ls", "--account", C, "--json").stdout.splitlines())
    assert one.pop("last_modified").endswith("Z")
    assert one == {
        "key": cloudtrail_key(C),
        "account_id": C,
        "log_type": "CloudTrail",
        "region": "us-east-1",
        "size": 2,
        "etag": "99914b932bd37a50b983c5e7c90ae93b",
    }


@pytest.mark.usefixtures("s3")
def test_nothing_found_is_said_and_no_failure(run: Any) -> None:
    answer = run("logs", "ls", "--account", B, "--log-type", "Config")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, "", "No log file matches.\n")


def test_a_control_character_in_a_key_is_shown_as_an_escape(run: Any, s3: Any) -> None:
    s3.put_object(Bucket=CENTRAL_BUCKET, Key=f"AWSLogs/{B}/x/\x1b[31m.gz", Body=b"")
    assert run("logs", "ls", "--log-type", "x").stdout == f"AWSLogs/{B}/x/\\x1b[31m.gz\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--account", "12"], "'12' is no account ID"),
        (["--since", "soon"], "'soon' is no time"),
        (["--since", "2026-11-21", "--until", "2026-11-20"], "no time is from 2026-11-21 00:00 on and"),
        (["--key-prefixes", "x"], "--key-prefixes"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_aws_is_asked(run: Any, args: list[str], said: str) -> None:
    answer = run("logs", "ls", "--bucket", "logs", *args)
    assert answer.exit_code == 2
    assert said in " ".join(answer.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_is_not_there_is_one_sentence(run: Any) -> None:
    answer = run("logs", "ls", "--bucket", "nowhere")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: there is no bucket nowhere: check --bucket")
