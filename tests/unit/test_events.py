import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributary.events import (
    ControlMessage,
    ObjectCreated,
    OtherEvent,
    UnreadableEventError,
    is_queue_batch,
    read_message,
)

any_key = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
# Values that look like envelopes, with anything where AWS has something definite.
FIELDS = [
    "Records",
    "eventSource",
    "EventSource",
    "eventName",
    "s3",
    "bucket",
    "object",
    "key",
    "name",
    "Sns",
    "Message",
]
FIELDS += [
    "Type",
    "body",
    "detail-type",
    "source",
    "detail",
    "s3Bucket",
    "s3ObjectKey",
    "Event",
    "eventVersion",
    "size",
]
VALUES = [
    "aws:s3",
    "aws:sns",
    "aws:sqs",
    "aws.s3",
    "Object Created",
    "ObjectCreated:Put",
    "Notification",
    "2.1",
    "{}",
    "%FF",
]
like_envelopes = st.recursive(
    st.sampled_from(VALUES) | any_json,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=25,
)


def s3_event(key: str, encode: Callable[[str], str], **record: Any) -> dict[str, Any]:
    s3 = {"bucket": {"name": "central"}, "object": {"key": encode(key), "size": 5, "eTag": "e", "versionId": "v"}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3} | record]}


def eventbridge_event(key: str) -> dict[str, Any]:
    detail = {"bucket": {"name": "central"}, "object": {"key": key, "size": 5, "etag": "e", "version-id": "v"}}
    return {"detail-type": "Object Created", "source": "aws.s3", "time": "2026-11-21T06:00:00Z", "detail": detail}


def sns(message: Any) -> dict[str, Any]:
    return {"Type": "Notification", "Message": json.dumps(message)}


@given(any_key)
def test_every_key_survives_every_envelope(key: str) -> None:
    cloudtrail = {"s3Bucket": "central", "s3ObjectKey": [key]}
    envelopes: list[Any] = [eventbridge_event(key), cloudtrail, sns(cloudtrail), sns(eventbridge_event(key))]
    envelopes += [s3_event(key, quote_plus), s3_event(key, quote), sns(s3_event(key, quote_plus))]
    envelopes += [{"Records": [{"EventSource": "aws:sns", "Sns": sns(s3_event(key, quote_plus))}]}]
    for envelope in envelopes:
        for message in (envelope, json.dumps(envelope)):
            [notice] = read_message(message)
            assert isinstance(notice, ObjectCreated)
            assert (notice.bucket, notice.key) == ("central", key)


@given(like_envelopes | any_json | st.text())
def test_nothing_raises_anything_else(value: Any) -> None:
    for message in (value, json.dumps(value)):
        try:
            assert read_message(message)  # never nothing: whatever arrives is counted
        except UnreadableEventError as error:
            assert error.reason  # noqa: PT017 - either it is read or this error says why not
            assert len(error.excerpt) <= 200  # noqa: PT017


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "message",
    [
        "[" * 1_000_000,
        "x" * 1_000_000,
        {"hello": nested(100_000)},
        {"hello": 10**5000},  # more digits than Python writes out
        s3_event("key", quote_plus, eventVersion=nested(100_000)),
        s3_event("key", quote_plus, eventVersion="9" * 1_000_000),
        s3_event("key", quote_plus, eventSource="x" * 1_000_000),
    ],
    ids=["depth", "length", "deep", "digits", "deep-version", "long-version", "long-source"],
)
def test_what_is_without_bounds_is_unreadable_and_the_error_is_short(message: Any) -> None:
    with pytest.raises(UnreadableEventError) as raised:
        read_message(message)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("message", [{"Records": []}, {"s3Bucket": "central", "s3ObjectKey": []}, sns({"Records": []})])
def test_an_envelope_with_nothing_in_it_is_unreadable_since_acknowledging_it_would_count_nothing(message: Any) -> None:
    with pytest.raises(UnreadableEventError):
        read_message(message)


