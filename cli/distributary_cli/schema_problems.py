"""The JSON Schema of `subscriptions.yaml`, and what it finds in a file, in words that say what to do."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from distributary_cli.problems import FieldPath, Problem
from distributary_cli.yaml_marks import Document, Place

UNPRINTED = {"external_id"}
Violation = Any
"""A `jsonschema.ValidationError`; its stubs call every attribute possibly unset, which no error of a validator is."""
TYPES = {"object": "a mapping", "array": "a list", "string": "text", "boolean": "true or false", "integer": "a number"}


def schema_text() -> str:
    """The schema as it is published."""
    return files("distributary_cli").joinpath("subscriptions.schema.json").read_text("utf-8")


@cache
def schema() -> dict[str, Any]:
    """The schema as data."""
    loaded: dict[str, Any] = json.loads(schema_text())
    return loaded


def schema_problems(document: Document) -> Iterator[Problem]:
    """Everything in which a document's shape differs from the schema."""
    from jsonschema import Draft202012Validator  # a third of a second that only commands that read a file spend

    for error in Draft202012Validator(schema()).iter_errors(document.data):
        yield from _problems(document, tuple(error.absolute_path), error)


def _problems(document: Document, path: FieldPath, error: Violation) -> Iterator[Problem]:
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                place = document.places[path]
                field = document.problem(path, "").field
                reason = f"is missing. {_description(error.schema, name)}"
                yield Problem(place.line, place.column, f"{field}.{name}".removeprefix("."), reason)
    elif error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        for name in error.instance:
            if name not in known:
                yield document.problem((*path, name), _unknown(name, known), at_name=True)
    else:
        yield document.problem(path, _reason(path, error, document.places[path]))


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return (
        f"is not known here; did you mean {close[0]}?" if close else f"is not known here; known are {', '.join(known)}"
    )


def _reason(path: FieldPath, error: Violation, place: Place) -> str:
    match error.validator:
        case "type":
            return _wrong_type(error, place)
        case "pattern":
            shown = "it" if path[-1] in UNPRINTED else json.dumps(error.instance, ensure_ascii=False)
            return f"{shown} {error.schema['patternErrorMessage']}"
        case "const":
            return f"must be {error.validator_value}, the only version of the format so far"
        case "enum":
            return _wrong_choice(error, place)
        case "minItems":
            return "is an empty list; leave the field out to receive everything"
        case "uniqueItems":
            return "names something twice"
        case "minLength":
            return "is empty"
        case "maxLength":
            return f"has {len(error.instance)} characters; at most {error.validator_value} are allowed"
    return str(error.message)


def _wrong_type(error: Violation, place: Place) -> str:
    wanted = TYPES[error.validator_value]
    if place.kind == "empty":
        return f"is empty. {error.schema['description']}"
    if wanted == "text" and place.kind:
        why = " so that leading zeros stay" if (place.written or "").isdecimal() else ""
        return f"{place.written} is {place.kind}: put it in quotes{why}"
    found = "a mapping" if isinstance(error.instance, dict) else "a list" if isinstance(error.instance, list) else None
    return f"must be {wanted}, not {found or json.dumps(place.written, ensure_ascii=False)}"


def _wrong_choice(error: Violation, place: Place) -> str:
    known = ", ".join(error.validator_value)
    choice = f"one of {known}" if len(error.validator_value) > 1 else f"{known}, or be left out"
    return f"must be {choice}" + (f", not {json.dumps(place.written, ensure_ascii=False)}" if place.written else "")


def _description(parent: Any, name: str) -> str:
    described = parent["properties"][name]
    if "$ref" in described:
        described = schema()["$defs"][described["$ref"].rpartition("/")[2]]
    return str(described["description"])
