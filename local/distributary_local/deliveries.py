"""What came of the log files: read from the function's own log and from the receiving buckets, not from the plan."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from distributary_local.deployment import Deployment
from distributary_local.log_files import GeneratedFile


@dataclass(frozen=True, slots=True)
class Told:
    """One log line of a delivering function: how one log file's event ended."""

    key: str
    outcome: str
    reason: str | None
    time: float
    """When the line was written, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Written:
    """A log file in the central bucket, and when writing it began, in seconds since the epoch."""

    file: GeneratedFile
    time: float


def read_outcomes(
    deployment: Deployment, log_group: str = "DELIVER_TO_OWNER_LOG_GROUP", since: float = 0.0
) -> list[Told]:
    """Every outcome that a function has logged so far, oldest first; the log group is named as here or there."""
    client = deployment.emulator.client("logs", deployment.environment["AWS_ACCESS_KEY_ID"])
    name = deployment.environment.get(log_group, log_group)
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=int(since * 1000))
    lines = (event["message"] for page in pages for event in page["events"])
    return sorted((told for line in lines for told in _parse(line)), key=lambda told: told.time)


def final_outcomes(told: list[Told]) -> dict[str, Told]:
    """The first final outcome of each key; a failed attempt that was repeated doesn't count."""
    final: dict[str, Told] = {}
    for one in told:
        if one.outcome != "failed":
            final.setdefault(one.key, one)
    return final


def last_outcomes(told: list[Told]) -> dict[str, Told]:
    """The last outcome of each key so far, final or not."""
    return {one.key: one for one in told}


def read_bucket(deployment: Deployment, account_id: str, bucket: str) -> dict[str, tuple[str, int]]:
    """Each key of a bucket, as its owner's root sees it, with its ETag and its size in bytes."""
    pages = deployment.emulator.client("s3", account_id).get_paginator("list_objects_v2").paginate(Bucket=bucket)
    objects = (found for page in pages for found in page.get("Contents", []))
    return {found["Key"]: (found["ETag"], found["Size"]) for found in objects}


def _parse(line: str) -> Iterator[Told]:
    try:
        fields: Any = json.loads(line)
    except ValueError:
        return  # START, END and REPORT lines
    if isinstance(fields, Mapping) and "outcome" in fields and fields.get("key"):
        written = datetime.fromisoformat(fields["timestamp"]).timestamp()
        yield Told(fields["key"], fields["outcome"], fields.get("reason"), written)
