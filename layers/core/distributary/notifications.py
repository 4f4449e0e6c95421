"""What is said on a topic of a delivered object, in one of the forms that consumers read already. Pure.

One file per message, because several consumers read only the first. docs/notifications.md says who reads what; tests
hold each form to the rules of its readers. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from distributary.keys import OTHER, LogFile
from distributary.subscriptions import Format

if TYPE_CHECKING:
    from uuid import UUID

NO_ADDRESS = "127.0.0.1"
"""S3 itself copies, so the request has no address to tell; strict readers want one all the same."""
MAX_ATTRIBUTE = 256
"""Characters of a message attribute. No log type or Region of AWS is a fifth as long."""
# A space is %20, never the + of S3's own events: who decodes form-encoding reads it and who decodes URLs does too.
# = : and / stay, so that who decodes nothing reads the usual keys, Hive's and Redshift's included. What JSON escapes
# is encoded: Vector takes the key's text as it stands in the message.
_LITERAL = "".join(chr(code) for code in range(ord("!"), ord("~") + 1) if chr(code) not in '%+"\\')
# The characters that SNS takes: https://www.w3.org/TR/xml/#charsets
_XML_TEXT = "[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+"  # takes milliseconds to compile


@dataclass(frozen=True, slots=True)
class DeliveredObject:
    """The object that a receiver is told to read: its own copy, or the one in the central bucket."""

    bucket: str
    key: str
    """Decoded."""
    region: str
    account_id: str
    """The bucket's owner."""
    partition: str
    size: int
    """Bytes."""
    etag: str
    """Without its quotes."""
    version_id: str | None
    time: datetime
    """When it was delivered; aware."""
    copied: bool
    """Whether it is a copy. Nothing overwrites one, so its key has one version only."""


def message(form: Format, delivered: DeliveredObject) -> str:
    """The text to publish: compact JSON in ASCII. The same object gives the same text, but for its time."""
    match form:
        case Format.S3:
            content = _s3(delivered)
        case Format.CLOUDTRAIL:
            content = {"s3Bucket": delivered.bucket, "s3ObjectKey": [delivered.key]}
        case Format.EVENTBRIDGE:
            content = _eventbridge(delivered)
    return json.dumps(content, separators=(",", ":"))


def attributes(log_file: LogFile) -> dict[str, dict[str, str]]:
    """What a receiver's filter policy can go by, in the form of SNS's MessageAttributes.

    A value that SNS would refuse is `Other`: a strange key must not keep its own notification from being published.
    """
    values = {"account_id": log_file.account_id, "log_type": log_file.log_type, "region": log_file.region}
    return {
        name: {"DataType": "String", "StringValue": _publishable(value)}
        for name, value in values.items()
        if value is not None
    }


def _s3(delivered: DeliveredObject) -> dict[str, Any]:
    identity = _identity(delivered)
    described = {"key": quote(delivered.key, safe=_LITERAL), "size": delivered.size, "eTag": delivered.etag}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": delivered.region,
        "eventTime": _time(delivered.time, "milliseconds"),
        "eventName": "ObjectCreated:Copy" if delivered.copied else "ObjectCreated:Put",
        "userIdentity": {"principalId": f"AWS:{delivered.account_id}"},
        "requestParameters": {"sourceIPAddress": NO_ADDRESS},
        "responseElements": {"x-amz-request-id": _request_id(identity), "x-amz-id-2": identity.hex},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "distributary",
            "bucket": {
                "name": delivered.bucket,
                "ownerIdentity": {"principalId": delivered.account_id},
                "arn": _bucket_arn(delivered),
            },
            "object": described | _version("versionId", delivered) | {"sequencer": _sequencer(delivered, identity)},
        },
    }
    return {"Records": [record]}


def _eventbridge(delivered: DeliveredObject) -> dict[str, Any]:
    identity = _identity(delivered)
    described = {"key": delivered.key, "size": delivered.size, "etag": delivered.etag}
    return {
        "version": "0",
        "id": str(identity),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": delivered.account_id,
        "time": _time(delivered.time, "seconds"),
        "region": delivered.region,
        "resources": [_bucket_arn(delivered)],
        "detail": {
            "version": "0",
            "bucket": {"name": delivered.bucket},
            "object": described | _version("version-id", delivered) | {"sequencer": _sequencer(delivered, identity)},
            "request-id": _request_id(identity),
            "requester": delivered.account_id,
            "source-ip-address": NO_ADDRESS,
            "reason": "CopyObject" if delivered.copied else "PutObject",
        },
    }


def _identity(delivered: DeliveredObject) -> "UUID":
    """Which object it is, and no other; not when, so that a repeated notification is known as one."""
    from uuid import NAMESPACE_URL, uuid5  # only who notifies needs it; it looks the platform over when imported

    return uuid5(NAMESPACE_URL, json.dumps([delivered.bucket, delivered.key, delivered.version_id, delivered.etag]))


def _sequencer(delivered: DeliveredObject, identity: "UUID") -> str:
    """In hexadecimal like S3's: of two events of one key the later has the greater.

    Of a copy there is no later one, and its time isn't told alike when it is made and when it is found.
    """
    seconds = 0 if delivered.copied else int(delivered.time.timestamp())
    return f"{seconds:010X}{identity.hex[-8:].upper()}"


def _version(name: str, delivered: DeliveredObject) -> dict[str, str]:
    return {} if delivered.version_id is None else {name: delivered.version_id}


def _request_id(identity: "UUID") -> str:
    return identity.hex[:16].upper()


def _bucket_arn(delivered: DeliveredObject) -> str:
    return f"arn:{delivered.partition}:s3:::{delivered.bucket}"


def _time(time: datetime, precision: str) -> str:
    return time.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _publishable(value: str) -> str:
    return value if len(value) <= MAX_ATTRIBUTE and re.fullmatch(_XML_TEXT, value) else OTHER
