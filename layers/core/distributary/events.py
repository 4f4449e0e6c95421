"""What an event says: every envelope that carries the news of a new object, unwrapped and decoded in this one place.

An S3 event may come by itself, in an SQS message, in an SNS message in an SQS message, or in an SNS event; an
EventBridge event by itself or in an SQS message; CloudTrail's own notification through SNS. Object keys are
form-encoded in S3's notifications (a space is `+`) and plain in EventBridge's and CloudTrail's. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard
from urllib.parse import unquote_plus

from distributary.errors import DistributaryError

TEST_EVENT = "s3:TestEvent"
VALIDATION_MESSAGE = "CloudTrail validation message."
MAX_DEPTH = 4
"""Envelopes in envelopes: an SQS record, an SNS notification and the S3 event in it make three."""
MAX_EXCERPT = 200
"""Characters of a message that an error repeats."""
# JSON can spell halves of a surrogate pair. They are no UTF-8, so no key holds one and no log line could show it.
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class UnreadableEventError(DistributaryError):
    """A message is none of the known envelopes. `reason` says what is wrong, `excerpt` shows its beginning."""

    def __init__(self, reason: str, message: object) -> None:
        self.reason = reason
        self.excerpt = _excerpt(message)
        super().__init__(f"{reason}: {self.excerpt}")


class Addressee(NamedTuple):
    """A subscription that is still to be served."""

    name: str
    account_id: str | None = None
    """Of the receiving account, by which it is found where it has another name by now; older messages don't tell."""


