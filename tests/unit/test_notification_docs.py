"""docs/notifications.md shows what is really published, and names what the templates and the messages really have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from delivered import COPY
from samples import log_file

from distributary.notifications import attributes, message
from distributary.subscriptions import Format

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/notifications.md").read_text()


def example(heading: str) -> Any:
    """The first JSON example below a heading."""
    below = PAGE.split(f"\n{heading}", 1)[1]
    return json.loads(below.split("```json\n", 1)[1].split("```", 1)[0])


@pytest.mark.parametrize("form", list(Format))
def test_each_example_is_the_message(form: Format) -> None:
    assert example(f"### `{form}`") == json.loads(message(form, COPY))


def test_the_filter_policy_and_its_table_name_the_attributes() -> None:
    section = PAGE.split("\n## Filter policies", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == attributes(log_file()).keys()
    assert example("## Filter policies").keys() == attributes(log_file()).keys()


@pytest.mark.parametrize("template", ["owner", "third-party"])
def test_the_parameters_are_the_templates(template: str) -> None:
    section = PAGE.split("\n## Set it up", 1)[1].split("\nThe subscription then", 1)[0]
    named = re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
    parameters = (ROOT / f"accounts/{template}/template.yaml").read_text().split("\nRules:", 1)[0]
    assert named
    assert all(f"\n  {name}:\n" in parameters for name in named)