def test_a_subscription_to_confirm_is_unreadable_so_that_somebody_sees_it() -> None:
    with pytest.raises(UnreadableEventError):
        read_message({"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe", "Token": "t"})


def test_a_key_with_half_a_character_is_unreadable_in_every_envelope() -> None:
    half = "AWSLogs/\ud800"
    cloudtrail = {"s3Bucket": "central", "s3ObjectKey": [half]}
    for message in (eventbridge_event(half), cloudtrail, s3_event(half, str), s3_event("%ED%A0%80", str)):
        with pytest.raises(UnreadableEventError):
            read_message(json.dumps(message))


def test_a_key_that_is_no_utf_8_says_so() -> None:
    with pytest.raises(UnreadableEventError, match="not form-encoded UTF-8"):
        read_message(s3_event("%FF%FE", str))


def test_envelopes_that_are_nested_without_end_are_unreadable() -> None:
    message: Any = eventbridge_event("key")
    for _ in range(10):
        message = sns(message)
    with pytest.raises(UnreadableEventError, match="too many envelopes"):
        read_message(message)


def test_the_facts_of_an_object_are_read() -> None:
    [plain] = read_message(eventbridge_event("key"))
    assert plain == ObjectCreated("central", "key", "v", 5, "e", "2026-11-21T06:00:00Z")
    [encoded] = read_message(s3_event("key", quote_plus, eventTime="2026-11-21T06:00:00.000Z", eventVersion="2.5"))
    assert encoded == ObjectCreated("central", "key", "v", 5, "e", "2026-11-21T06:00:00.000Z")


@pytest.mark.parametrize("version", ["null", "", None, 7])
def test_no_version_is_no_version(version: object) -> None:
    event = eventbridge_event("key")
    event["detail"]["object"]["version-id"] = version
    [notice] = read_message(event)
    assert isinstance(notice, ObjectCreated)
    assert notice.version_id is None


@pytest.mark.parametrize("size", ["5", -1, True, 1.5, None])
def test_a_size_that_is_none_is_unknown(size: object) -> None:
    event = eventbridge_event("key")
    event["detail"]["object"]["size"] = size
    [notice] = read_message(event)
    assert isinstance(notice, ObjectCreated)
    assert notice.size is None


def test_another_major_version_is_not_guessed_at() -> None:
    with pytest.raises(UnreadableEventError, match=r"not 2\.x"):
        read_message(s3_event("key", quote_plus, eventVersion="3.0"))


@pytest.mark.parametrize(
    "name", ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Copy"]
)
def test_every_way_of_creating_counts(name: str) -> None:
    [notice] = read_message(s3_event("key", quote_plus, eventName=name))
    assert isinstance(notice, ObjectCreated)


def test_what_creates_nothing_is_another_event() -> None:
    assert read_message(s3_event("key", quote_plus, eventName="ObjectRemoved:Delete")) == (
        OtherEvent("ObjectRemoved:Delete"),
    )
    assert read_message(eventbridge_event("key") | {"source": "my.app"}) == (OtherEvent("Object Created"),)


def test_control_messages_are_known() -> None:
    assert read_message("CloudTrail validation message.") == (ControlMessage("CloudTrail validation message."),)
    assert read_message({"Service": "Amazon S3", "Event": "s3:TestEvent"}) == (ControlMessage("s3:TestEvent"),)


def test_one_bad_record_makes_the_message_unreadable_so_that_none_is_passed_over() -> None:
    event = s3_event("good", quote_plus)
    event["Records"].append({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"})
    with pytest.raises(UnreadableEventError, match=r"s3\.object\.key"):
        read_message(event)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"Records": [{"eventSource": "aws:sqs"}]}, True),
        ({"Records": [{"eventSource": "aws:s3"}]}, False),
        ({"Records": []}, False),
        ({"Records": "text"}, False),
        ({"Records": ["text"]}, False),
        ({}, False),
        ([], False),
        (None, False),
        ("text", False),
    ],
)
def test_a_queue_batch_is_known_by_its_records(event: object, expected: bool) -> None:
    assert is_queue_batch(event) is expected
