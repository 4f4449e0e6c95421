"""The documentation is run: its files are written, its commands are given, its output is compared."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from distributary_cli.schema_problems import schema
from distributary_cli.subscription_files import read_subscriptions

DOCS = Path(__file__).parents[3] / "docs"
SUBSCRIPTIONS = (DOCS / "subscriptions.md").read_text("utf-8")
MADE = re.compile(r"<!-- The rest is made by: (?P<command>.*) -->\n\n")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", SUBSCRIPTIONS, re.MULTILINE | re.DOTALL)


def commands(console: str) -> Iterator[tuple[list[str], str]]:
    """Each `$ command` of a console block with the output below it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield shlex.split(command), expected


def test_the_command_line_s_documentation_is_what_the_command_line_says() -> None:
    written = (DOCS / "command-line.md").read_text("utf-8")
    made = MADE.search(written)
    assert made is not None
    module = made["command"].removeprefix("python -m ").removesuffix(" | tail -n +3").split()
    printed = subprocess.run([sys.executable, "-m", *module], capture_output=True, text=True, check=True).stdout  # noqa: S603
    assert written[made.end() :] == printed.split("\n", 2)[2], f"make it anew: {made['command']}"


@pytest.mark.usefixtures("client")
def test_the_session_in_the_documentation_runs_as_written(run: Any, tmp_path: Path) -> None:
    in_ireland: Any = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket="payments-cloudtrail-logs", CreateBucketConfiguration=in_ireland)
    ran = 0
    for language, content in re.findall(r"^```(yaml|console)\n(.*?)^```", SUBSCRIPTIONS, re.MULTILINE | re.DOTALL):
        if language == "yaml":
            (tmp_path / "subscriptions.yaml").write_text(content, "utf-8")
            continue
        for (program, *args), expected in commands(content):
            assert program == "distributary"
            assert run(*args).output == expected
            ran += 1
    assert ran == 6


def test_the_third_party_in_the_documentation_is_a_right_one(tmp_path: Path) -> None:
    (written,) = re.findall(r"^```\n(  - name: .*?)^```", SUBSCRIPTIONS, re.MULTILINE | re.DOTALL)
    path = tmp_path / "subscriptions.yaml"
    path.write_text(f"version: 1\nsubscriptions:\n{written}", "utf-8")
    (third_party,) = read_subscriptions(path).subscriptions
    assert third_party.is_third_party


def test_the_table_of_fields_is_the_schema_s() -> None:
    definitions = schema()["$defs"]
    parts = {
        "": schema(),
        "subscription.": definitions["subscription"],
        "copy_to.": definitions["copy_to"],
        "notify.": definitions["notify"],
        "filters.": definitions["filters"],
    }
    for prefix, part in parts.items():
        for name, field in part["properties"].items():
            if "$ref" not in field:
                required = "required" if name in part.get("required", ()) else ""
                title = f"`{prefix.removeprefix('subscription.')}{name}`"
                row = f"| {title} | {required} | {field['description']} |".replace("|  |", "| |")
                assert row in SUBSCRIPTIONS, row


def test_the_policy_allows_what_the_commands_ask_for() -> None:
    (policy,) = blocks("json")
    for action in ("Scan", "BatchGetItem", "PutItem", "DeleteItem"):
        assert f'"dynamodb:{action}"' in policy
    assert '"sns:GetTopicAttributes"' in policy
    assert '"cloudformation:DescribeStacks"' in policy
