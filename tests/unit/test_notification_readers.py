"""Each of the programs in docs/notifications.md reads what we publish, by the rules that its own source has.

A reader here takes what its program takes from the queue or from SNS, and returns what it would then get from S3. It
raises where the program would refuse the message or lose it.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest
from delivered import CENTRAL, COPY, USUAL_KEYS, any_key, from_sns_to_lambda, from_sns_to_sqs, from_sns_to_sqs_raw
from hypothesis import given

from distributary.notifications import message
from distributary.subscriptions import Format

usual_keys = pytest.mark.parametrize("key", USUAL_KEYS)


def raw(form: Format, key: str = COPY.key) -> Any:
    """The body of the message in the queue, with raw message delivery."""
    return json.loads(from_sns_to_sqs_raw(message(form, replace(COPY, key=key)))["Records"][0]["body"])


def wrapped(form: Format, key: str = COPY.key) -> Any:
    """The same without: SNS's envelope."""
    return json.loads(from_sns_to_sqs(message(form, replace(COPY, key=key)))["Records"][0]["body"])


def query_unescape(text: str) -> str:
    """Go's url.QueryUnescape and Ruby's CGI.unescape, whichever is the stricter: a stray % is an error."""
    assert re.fullmatch(r"(?:[^%]|%[0-9A-Fa-f]{2})*", text)
    return unquote_plus(text, errors="strict")


def path_unescape(text: str) -> str:
    """Go's url.PathUnescape: a plus stays one."""
    assert re.fullmatch(r"(?:[^%]|%[0-9A-Fa-f]{2})*", text)
    return unquote(text, errors="strict")


@given(any_key)
def test_elastic_reads_it_raw_or_wrapped(key: str) -> None:
    """https://github.com/elastic/beats/blob/main/x-pack/filebeat/input/awss3/sqs_s3_event.go"""

    def elastic(body: Any) -> list[tuple[str, str, str]]:
        if body.get("TopicArn"):
            body = json.loads(body["Message"])
        found = [
            (one["awsRegion"], one["s3"]["bucket"]["name"], query_unescape(one["s3"]["object"]["key"]))
            for one in body["Records"]
            if one["eventSource"] == "aws:s3" and one["eventName"].startswith("ObjectCreated:")
        ]
        assert all(one["s3"]["bucket"]["arn"] for one in body["Records"])  # its documents' IDs are made of it
        return found

    assert elastic(raw(Format.S3, key)) == elastic(wrapped(Format.S3, key)) == [(COPY.region, COPY.bucket, key)]


def splunk(body: Any) -> list[tuple[str, str, dict[str, str]]]:
    """What Splunk asks S3 for: it tries S3's events first, then CloudTrail's, then EventBridge's."""
    if "TopicArn" in body:
        body = json.loads(body["Message"])
    if "Records" in body:
        objects = [
            (one["s3"]["bucket"]["name"], one["s3"]["object"], "eTag", "versionId")
            for one in body["Records"]
            if one["eventName"].startswith("ObjectCreated:") and one["awsRegion"]
        ]
    elif "s3Bucket" in body:
        assert isinstance(body["s3ObjectKey"], list)
        return [(body["s3Bucket"], key, {}) for key in body["s3ObjectKey"]]
    else:
        assert body["region"]
        objects = [(body["detail"]["bucket"]["name"], body["detail"]["object"], "etag", "version-id")]
    return [
        (bucket, unquote_plus(one["key"]), {"IfMatch": one[etag], "VersionId": one[version_id]})
        for bucket, one, etag, version_id in objects
        if one["size"]
    ]


PINNED = {"IfMatch": COPY.etag, "VersionId": COPY.version_id}


@given(any_key)
def test_splunk_reads_an_s3_event_and_asks_for_just_this_object(key: str) -> None:
    """https://splunkbase.splunk.com/app/1876, splunk_ta_aws/modinputs/sqs_based_s3/handler.py in the package"""
    assert splunk(raw(Format.S3, key)) == splunk(wrapped(Format.S3, key)) == [(COPY.bucket, key, PINNED)]


@usual_keys
def test_splunk_reads_the_other_formats_with_usual_keys(key: str) -> None:
    """https://splunkbase.splunk.com/app/1876, splunk_ta_aws/modinputs/sqs_based_s3/handler.py in the package

    It decodes EventBridge's keys, which are plain; so the usual ones only.
    """
    assert splunk(raw(Format.EVENTBRIDGE, key)) == [(COPY.bucket, key, PINNED)]
    assert splunk(raw(Format.CLOUDTRAIL, key)) == [(COPY.bucket, key, {})]


@given(any_key)
def test_vector_reads_it_raw_or_wrapped(key: str) -> None:
    """https://github.com/vectordotdev/vector/blob/master/src/sources/aws_s3/sqs.rs"""

    def vector(body: str) -> list[tuple[str, str]]:
        envelope = json.loads(body)
        event = envelope.get("Message", body)
        # It borrows the key's bytes from the event's text, which it can only where JSON escapes nothing.
        assert all("\\" not in text for text in re.findall(r'"key":"((?:[^"\\]|\\.)*)"', event))
        found = []
        for record in json.loads(event)["Records"]:
            assert int(record["eventVersion"].split(".", 1)[0]) == 2
            assert int(record["eventVersion"].split(".", 1)[1]) >= 0
            assert record["eventName"].split(":", 1)[0] == "ObjectCreated"
            assert record["eventSource"]
            assert record["awsRegion"] == "eu-west-1", "it refuses what isn't its own Region"
            encoded = record["s3"]["object"]["key"].replace("+", " ")
            found.append((record["s3"]["bucket"]["name"], unquote(encoded, errors="strict")))
        return found

    assert (
        vector(json.dumps(raw(Format.S3, key), separators=(",", ":")))
        == vector(json.dumps(wrapped(Format.S3, key)))
        == [(COPY.bucket, key)]
    )


