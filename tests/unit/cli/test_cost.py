"""The command, and its documentation."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from distributary_cli.cost_prices import PRICES

COST = (Path(__file__).parents[3] / "docs" / "cost.md").read_text("utf-8")
MADE = re.compile(r"<!-- The rest is made by: distributary (?P<arguments>.*) -->\n\n")


def test_the_documentation_s_tables_are_what_the_model_says(run: Any) -> None:
    made = MADE.search(COST)
    assert made is not None
    answer = run(*shlex.split(made["arguments"]))
    assert answer.exit_code == 0
    assert COST[made.end() :] == answer.stdout


def test_the_documentation_s_example_runs_as_written(run: Any) -> None:
    [console] = re.findall(r"^```console\n\$ distributary (.*?)^```", COST, re.MULTILINE | re.DOTALL)
    command, _, expected = console.partition("\n")
    assert run(*shlex.split(command)).stdout == expected


def test_every_option_that_the_documentation_names_is_one(run: Any) -> None:
    shown = run("cost", "--help").stdout
    assert [name for name in set(re.findall(r"`(--[a-z0-9-]+)", COST)) if name not in shown] == []


def test_json_is_the_sum_of_its_lines(run: Any) -> None:
    told = json.loads(run("cost", "--third-parties", "1", "--deliver", "both", "--kms", "bucket-keys", "--json").stdout)
    assert told["usd"] == pytest.approx(sum(line["usd"] for line in told["lines"]))
    assert told["usd"] == pytest.approx(sum(told["usd_by_payer"].values()))
    assert {line["price"] for line in told["lines"]} <= set(PRICES)
    assert all(line["usd"] == pytest.approx(line["quantity"] * line["usd_per_unit"]) for line in told["lines"])
    assert told["fan_out"]["files_per_batch"] > 1


@pytest.mark.parametrize("name", PRICES)
def test_every_price_can_be_replaced_and_counts(run: Any, name: str) -> None:
    arguments = ["cost", "--deliver", "both", "--kms", "bucket-keys", "--elsewhere-percent", "10", "--json"]
    arguments += ["--x86_64"] if name == "lambda-x86_64" else []
    usual, free = (json.loads(run(*arguments, *more).stdout)["usd"] for more in ([], ["--price", f"{name}=0"]))
    assert free < usual


@pytest.mark.parametrize("entry", ["s3-copy", "s3-copy=", "s3-copy=cheap", "s3-copy=-1", "s3-copy=inf", "gold=1", "=1"])
def test_a_price_that_is_none_is_a_usage_error(run: Any, entry: str) -> None:
    answer = run("cost", "--price", entry)
    assert answer.exit_code == 2
    assert "--price" in answer.stderr


def test_an_impossible_number_is_a_usage_error_that_names_its_option(run: Any) -> None:
    answer = run("cost", "--files", "90000000000")
    assert answer.exit_code == 2
    assert "--files" in answer.stderr
    assert "--concurrency" in answer.stderr
    assert run("cost", "--files", "90000000000", "--concurrency", "100").exit_code == 0


def test_nothing_is_asked_of_aws(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    assert run("cost").exit_code == 0
