"""`distributary logs` and `whoami` against IAM: what a user of B or Z sees of it, and is told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.permissions import document, statement
from typer.testing import CliRunner, Result

from distributary_cli.app import app
from distributary_local.deployment import (
    KEY_PREFIXES,
    ORGANIZATION_ID,
    OWNERS,
    THIRD_PARTY_ACCOUNT_ID,
    Deployment,
    reader_external_id,
)

(_, B, C), Z = OWNERS, THIRD_PARTY_ACCOUNT_ID
KEYS = tuple(f"AWSLogs/{owner}/Client/us-east-1/2026/11/21/20261121T0605Z.log" for owner in (B, C))
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def access_keys(deployment: Deployment) -> Iterator[dict[str, tuple[str, str]]]:
    """A user of B and one of Z, who may do everything in their accounts; and log files of B and C."""
    s3, made = deployment.emulator.client("s3", OWNERS[0]), {}
    for key in KEYS:
        s3.put_object(Bucket=deployment.outputs["CentralBucketName"], Key=key, Body=key.encode())
    for account_id in (B, Z):
        iam = deployment.emulator.client("iam", account_id)
        iam.create_user(UserName="client")
        everything = document(statement("*", Resource="*"))
        iam.put_user_policy(UserName="client", PolicyName="inline", PolicyDocument=everything)
        key = iam.create_access_key(UserName="client")["AccessKey"]
        made[account_id] = (key["AccessKeyId"], key["SecretAccessKey"])
    yield made
    for key in KEYS:
        s3.delete_object(Bucket=deployment.outputs["CentralBucketName"], Key=key)


@pytest.fixture
def run_as(
    deployment: Deployment, access_keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], Run]:
    """Run a command as an account's user with its reader role, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def become(account_id: str) -> Run:
        access_key_id, secret = access_keys[account_id]
        environment = {
            "AWS_ACCESS_KEY_ID": access_key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": deployment.emulator.endpoint_url,
            "CENTRAL_BUCKET": deployment.outputs["CentralBucketName"],
            "KEY_PREFIXES": KEY_PREFIXES,
            "ORGANIZATION_ID": ORGANIZATION_ID,
            "DISTRIBUTARY_ROLE_ARN": deployment.readers[account_id]["RoleArn"],
        }
        return lambda *args: CliRunner(env=environment).invoke(app, args, catch_exceptions=False)

    return become


def test_an_owner_lists_and_fetches_its_own_log_files(run_as: Callable[[str], Run]) -> None:
    run = run_as(B)
    day = ("--account", B, "--log-type", "Client", "--log-region", "us-east-1", "--since", "2026-11-21")
    assert run("logs", "ls", *day, "--until", "2026-11-22").output == f"{KEYS[0]}\n"
    assert run("logs", "ls", "--account", B, "--log-type", "Client").output == f"{KEYS[0]}\n"
    assert run("logs", "get", "--to", "logs", "--account", B, "--log-type", "Client").exit_code == 0
    assert Path("logs", KEYS[0]).read_text() == KEYS[0]
    assert run("logs", "cat", KEYS[0]).output == f"{KEYS[0]}\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["ls"], "(s3:ListBucket): a reader role lists its own account's prefixes only: name the account"),
        (["ls", "--account", C], "prefixes only: check --account, --key-prefixes and --organization-id"),
        (["cat", KEYS[1]], f"{KEYS[1]} (s3:GetObject): it is another account's"),
        (["get", "--to", "logs", KEYS[1]], f"{KEYS[1]} (s3:GetObject): it is another account's"),
    ],
)  # fmt: skip
def test_an_owner_is_told_what_is_not_its_own(run_as: Callable[[str], Run], args: list[str], said: str) -> None:
    answer = run_as(B)("logs", *args)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert list(Path("logs").rglob("*.log")) == []


def test_whoami_says_what_an_owner_may_and_that_others_are_not_its_own(run_as: Callable[[str], Run]) -> None:
    answer = run_as(B)("whoami")
    assert answer.exit_code == 0, answer.output
    assert f"in account {B}." in answer.output
    assert "✓ You can read s3://" in answer.output
    assert answer.output.splitlines()[-1].startswith("✗ You cannot list other accounts' log files")


def test_a_third_party_lists_every_account_s_with_its_external_id_and_nothing_without(
    run_as: Callable[[str], Run],
) -> None:
    run, external_id = run_as(Z), reader_external_id(Z)
    listed = run("logs", "ls", "--external-id", external_id, "--log-type", "Client")
    assert (listed.exit_code, listed.output.splitlines()) == (0, list(KEYS)), listed.output
    for wrong in ([], ["--external-id", "another"]):
        refused = run("logs", "ls", *wrong)
        assert refused.exit_code == 1
        assert f":user/client may not assume arn:aws:iam::{OWNERS[0]}:role/" in refused.stderr
        assert "external ID" in refused.stderr


def test_a_profile_that_is_the_role_asks_the_queue_as_its_source_and_reads_the_version_as_the_role(
    run_as: Callable[[str], Run], deployment: Deployment, access_keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    access_key_id, secret = access_keys[B]
    Path("config").write_text(
        f"[profile mine]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n"
        f"[profile central-logs]\nrole_arn = {deployment.readers[B]['RoleArn']}\nsource_profile = mine\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(Path("config").absolute()))
    bucket = deployment.outputs["CentralBucketName"]
    s3, sqs = deployment.emulator.client("s3", OWNERS[0]), deployment.emulator.client("sqs", B)
    version_id = s3.put_object(Bucket=bucket, Key=KEYS[0], Body=b"announced")["VersionId"]
    s3.put_object(Bucket=bucket, Key=KEYS[0], Body=b"came later")
    described = {"bucket": {"name": bucket}, "object": {"key": KEYS[0], "versionId": version_id}}
    record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": described}
    queue_url = sqs.create_queue(QueueName="client")["QueueUrl"]
    try:
        sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps({"Records": [record]}))
        followed = run_as(B)(
            "logs", "tail", "--profile", "central-logs", "--queue-url", queue_url, "--records", "--until-empty"
        )
    finally:
        sqs.delete_queue(QueueUrl=queue_url)
        s3.put_object(Bucket=bucket, Key=KEYS[0], Body=KEYS[0].encode())  # as B's copy has it
    assert (followed.exit_code, followed.output) == (0, "announced\n")
