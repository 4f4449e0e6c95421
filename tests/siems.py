"""The programs in docs/notifications.md, by the rules that the source of each has.

Each takes what its program takes from the queue or from SNS, and returns what it would then ask S3 for: nothing where
it passes a message over. It raises `RefusedError` where the program would refuse the message, or delete it unread.
"""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote, unquote_plus


class RefusedError(Exception):
    """The program refuses the message, or loses it."""


def elastic(body: Any) -> list[tuple[str, str, str]]:
    """https://github.com/elastic/beats/blob/main/x-pack/filebeat/input/awss3/sqs_s3_event.go"""
    if body.get("TopicArn"):
        body = json.loads(body["Message"])
    if "Records" not in body:
        raise RefusedError("it deletes the message")
    found = [
        (one["awsRegion"], one["s3"]["bucket"]["name"], query_unescape(one["s3"]["object"]["key"]))
        for one in body["Records"]
        if one["eventSource"] == "aws:s3" and one["eventName"].startswith("ObjectCreated:")
    ]
    assert all(one["s3"]["bucket"]["arn"] for one in body["Records"])  # its documents' IDs are made of it
    return found


def splunk(body: Any) -> list[tuple[str, str, dict[str, str]]]:
    """https://splunkbase.splunk.com/app/1876, splunk_ta_aws/modinputs/sqs_based_s3/handler.py in the package

    It tries S3's events first, then CloudTrail's, then EventBridge's, whose keys it decodes although they are plain.
    """
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


def vector(body: str, region: str) -> list[tuple[str, str]]:
    """https://github.com/vectordotdev/vector/blob/master/src/sources/aws_s3/sqs.rs"""
    envelope = json.loads(body)
    event = envelope.get("Message", body)
    # It borrows the key's bytes from the event's text, which it can only where JSON escapes nothing.
    if any("\\" in text for text in re.findall(r'"key":"((?:[^"\\]|\\.)*)"', event)):
        raise RefusedError("the key is escaped")
    if "Records" not in json.loads(event):
        raise RefusedError("neither an event nor a test event")
    found = []
    for record in json.loads(event)["Records"]:
        major, _, minor = record["eventVersion"].partition(".")
        if int(major) != 2 or int(minor) < 0:
            raise RefusedError("eventVersion")
        if record["awsRegion"] != region:
            raise RefusedError("another Region than its own")
        assert record["eventSource"]
        if record["eventName"].split(":", 1)[0] == "ObjectCreated":
            encoded = record["s3"]["object"]["key"].replace("+", " ")
            found.append((record["s3"]["bucket"]["name"], unquote(encoded, errors="strict")))
    return found


def datadog(event: Any) -> tuple[str, str]:
    """https://github.com/DataDog/datadog-serverless-functions, aws/logs_monitoring/steps: parsing.py, s3_handler.py"""
    event = json.loads(event["Records"][0]["Sns"]["Message"])
    if "Records" not in event:
        raise RefusedError("it sends the message itself as a log")
    first = event["Records"][0]["s3"]
    return first["bucket"]["name"], unquote_plus(first["object"]["key"])


def panther(body: Any) -> list[tuple[str, str]]:
    """https://github.com/panther-labs/panther, internal/log_analysis/log_processor/sources/s3.go

    It tries CloudTrail's messages before S3's events.
    """
    if body.get("Type") != "Notification":
        raise RefusedError("not in SNS's envelope")
    event = json.loads(body["Message"])
    if keys := event.get("s3ObjectKey"):
        return [(event["s3Bucket"], key) for key in keys]
    if not event.get("Records"):
        raise RefusedError("not of a known type")
    return [(one["s3"]["bucket"]["name"], path_unescape(one["s3"]["object"]["key"])) for one in event["Records"]]


def falco(body: Any, *, use_s3_sns: bool) -> list[tuple[str, str]]:
    """https://github.com/falcosecurity/plugins/blob/main/plugins/cloudtrail/pkg/cloudtrail/source.go"""
    if body.get("Type") != "Notification":
        raise RefusedError("not in SNS's envelope")
    event = json.loads(body["Message"])
    if not use_s3_sns:
        return [(event.get("s3Bucket", ""), key) for key in event.get("s3ObjectKey", [])]
    for record in event.get("Records", []):  # the types of aws-lambda-go's events.S3Event
        assert datetime.fromisoformat(record["eventTime"]).tzinfo
        assert isinstance(record["s3"]["object"]["size"], int)
        query_unescape(record["s3"]["object"]["key"])
    return [(one["s3"]["bucket"]["name"], one["s3"]["object"]["key"]) for one in event.get("Records", [])]


def wazuh(body: Any) -> tuple[str, str]:
    """https://github.com/wazuh/wazuh, wodles/aws/subscribers: sqs_message_processor.py and s3_log_handler.py"""
    if "Records" not in body:
        raise RefusedError("it leaves the message in the queue")
    first = body["Records"][0]["s3"]
    return first["bucket"]["name"], unquote(first["object"]["key"])


def logstash(body: Any, *, from_sns: bool) -> list[tuple[str, str]]:
    """https://github.com/cherweg/logstash-input-s3-sns-sqs/blob/master/lib/logstash/inputs/sqs/poller.rb"""
    if from_sns and "Message" not in body:
        raise RefusedError("not in SNS's envelope")
    event = json.loads(body["Message"]) if from_sns else body
    if "Records" not in event:
        raise RefusedError("it returns the message to the queue")
    return [
        (query_unescape(one["s3"]["bucket"]["name"]), query_unescape(one["s3"]["object"]["key"]))
        for one in event["Records"]
        if one["eventSource"] == "aws:s3" and one["eventName"].startswith("ObjectCreated")
    ]


def graylog(body: Any) -> list[tuple[str, str]]:
    """https://github.com/Graylog2/graylog-plugin-aws, CloudtrailSNSNotificationParser.java"""
    event = json.loads(body.get("Message", "{}"))
    return [(event["s3Bucket"], one) for one in event.get("s3ObjectKey", [])]


def query_unescape(text: str) -> str:
    """Go's url.QueryUnescape and Ruby's CGI.unescape, whichever is the stricter: a stray % is an error."""
    assert re.fullmatch(r"(?:[^%]|%[0-9A-Fa-f]{2})*", text)
    return unquote_plus(text, errors="strict")


def path_unescape(text: str) -> str:
    """Go's url.PathUnescape: a plus stays one."""
    assert re.fullmatch(r"(?:[^%]|%[0-9A-Fa-f]{2})*", text)
    return unquote(text, errors="strict")
