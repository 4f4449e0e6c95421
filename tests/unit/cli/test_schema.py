import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from samples import B, plain_subscription

from distributary import subscription_forms as rules
from distributary_cli.schema_problems import schema, schema_text

SUBSCRIPTION = schema()["$defs"]["subscription"]["properties"]
COPY_TO = schema()["$defs"]["copy_to"]["properties"]
FILTERS = schema()["$defs"]["filters"]["properties"]
PATTERNS = [
    (SUBSCRIPTION["name"], rules.NAME),
    (SUBSCRIPTION["account_id"], rules.ACCOUNT_ID),
    (SUBSCRIPTION["delivery_role_arn"], rules.ROLE_ARN),
    (SUBSCRIPTION["external_id"], rules.EXTERNAL_ID),
    (COPY_TO["bucket"], rules.BUCKET),
    (COPY_TO["region"], rules.REGION),
    (COPY_TO["kms_key_arn"], rules.KEY_ARN),
    (FILTERS["regions"]["items"], rules.REGION),
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


@pytest.mark.parametrize(("field", "pattern"), PATTERNS)
def test_its_patterns_are_the_library_s(field: dict[str, Any], pattern: re.Pattern[str]) -> None:
    # JSON Schema's patterns are searched for and are JavaScript's, where a group's name is written otherwise.
    assert field["pattern"] == "^" + re.sub(r"\(\?P<\w+>", "(", pattern.pattern) + "$"


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
    full = plain_subscription(paused=True, filters={"log_types": ["Config"], "regions": ["eu-west-1"]})
    full["copy_to"] |= {"prefix": "a/", "kms_key_arn": f"arn:aws:kms:us-east-1:{B}:key/1"}
    written = rules.to_mapping(rules.from_mapping(full))
    assert set(written) == set(SUBSCRIPTION)
    assert set(written["copy_to"]) == set(COPY_TO)
    assert set(written["filters"]) == set(FILTERS)


@given(st.text(alphabet="ab/*?${}.", max_size=6))
def test_it_takes_the_prefixes_that_the_library_takes(prefix: str) -> None:
    plain = plain_subscription()
    plain["copy_to"] |= {"prefix": prefix}
    try:
        rules.from_mapping(plain)
        right = True
    except rules.InvalidSubscriptionError:
        right = False
    assert Draft202012Validator(COPY_TO["prefix"]).is_valid(prefix) is right


def test_the_command_prints_it_as_it_is(run: Any) -> None:
    printed = run("subscriptions", "schema")
    assert (printed.exit_code, printed.stdout) == (0, schema_text())
