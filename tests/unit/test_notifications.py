import json
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest
from delivered import CENTRAL, COPY, USUAL_KEYS, any_key
from hypothesis import given
from hypothesis import strategies as st
from samples import log_file

from distributary.events import ObjectCreated, read_message
from distributary.notifications import DeliveredObject, attributes, message
from distributary.subscriptions import Format

each_format = pytest.mark.parametrize("form", list(Format))


def content(form: Format, delivered: DeliveredObject) -> Any:
    return json.loads(message(form, delivered))


def s3_record(delivered: DeliveredObject) -> Any:
    [record] = content(Format.S3, delivered)["Records"]
    return record


def encoded(key: str) -> str:
    return str(s3_record(replace(COPY, key=key))["s3"]["object"]["key"])


@each_format
@given(key=any_key, version_id=st.none() | st.just("v1"), copied=st.booleans())
def test_we_read_each_format_back(form: Format, key: str, version_id: str | None, copied: bool) -> None:
    delivered = replace(COPY, key=key, version_id=version_id, copied=copied)
    [read] = read_message(message(form, delivered))
    assert isinstance(read, ObjectCreated)
    assert (read.bucket, read.key) == (COPY.bucket, key)
    told = (None, None, None) if form is Format.CLOUDTRAIL else (COPY.size, COPY.etag, version_id)
    assert (read.size, read.etag, read.version_id) == told


@given(any_key)
def test_a_key_survives_form_decoding_and_url_decoding(key: str) -> None:
    assert unquote_plus(encoded(key)) == unquote(encoded(key)) == key


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='%+"\\'), min_size=1))
def test_a_key_of_usual_characters_is_not_encoded_at_all(key: str) -> None:
    assert encoded(key) == key


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a b", "a%20b"),
        ("a+b", "a%2Bb"),
        ("100%", "100%25"),
        ("a%20b", "a%2520b"),
        ("été", "%C3%A9t%C3%A9"),
        ("a\nb\x7f", "a%0Ab%7F"),
        ('a"b\\c', "a%22b%5Cc"),
        *((key, key) for key in USUAL_KEYS),
    ],
)
def test_what_would_be_misread_is_percent_encoded_and_nothing_else(key: str, expected: str) -> None:
    assert encoded(key) == expected


@each_format
@given(key=any_key)
def test_a_message_is_compact_ascii_without_control_characters(form: Format, key: str) -> None:
    text = message(form, replace(COPY, key=key))
    assert text.isascii()
    assert text.isprintable()
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


@each_format
def test_the_longest_key_of_the_widest_characters_fits_ten_to_a_request(form: Format) -> None:
    assert len(message(form, replace(COPY, key="\U0001f600" * 256))) < 256 * 1024 / 10


@each_format
def test_a_repeated_notification_is_the_same_whatever_the_clock_says(form: Format) -> None:
    def timeless(delivered: DeliveredObject) -> Any:
        said = content(form, delivered)
        for record in [said, *said.get("Records", [])]:
            record.pop("eventTime", None)
            record.pop("time", None)
        return said

    assert timeless(COPY) == timeless(replace(COPY, time=COPY.time + timedelta(hours=5)))
    assert content(form, CENTRAL) == content(form, replace(CENTRAL))


@pytest.mark.parametrize(
    "change",
    [{"bucket": "another"}, {"key": "another"}, {"version_id": "another"}, {"version_id": None}, {"etag": "another"}],
)
def test_another_object_has_another_id_and_sequencer(change: dict[str, Any]) -> None:
    one, other = content(Format.EVENTBRIDGE, COPY), content(Format.EVENTBRIDGE, replace(COPY, **change))
    assert one["id"] != other["id"]
    assert one["detail"]["object"]["sequencer"] != other["detail"]["object"]["sequencer"]


def test_a_later_version_of_a_central_object_has_the_greater_sequencer() -> None:
    def sequencer(number: int) -> str:
        later = replace(CENTRAL, version_id=f"v{number}", time=CENTRAL.time + timedelta(seconds=number))
        return str(s3_record(later)["s3"]["object"]["sequencer"])

    in_time = [sequencer(number) for number in range(20)]
    assert in_time == sorted(in_time)
    assert all(int(one, 16) and len(one) == 18 for one in in_time)


def test_a_copy_and_a_central_object_are_named_as_s3_names_them() -> None:
    assert s3_record(COPY)["eventName"] == "ObjectCreated:Copy"
    assert s3_record(CENTRAL)["eventName"] == "ObjectCreated:Put"
    assert content(Format.EVENTBRIDGE, COPY)["detail"]["reason"] == "CopyObject"
    assert content(Format.EVENTBRIDGE, CENTRAL)["detail"]["reason"] == "PutObject"


def test_the_place_is_the_delivered_objects_own() -> None:
    china = replace(COPY, partition="aws-cn", region="cn-north-1")
    assert s3_record(china)["awsRegion"] == "cn-north-1"
    assert s3_record(china)["s3"]["bucket"]["arn"] == "arn:aws-cn:s3:::owner-logs-222222222222"
    event = content(Format.EVENTBRIDGE, china)
    assert event["resources"] == ["arn:aws-cn:s3:::owner-logs-222222222222"]
    assert (event["account"], event["region"]) == ("222222222222", "cn-north-1")


def test_times_are_utc_as_aws_writes_them() -> None:
    elsewhere = replace(COPY, time=COPY.time.astimezone(timezone(timedelta(hours=9))))
    assert s3_record(elsewhere)["eventTime"] == "2026-11-21T06:07:14.250Z"
    assert content(Format.EVENTBRIDGE, elsewhere)["time"] == "2026-11-21T06:07:14Z"


def test_what_has_no_version_names_none() -> None:
    unversioned = replace(COPY, version_id=None)
    assert "versionId" not in s3_record(unversioned)["s3"]["object"]
    assert "version-id" not in content(Format.EVENTBRIDGE, unversioned)["detail"]["object"]


def test_attributes_say_what_filter_policies_go_by() -> None:
    assert attributes(log_file(region="eu-west-1")) == {
        "account_id": {"DataType": "String", "StringValue": "222222222222"},
        "log_type": {"DataType": "String", "StringValue": "CloudTrail"},
        "region": {"DataType": "String", "StringValue": "eu-west-1"},
    }
    assert attributes(log_file(region=None)).keys() == {"account_id", "log_type"}


@pytest.mark.parametrize("log_type", ["", "bell\x07", "half \ud800", "\ufffe", "x" * 257])
def test_an_attribute_that_sns_would_refuse_is_other(log_type: str) -> None:
    assert attributes(log_file(log_type=log_type))["log_type"]["StringValue"] == "Other"


@pytest.mark.parametrize("log_type", ["x" * 256, "café", "\U0001f600", "two words"])
def test_an_attribute_that_sns_takes_is_kept(log_type: str) -> None:
    assert attributes(log_file(log_type=log_type))["log_type"]["StringValue"] == log_type
