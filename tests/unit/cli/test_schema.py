import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from samples import B, C, plain_subscription

from distributary import patterns
from distributary.subscription_forms import from_mapping, to_mapping
from distributary.subscription_rules import InvalidSubscriptionError
from distributary.subscriptions import ALL, Format
from distributary_cli.schema_problems import schema, schema_text

SUBSCRIPTION = schema()["$defs"]["subscription"]["properties"]
COPY_TO = schema()["$defs"]["copy_to"]["properties"]
NOTIFY = schema()["$defs"]["notify"]["properties"]
FILTERS = schema()["$defs"]["filters"]["properties"]
PATTERNS = [
    (SUBSCRIPTION["name"], patterns.NAME),
    (SUBSCRIPTION["account_id"], patterns.ACCOUNT_ID),
    (SUBSCRIPTION["delivery_role_arn"], patterns.ROLE_ARN),
    (SUBSCRIPTION["external_id"], patterns.EXTERNAL_ID),
    (COPY_TO["bucket"], patterns.BUCKET),
    (COPY_TO["region"], patterns.REGION),
    (COPY_TO["kms_key_arn"], patterns.KEY_ARN),
    (NOTIFY["kms_key_arn"], patterns.KEY_ARN),
    (FILTERS["regions"]["items"], patterns.REGION),
    (FILTERS["account_ids"]["items"], patterns.ACCOUNT_ID),
    (FILTERS["except_account_ids"]["items"], patterns.ACCOUNT_ID),
]


def fields(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for described in part.get("properties", {}).values():
        if "$ref" not in described:
            yield described
            yield from fields(described)


def described_fields() -> list[dict[str, Any]]:
    definitions = schema()["$defs"].values()
    return [*definitions, *fields(schema()), *(one for part in definitions for one in fields(part))]


def test_it_is_a_schema_of_its_draft() -> None:
    Draft202012Validator.check_schema(schema())


def published(pattern: str) -> str:
    """JSON Schema's patterns are searched for and are JavaScript's, where a group's name is written otherwise."""
    return "^" + re.sub(r"\(\?P<\w+>", "(", pattern) + "$"


@pytest.mark.parametrize(("field", "pattern"), PATTERNS)
def test_its_patterns_are_the_library_s(field: dict[str, Any], pattern: re.Pattern[str]) -> None:
    assert field["pattern"] == published(pattern.pattern)


def test_a_topic_s_region_has_the_form_of_a_region() -> None:
    """Which the library doesn't demand: what is in a table must go on being read."""
    strict = patterns.TOPIC_ARN.pattern.replace("(?P<region>[a-z0-9-]+)", f"({patterns.REGION.pattern})")
    assert NOTIFY["topic_arn"]["pattern"] == published(strict) != published(patterns.TOPIC_ARN.pattern)


def test_its_choices_are_the_library_s() -> None:
    assert NOTIFY["format"]["enum"] == list(Format)
    assert SUBSCRIPTION["scope"]["enum"] == [ALL]


def test_every_field_has_a_title_a_description_and_a_pattern_has_a_message() -> None:
    for field in described_fields():
        assert field["title"], field
        assert field["description"].endswith("."), field
        assert ("pattern" in field) == ("patternErrorMessage" in field)


def test_nothing_beyond_the_known_fields_is_taken() -> None:
    for part in [schema(), *schema()["$defs"].values()]:
        assert part["additionalProperties"] is False


def test_examples_are_right() -> None:
    for field in described_fields():
        for example in field.get("examples", []):
            Draft202012Validator(schema()).evolve(schema=field).validate(example)


def test_it_knows_the_fields_that_the_library_writes() -> None:
    filters = {"log_types": ["Config"], "regions": ["eu-west-1"], "account_ids": [B], "except_account_ids": [C]}
    key = f"arn:aws:kms:us-east-1:{B}:key/1"
    notify = {"topic_arn": f"arn:aws:sns:us-east-1:{B}:log-files", "format": "cloudtrail", "kms_key_arn": key}
    full = plain_subscription(scope="all", paused=True, filters=filters, notify=notify)
    full["copy_to"] |= {"prefix": "a/", "kms_key_arn": key}
    written = to_mapping(from_mapping(full))
    assert set(written) == set(SUBSCRIPTION)
    assert set(written["copy_to"]) == set(COPY_TO)
    assert set(written["notify"]) == set(NOTIFY)
    assert set(written["filters"]) == set(FILTERS)


@given(st.text(alphabet="ab/*?${}.", max_size=6))
def test_it_takes_the_prefixes_that_the_library_takes(prefix: str) -> None:
    plain = plain_subscription()
    plain["copy_to"] |= {"prefix": prefix}
    try:
        from_mapping(plain)
        right = True
    except InvalidSubscriptionError:
        right = False
    assert Draft202012Validator(COPY_TO["prefix"]).is_valid(prefix) is right


def test_the_command_prints_it_as_it_is(run: Any) -> None:
    printed = run("subscriptions", "schema")
    assert (printed.exit_code, printed.stdout) == (0, schema_text())
