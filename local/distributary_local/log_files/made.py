"""A made-up log file, and what all of them are made from."""

import gzip
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias

from distributary.outcomes import Outcome
from distributary_local.trail_records import GLOBAL_REGION

Json: TypeAlias = dict[str, object]


MINIMUM_FOR_EVERY_KIND = 14
"""The least number of files that holds every special kind, where some account is subscribed and another is not."""
BUCKET = "amzn-s3-demo-central-bucket"
HOME_REGION = "eu-central-1"
"""The special files' Region. No ordinary log file is in it, so that its digest files name all there is."""
REGIONS = (GLOBAL_REGION, "us-west-2", "eu-west-1", "ap-southeast-2")
"""The ordinary log files' Regions."""
TRAIL_NAME = "central"
STRANGER = "210987654321"
"""Whom a forged key names where there is only one account."""
STEP = timedelta(minutes=5)
"""CloudTrail and VPC flow logs deliver about this often."""
HOUR = timedelta(hours=1)
"""CloudTrail delivers a digest file this often."""
_FLOW_LOG_HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
_ALPHANUMERICS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedFile:
    """One object for the central bucket, and what should become of it."""

    key: str
    body: bytes
    account_id: str | None = None
    """The owner. None where the key names no account, or (forged) two."""
    content_type: str = "application/json"
    content_encoding: str | None = "gzip"
    metadata: Mapping[str, str] = field(default_factory=dict)
    expected_outcome: Outcome
    """For the owner's own subscription, when the event is seen for the first time."""
    description: str


@dataclass(frozen=True, slots=True)
class Central:
    """What the files are made from. `until` is in UTC, on a five-minute step."""

    rng: Random
    account_ids: tuple[str, ...]
    subscribed: frozenset[str]
    organization_id: str
    until: datetime
    bucket: str

    def owner(self, number: int) -> str:
        """Take turns among the subscribed accounts, or all where none is subscribed."""
        owners = [account_id for account_id in self.account_ids if account_id in self.subscribed]
        owners = owners or list(self.account_ids)
        return owners[number % len(owners)]

    def other(self, account_id: str) -> str:
        """Another account than this one."""
        return next((each for each in self.account_ids if each != account_id), STRANGER)

    def outcome(self, account_id: str) -> Outcome:
        """What becomes of a file of this account."""
        return Outcome.DELIVERED if account_id in self.subscribed else Outcome.UNSUBSCRIBED

    def suffix(self, length: int = 16) -> str:
        """Random letters and digits."""
        return "".join(self.rng.choices(_ALPHANUMERICS, k=length))


def owned_file(central: Central, account_id: str, key: str, body: bytes, description: str) -> GeneratedFile:
    """A gzipped JSON file of one account."""
    outcome = central.outcome(account_id)
    return GeneratedFile(key=key, body=body, account_id=account_id, expected_outcome=outcome, description=description)


def gzipped_json(document: Json) -> bytes:
    """The same bytes for the same document."""
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0)


def on_the_step(moment: datetime) -> datetime:
    """The five-minute step at or before a moment."""
    return moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)
