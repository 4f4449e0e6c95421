"""Puts the log files that an event announces into the central bucket, so that a function can copy them.

The rule is switched off meanwhile: otherwise the deployed function would be told of the files as well, and deliver them
first. The event gets their version IDs instead of its own, which no bucket but the real one has.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from distributary.events import ObjectCreated, UnreadableEventError, is_queue_batch, read_message
from distributary.keys import LogFile, parse_key
from distributary.settings import read_layout
from distributary_local.deployment import STACK
from distributary_local.emulator import Emulator

_VERSION_ID = re.compile(r'(version-?[iI]d\\*"\s*:\s*\\*")([^"\\]+)')
"""In S3's and EventBridge's events, in however many envelopes: each of those escapes the quotes once more."""


def stage(emulator: Emulator, variables: Mapping[str, str], event: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Put the files of an event where they aren't yet; the event with their version IDs, and how many were put.

    Args:
        emulator: the local AWS.
        variables: a delivering function's.
        event: as Lambda gets it.
    """
    account_id, bucket = variables["CENTRAL_ACCOUNT_ID"], variables["CENTRAL_BUCKET"]
    layout = read_layout(variables)
    s3 = emulator.client("s3", account_id)
    messages: list[Any] = [record["body"] for record in event["Records"]] if is_queue_batch(event) else [event]
    announced = [list(_announced(message)) for message in messages]
    wanted = {
        created.key
        for message in announced
        for created in message
        if created.bucket == bucket and isinstance(parse_key(created.key, layout), LogFile)
    }
    versions = {key: version for key in wanted if (version := _version_id(s3, bucket, key))}
    missing = sorted(wanted - versions.keys())
    if missing:
        with _unannounced(emulator, account_id):
            for key in missing:
                versions[key] = s3.put_object(Bucket=bucket, Key=key, Body=_log_file(key))["VersionId"]
    if is_queue_batch(event):
        pinned = [_pinned(body, names, versions) for body, names in zip(messages, announced, strict=True)]
        records = [record | {"body": body} for record, body in zip(event["Records"], pinned, strict=True)]
        return event | {"Records": records}, len(missing)
    pinned_event: dict[str, Any] = json.loads(_pinned(json.dumps(event), announced[0], versions))
    return pinned_event, len(missing)


def _announced(message: Any) -> Iterator[ObjectCreated]:
    try:
        notices = read_message(message)
    except UnreadableEventError:
        return  # that is what the event shows
    yield from (notice for notice in notices if isinstance(notice, ObjectCreated))


def _pinned(text: str, announced: list[ObjectCreated], versions: Mapping[str, str]) -> str:
    """Replace the version IDs, which stand in the text in the order of the notices."""
    replacements = iter([versions.get(one.key, one.version_id) for one in announced if one.version_id])
    return _VERSION_ID.sub(lambda found: found[1] + (next(replacements, None) or found[2]), text)


def _version_id(s3: Any, bucket: str, key: str) -> str | None:
    try:
        return str(s3.head_object(Bucket=bucket, Key=key)["VersionId"])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return None
        raise


@contextmanager
def _unannounced(emulator: Emulator, account_id: str) -> Iterator[None]:
    stacks, events = (emulator.client(service, account_id) for service in ("cloudformation", "events"))
    found = stacks.describe_stack_resource(StackName=STACK, LogicalResourceId="LogFileCreatedRule")
    rule = found["StackResourceDetail"]["PhysicalResourceId"]
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def _log_file(key: str) -> bytes:
    """Something with one record, different for each key."""
    return gzip.compress(json.dumps({"Records": [{"eventVersion": "1.11", "eventName": key}]}).encode(), mtime=0)
