import json
from typing import Any

import boto3
import pytest
from samples import CENTRAL_BUCKET, A, cloudtrail_key

MOTO = "123456789012"
ROLE = f"arn:aws:iam::{A}:role/reader"
KEY = cloudtrail_key(MOTO)


@pytest.fixture
def s3(aws: None) -> Any:  # noqa: ARG001 - it stands up what this needs
    client = boto3.client("s3")
    client.create_bucket(Bucket=CENTRAL_BUCKET)
    client.put_object(Bucket=CENTRAL_BUCKET, Key=KEY, Body=b"{}")
    return client


def checks(run: Any, *args: str) -> tuple[int, list[dict[str, Any]]]:
    answer = run("whoami", "--json", *args)
    assert answer.stderr == ""
    return answer.exit_code, json.loads(answer.stdout)["checks"]


@pytest.mark.usefixtures("aws")
def test_without_anything_it_says_who_you_are(run: Any) -> None:
    answer = run("whoami")
    assert answer.exit_code == 0
    assert answer.stdout == f"✓ You are arn:aws:sts::{MOTO}:user/moto, in account {MOTO}.\n"


@pytest.mark.usefixtures("aws")
def test_a_role_is_assumed_under_a_name_that_says_who(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ana maria")
    code, (own, role) = checks(run, "--role-arn", ROLE, "--external-id", "a-shared-secret")
    assert (code, own["account_id"], role["account_id"]) == (0, MOTO, A)
    assert role["arn"] == f"arn:aws:sts::{A}:assumed-role/reader/distributary-ana-maria"
    assert role["sentence"] == f"You can assume {ROLE}: you are then {role['arn']}."


@pytest.mark.usefixtures("s3")
def test_of_a_bucket_it_lists_the_own_prefixes_and_reads_one_log_file(run: Any) -> None:
    answer = run("whoami", "--bucket", CENTRAL_BUCKET, "--key-prefixes", "")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[1:] == [
        f"✓ You can list AWSLogs/{MOTO}/, AWSLogs/aws-account-id={MOTO}/ in s3://{CENTRAL_BUCKET}, "
        "and there are log files.",
        f"✓ You can read s3://{CENTRAL_BUCKET}/{KEY}.",
        "✓ You can list every account's log files.",
    ]


@pytest.mark.usefixtures("s3")
def test_another_account_may_be_named_and_then_only_that_is_tried(run: Any) -> None:
    code, found = checks(run, "--bucket", CENTRAL_BUCKET, "--key-prefixes", "", "--account", A)
    assert (code, [one["action"] for one in found]) == (0, ["sts:GetCallerIdentity", "s3:ListBucket"])
    said = f"You can list AWSLogs/{A}/, AWSLogs/aws-account-id={A}/ in s3://{CENTRAL_BUCKET}, and nothing is there."
    assert found[1]["sentence"] == said


@pytest.mark.usefixtures("aws")
def test_what_is_refused_is_said_and_fails(run: Any) -> None:
    code, found = checks(run, "--bucket", "nowhere")
    assert code == 1
    assert [one["ok"] for one in found] == [True, *[False] * 5]
    assert found[1]["sentence"].startswith("there is no bucket nowhere: check --bucket")


def test_without_credentials_there_is_nothing_more_to_try(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, "/nonexistent")
    for args in ([], ["--role-arn", ROLE]):
        code, (only,) = checks(run, *args)
        assert (code, only["ok"]) == (1, False)
        assert only["sentence"].startswith("AWS credentials were not found: name a profile with --profile")