class ObjectCreated(NamedTuple):
    """A new object in a bucket. `key` is decoded; what an envelope doesn't say is None."""

    bucket: str
    key: str
    version_id: str | None = None
    size: int | None = None
    """Bytes."""
    etag: str | None = None
    event_time: str | None = None
    """ISO 8601, as sent."""
    subscriptions: tuple[Addressee, ...] = ()
    """Those that are still to be served; none where all are. Only our own redeliveries name them."""
    attempts: int = 0
    """How often a redelivery has been tried before."""
    since: int = 0
    """When a redelivery was first announced, in seconds since the epoch; 0 where nobody says."""


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """A message that only tests the way: S3's test event, CloudTrail's validation message."""

    name: str


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event that creates no object, such as `ObjectRemoved:Delete`."""

    name: str


Notice = ObjectCreated | ControlMessage | OtherEvent


def is_queue_batch(event: object) -> bool:
    """Whether a Lambda event is a batch of SQS messages, which is answered with the failed ones."""
    records = event.get("Records") if isinstance(event, dict) else None
    return isinstance(records, list) and bool(records) and all(_source(record) == "aws:sqs" for record in records)


def read_message(body: str | Mapping[str, Any]) -> tuple[Notice, ...]:
    """Everything that one message announces: the body of an SQS message, or a whole Lambda event. Never nothing.

    A message is read whole or not at all: one bad record makes it unreadable, so that nothing in it is passed over.

    Raises:
        UnreadableEventError: and nothing else, whatever the message is.
    """
    return tuple(_read(body, 0))


def _read(value: Any, depth: int) -> Iterator[Notice]:
    if depth > MAX_DEPTH:
        raise UnreadableEventError("too many envelopes in envelopes", value)
    if isinstance(value, str) and value.strip() == VALIDATION_MESSAGE:
        yield ControlMessage(VALIDATION_MESSAGE)
        return
    if isinstance(value, str):
        value = _parse_json(value)
    if not isinstance(value, dict):
        raise UnreadableEventError("not a JSON object", value)
    yield from _unwrap(value, depth)


def _unwrap(value: Mapping[str, Any], depth: int) -> Iterator[Notice]:
    if value.get("Type") == "Notification" and "Message" in value:
        yield from _read(value["Message"], depth + 1)
    elif "detail-type" in value:
        yield _eventbridge(value)
    elif "s3Bucket" in value:
        yield from _cloudtrail(value)
    elif value.get("Event") == TEST_EVENT:
        yield ControlMessage(TEST_EVENT)
    elif isinstance(records := value.get("Records"), list) and records:
        for record in records:
            yield from _record(record, depth)
    else:
        raise UnreadableEventError("no envelope that announces objects", value)


def _record(record: Any, depth: int) -> Iterator[Notice]:
    match _source(record):
        case "aws:s3":
            yield _s3(record)
        case "aws:sns":
            yield from _read(_field(record, "Sns", "Message"), depth + 1)
        case "aws:sqs":
            yield from _read(_field(record, "body"), depth + 1)
        case source:
            raise UnreadableEventError(f"a record of source {_excerpt(source)}", record)


def _s3(record: Mapping[str, Any]) -> Notice:
    version = record.get("eventVersion", "2.1")
    if not isinstance(version, str) or version.partition(".")[0] != "2":
        raise UnreadableEventError(f"eventVersion {_excerpt(version)} is not 2.x", record)
    name = _field(record, "eventName").removeprefix("s3:")
    if not name.startswith("ObjectCreated:"):
        return OtherEvent(name)
    try:
        key = unquote_plus(_field(record, "s3", "object", "key"), errors="strict")
    except UnicodeDecodeError as error:
        raise UnreadableEventError("the object key is not form-encoded UTF-8", record) from error
    return _created(record, _field(record, "s3", "bucket", "name"), key, record["s3"]["object"], "versionId")


def _eventbridge(event: Mapping[str, Any]) -> Notice:
    name = _field(event, "detail-type")
    if name != "Object Created" or event.get("source") != "aws.s3":
        return OtherEvent(name)
    bucket, key = _field(event, "detail", "bucket", "name"), _field(event, "detail", "object", "key")
    created = _created(event, bucket, key, event["detail"]["object"], "version-id")
    return _redelivered(event, created) if "distributary" in event else created


def _redelivered(event: Mapping[str, Any], created: ObjectCreated) -> ObjectCreated:
    """What `queues.redelivery` adds."""
    ours = event["distributary"]
    names = ours.get("subscriptions") if isinstance(ours, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UnreadableEventError("distributary.subscriptions is not a list of names", event)
    account_ids = ours.get("account_ids", [None] * len(names))
    if not isinstance(account_ids, list) or not all(isinstance(one, str | None) for one in account_ids):
        raise UnreadableEventError("distributary.account_ids is not a list of account IDs", event)
    if len(account_ids) != len(names):
        raise UnreadableEventError("distributary.account_ids is not as long as .subscriptions", event)
    attempts, since = ours.get("attempts", 0), ours.get("since", 0)
    if not all(type(number) is int and number >= 0 for number in (attempts, since)):
        raise UnreadableEventError("distributary.attempts or .since is not a number", event)
    addressees = tuple(map(Addressee, names, account_ids))
    return created._replace(subscriptions=addressees, attempts=attempts, since=since)


def _cloudtrail(message: Mapping[str, Any]) -> Iterator[Notice]:
    bucket = _field(message, "s3Bucket")
    keys = message.get("s3ObjectKey")
    if isinstance(keys, str):
        keys = [keys]
    if not isinstance(keys, list) or not keys or not all(_is_text(key) for key in keys):
        raise UnreadableEventError("s3ObjectKey is not a list of keys", message)
    for key in keys:
        yield ObjectCreated(bucket, key)


def _created(
    event: Mapping[str, Any], bucket: str, key: str, described: Mapping[str, Any], version_name: str
) -> ObjectCreated:
    """The optional fields are a help, so one of another type than documented counts as missing."""
    version_id, size = described.get(version_name), described.get("size")
    etag, event_time = described.get("eTag", described.get("etag")), event.get("eventTime", event.get("time"))
    return ObjectCreated(
        bucket,
        key,
        version_id=version_id if isinstance(version_id, str) and version_id not in ("", "null") else None,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        etag=etag if isinstance(etag, str) else None,
        event_time=event_time if isinstance(event_time, str) else None,
    )


def _source(record: Any) -> str | None:
    """A record's source; SNS alone spells the field with a capital letter."""
    source = record.get("eventSource", record.get("EventSource")) if isinstance(record, dict) else None
    return source if isinstance(source, str) else None


def _field(value: Mapping[str, Any], *names: str) -> str:
    """The text at a path of names that must be there and not empty."""
    found: Any = value
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    if not _is_text(found):
        raise UnreadableEventError(f"{'.'.join(names)} is missing or not a text", value)
    return found


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value != "" and not _HALF_A_CHARACTER.search(value)


def _excerpt(value: object) -> str:
    try:
        return repr(value)[:MAX_EXCERPT]
    except (RecursionError, ValueError):  # nested without end, or a number of more digits than Python writes
        return f"a {type(value).__name__} that cannot be shown"


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableEventError(f"not JSON ({type(error).__name__})", text) from error
