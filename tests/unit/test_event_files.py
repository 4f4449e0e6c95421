"""Every file in events/ gives what events/expected.json says: read alone, and delivered by the whole function."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import Context, make_deliverer
from samples import CENTRAL_BUCKET, LAYOUT, B, C

from distributary.events import (
    ControlMessage,
    Notice,
    ObjectCreated,
    UnreadableEventError,
    is_queue_batch,
    read_message,
)
from distributary.keys import LogFile, parse_key

EVENTS = Path(__file__).parents[2] / "events"
EXPECTED: dict[str, list[list[dict[str, Any]]]] = json.loads((EVENTS / "expected.json").read_text())
OUTCOMES = {"deliver": "delivered", "control": "ignored", "other": "ignored", "unreadable": "failed"}

every_file = pytest.mark.parametrize("name", sorted(EXPECTED))


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


def test_every_file_is_expected_and_every_expectation_has_a_file() -> None:
    assert {path.name for path in EVENTS.glob("*.json")} == EXPECTED.keys() | {"expected.json"}


def test_the_readme_lists_every_file() -> None:
    readme = (EVENTS / "README.md").read_text()
    assert [name for name in EXPECTED if f"| `{name}` |" not in readme] == []


@every_file
def test_a_file_is_read_as_expected(name: str) -> None:
    event = load(name)
    messages = [record["body"] for record in event["Records"]] if is_queue_batch(event) else [event]
    assert [_read(message) for message in messages] == EXPECTED[name]


@every_file
def test_a_file_gives_its_outcomes_and_loses_no_neighbour(name: str, aws: None) -> None:  # noqa: ARG001
    event = load(name)
    with make_deliverer() as made:
        made.queue.is_broken = True  # as with `sam local invoke`, where there is none
        response = made.deliverer.handle(event, Context())
    expected = Counter(OUTCOMES.get(one["expect"], one["expect"]) for message in EXPECTED[name] for one in message)
    assert made.reporter.outcomes == expected
    if is_queue_batch(event):
        unreadable = [any(one["expect"] == "unreadable" for one in message) for message in EXPECTED[name]]
        failed = [record["messageId"] for record, bad in zip(event["Records"], unreadable, strict=True) if bad]
        assert response == {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
    else:
        assert response == {"outcomes": dict(expected)}
    due = {one["key"] for message in EXPECTED[name] for one in message if one["expect"] == "deliver"}
    assert {copy.key for copy in made.engine.copies} == due


def _read(message: str | Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        return [_class(notice) for notice in read_message(message)]
    except UnreadableEventError:
        return [{"key": None, "expect": "unreadable"}]


def _class(notice: Notice) -> dict[str, Any]:
    if not isinstance(notice, ObjectCreated):
        return {"key": None, "expect": "control" if isinstance(notice, ControlMessage) else "other"}
    if notice.bucket != CENTRAL_BUCKET:
        return {"key": notice.key, "expect": "unroutable"}
    parsed = parse_key(notice.key, LAYOUT)
    if isinstance(parsed, LogFile):
        return {"key": notice.key, "expect": "deliver" if parsed.account_id in (B, C) else "unsubscribed"}
    return {"key": notice.key, "expect": str(parsed.outcome)}