@given(any_key)
def test_datadogs_forwarder_reads_it_from_sns_and_its_first_record_is_all(key: str) -> None:
    """https://github.com/DataDog/datadog-serverless-functions, aws/logs_monitoring/steps/handlers/s3_handler.py"""

    def datadog(event: Any) -> tuple[str, str]:
        event = json.loads(event["Records"][0]["Sns"]["Message"])
        return event["Records"][0]["s3"]["bucket"]["name"], unquote_plus(event["Records"][0]["s3"]["object"]["key"])

    text = message(Format.S3, replace(COPY, key=key))
    assert datadog(from_sns_to_lambda(text)) == (COPY.bucket, key)
    assert len(json.loads(text)["Records"]) == 1


def panther(body: Any) -> list[tuple[str, str]]:
    """What Panther fetches; it takes SNS's envelope only, and tries CloudTrail's messages before S3's events."""
    assert body["Type"] == "Notification"
    event = json.loads(body["Message"])
    if keys := event.get("s3ObjectKey"):
        return [(event["s3Bucket"], key) for key in keys]
    return [(one["s3"]["bucket"]["name"], path_unescape(one["s3"]["object"]["key"])) for one in event["Records"]]


@given(any_key)
def test_panther_reads_it_wrapped_and_takes_no_plus_for_a_space(key: str) -> None:
    """https://github.com/panther-labs/panther, internal/log_analysis/log_processor/sources/s3.go"""
    assert panther(wrapped(Format.S3, key)) == panther(wrapped(Format.CLOUDTRAIL, key)) == [(COPY.bucket, key)]


@usual_keys
def test_falco_reads_it_wrapped_and_decodes_nothing(key: str) -> None:
    """https://github.com/falcosecurity/plugins/blob/main/plugins/cloudtrail/pkg/cloudtrail/source.go"""

    def falco(body: Any, *, use_s3_sns: bool) -> list[tuple[str, str]]:
        assert body["Type"] == "Notification"
        event = json.loads(body["Message"])
        if not use_s3_sns:
            return [(event["s3Bucket"], key) for key in event["s3ObjectKey"]]
        for record in event["Records"]:  # the types of aws-lambda-go's events.S3Event
            assert datetime.fromisoformat(record["eventTime"]).tzinfo
            assert isinstance(record["s3"]["object"]["size"], int)
            query_unescape(record["s3"]["object"]["key"])
        return [(one["s3"]["bucket"]["name"], one["s3"]["object"]["key"]) for one in event["Records"]]

    assert falco(wrapped(Format.S3, key), use_s3_sns=True) == [(COPY.bucket, key)]
    assert falco(wrapped(Format.CLOUDTRAIL, key), use_s3_sns=False) == [(COPY.bucket, key)]


@given(any_key)
def test_wazuh_reads_it_raw_its_first_record_only_and_takes_no_plus_for_a_space(key: str) -> None:
    """https://github.com/wazuh/wazuh, wodles/aws/subscribers: sqs_message_processor.py and s3_log_handler.py"""

    def wazuh(body: Any) -> tuple[str, str]:
        first = body["Records"][0]["s3"]
        return first["bucket"]["name"], unquote(first["object"]["key"])

    assert wazuh(raw(Format.S3, key)) == (COPY.bucket, key)
    assert len(raw(Format.S3, key)["Records"]) == 1
    with pytest.raises(KeyError):
        wazuh(wrapped(Format.S3, key))


@given(any_key)
def test_logstash_reads_it_wrapped_or_raw_as_it_is_told(key: str) -> None:
    """https://github.com/cherweg/logstash-input-s3-sns-sqs/blob/master/lib/logstash/inputs/sqs/poller.rb"""

    def logstash(body: Any, *, from_sns: bool) -> list[tuple[str, str]]:
        event = json.loads(body["Message"]) if from_sns else body
        return [
            (query_unescape(one["s3"]["bucket"]["name"]), query_unescape(one["s3"]["object"]["key"]))
            for one in event["Records"]
            if one["eventSource"] == "aws:s3" and one["eventName"].startswith("ObjectCreated")
        ]

    assert logstash(wrapped(Format.S3, key), from_sns=True) == [(COPY.bucket, key)]
    assert logstash(raw(Format.S3, key), from_sns=False) == [(COPY.bucket, key)]


@given(any_key)
def test_graylog_reads_cloudtrails_format_wrapped(key: str) -> None:
    """https://github.com/Graylog2/graylog-plugin-aws, CloudtrailSNSNotificationParser.java"""

    def graylog(body: Any) -> list[tuple[str, str]]:
        event = json.loads(body["Message"])
        return [(event["s3Bucket"], one) for one in event["s3ObjectKey"]]

    assert graylog(wrapped(Format.CLOUDTRAIL, key)) == [(COPY.bucket, key)]


def test_a_central_object_passes_for_an_object_created_too() -> None:
    """What the readers check of the event's name holds for both names."""
    central = json.loads(message(Format.S3, CENTRAL))
    assert splunk(central) == [(CENTRAL.bucket, CENTRAL.key, PINNED)]
