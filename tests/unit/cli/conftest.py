from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from samples import B, C, Z
from typer.testing import CliRunner, Result

from distributary.keys import KeyLayout
from distributary_cli import stack_checks
from distributary_cli.app import app
from distributary_cli.stacks import Stack

TABLE = "distributary-subscriptions"
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in an empty folder; the answer has exit_code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("SUBSCRIPTIONS_TABLE", "KEY_PREFIXES", "ORGANIZATION_ID", "PREFIX_ACCOUNTS", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*args: str, **options: Any) -> Result:
        return CliRunner().invoke(app, args, catch_exceptions=False, **options)

    return invoke


@pytest.fixture
def parameters(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The stack's parameters; moto has no CloudFormation here, and test_stacks reads a stack."""
    given = {"OrganizationId": "o-exampleorg", "AccountIds": "", "ThirdPartyAccountIds": Z}
    monkeypatch.setattr(stack_checks, "read_stack", lambda *_: Stack({}, KeyLayout(), given))
    return given


@pytest.fixture
def client(aws: None, parameters: dict[str, str]) -> Any:  # noqa: ARG001 - they stand up what this needs
    """A client of an empty table; the receivers' buckets are there too."""
    made = boto3.client("dynamodb")
    made.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "scope", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "scope", "KeyType": "HASH"}],
    )
    for account_id in (B, C, "444444444444", Z):
        boto3.client("s3").create_bucket(Bucket=f"owner-logs-{account_id}")
    return made


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Sequence[dict[str, Any]]], Path]:
    """Write subscriptions.yaml into the folder that the command runs in."""

    def write_file(subscriptions: Sequence[dict[str, Any]]) -> Path:
        path = tmp_path / "subscriptions.yaml"
        path.write_text(yaml.safe_dump({"version": 1, "subscriptions": list(subscriptions)}), "utf-8")
        return path

    return write_file
