"""Whose log file is it: the grammar of the central bucket's keys. Pure, and total: any text gets an answer.

    <prefix>AWSLogs/[<organisation ID>/]<account ID>/<log type>/…/<file name>
    <prefix>AWSLogs/aws-account-id=<account ID>/aws-service=<log type>/aws-region=<Region>/…

The account ID is read only where IAM's policies read it too (`policies.owned_resources`), so a routed key can always be
copied by its owner's session and by no other. docs/keys.md has the table of layouts and their AWS pages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from distributary.outcomes import Outcome

ROOT = "AWSLogs/"
MAPPED = "Mapped"
"""The log type of keys that `prefix_accounts` routes: nothing in them says more."""
OTHER = "Other"
KNOWN_LOG_TYPES = frozenset(
    {"CloudTrail", "CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated"}
    | {"Config", "GuardDuty", "Macie", "WAFLogs", "BedrockModelInvocationLogs", "vpcflowlogs", "vpcdnsquerylogs"}
    | {"elasticloadbalancing", "network-firewall", "redshift", MAPPED, "Unreadable", "ControlMessage", "OtherEvent"}
)
TEST_OBJECTS = frozenset(
    {"ConfigWritabilityCheckFile", "amazon-bedrock-logs-permission-check"}
    | {"ELBAccessLogTestFile", "ELBConnectionLogTestFile", "ELBHealthCheckLogTestFile"}
)
"""What services write to find out whether they may write."""
MAX_SHOWN = 256
"""Characters of a key that a reason repeats."""

_ACCOUNT_ID = re.compile(r"[0-9]{12}", re.ASCII)
_HIVE_ACCOUNT = "aws-account-id="
_ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", re.ASCII)
# Where AWS's file names hold the account ID: first of all, behind ELB's kinds of log, or in the resolver's own place.
# First of all a time to the minute has twelve digits too: refusing it would lose the files of a service we don't know.
_MINUTE = r"20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])[0-5][0-9]"
_NAMED_ACCOUNT = re.compile(
    rf"(?:^(?:(?!{_MINUTE}_)|conn_log[._]|health_check_log[._])|_vpcdnsquerylogs_)([0-9]{{12}})_", re.ASCII
)


@dataclass(frozen=True, slots=True)
class KeyLayout:
    """Which keys are routed. What is not configured is unroutable, never guessed."""

    key_prefixes: tuple[str, ...] = ("", "/")
    """What may stand before `AWSLogs/`. Network Firewall, given no prefix, writes a leading `/`."""
    organization_id: str | None = None
    """The organisation whose `AWSLogs/o-…/` keys are routed."""
    prefix_accounts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Prefix to account ID, for layouts whose keys hold no account ID. The longest prefix wins."""


class LogFile(NamedTuple):
    """A key that names its owner."""

    key: str
    account_id: str
    log_type: str
    """As AWS spells it in the key: `CloudTrail`, `vpcflowlogs`, …"""
    region: str | None


class UnroutedKey(NamedTuple):
    """A key that is delivered to nobody; `outcome` is ignored, unroutable or refused, `reason` is for people.

    The other fields are what could be read all the same.
    """

    key: str
    outcome: Outcome
    reason: str
    account_id: str | None = None
    log_type: str | None = None
    region: str | None = None


def parse_key(key: str, layout: KeyLayout) -> LogFile | UnroutedKey:
    """Read a decoded key. Never raises, whatever the text."""
    if reason := _forgery(key):
        return UnroutedKey(key, Outcome.REFUSED, reason)
    routed = _route(key, layout)
    if reason := _no_log_file(key):
        return UnroutedKey(key, Outcome.IGNORED, reason, routed.account_id, routed.log_type, routed.region)
    return routed


def metric_log_type(log_type: str) -> str:
    """The log type as a metric's dimension: each value is paid for, so unknown ones share `Other`."""
    return log_type if log_type in KNOWN_LOG_TYPES else OTHER


def _route(key: str, layout: KeyLayout) -> LogFile | UnroutedKey:
    mapped = [one for one in layout.prefix_accounts if key.startswith(one)]
    if mapped:
        prefix = max(mapped, key=len)
        return _mapped(key, prefix, layout.prefix_accounts[prefix])
    before, root, after = key.partition(ROOT)
    if not root:
        return _unroutable(key, "it holds no AWSLogs/ and no account ID: map its prefix to an account (PrefixAccount1)")
    if before not in layout.key_prefixes:
        return _unroutable(key, f"{before[:MAX_SHOWN]!r} is not among the key prefixes: add it to KeyPrefixes")
    return _owned(key, after.split("/"), layout)


def _forgery(key: str) -> str | None:
    if f"{key}/".count(ROOT) > 1:
        return "it holds AWSLogs/ twice and so could name two accounts: let no prefix of yours end with AWSLogs/"
    if {".", ".."} & set(key.split("/")):
        return "it holds a . or .. segment, which tools resolve to another place; AWS writes no such key"
    return None


def _no_log_file(key: str) -> str | None:
    if key.endswith("/"):
        return "it ends with / and marks a folder"
    name = key.rpartition("/")[2]
    return f"{name} is a service's test of its permissions" if name in TEST_OBJECTS else None


def _mapped(key: str, prefix: str, account_id: str) -> LogFile | UnroutedKey:
    if ROOT in key:
        reason = f"prefix {prefix} is mapped to account {account_id}, but an AWSLogs/ in it names an account as well"
        return UnroutedKey(key, Outcome.REFUSED, reason)
    return LogFile(key, account_id, MAPPED, None)


def _owned(key: str, segments: list[str], layout: KeyLayout) -> LogFile | UnroutedKey:
    """What follows `AWSLogs/`: perhaps an organisation, then the account, then the service's own layout."""
    is_hive = segments[0].startswith(_HIVE_ACCOUNT)
    if _ORGANIZATION_ID.fullmatch(segments[0]):
        if segments[0] != layout.organization_id:
            return _unroutable(key, f"organisation {segments[0]} is not the configured one (OrganizationId)")
        segments = segments[1:] or [""]
    account_id = segments[0].removeprefix(_HIVE_ACCOUNT) if is_hive else segments[0]
    if not _ACCOUNT_ID.fullmatch(account_id):
        return _unroutable(key, f"{segments[0][:MAX_SHOWN]!r} stands where the account ID should: twelve digits")
    if len(segments) < 2:
        return _unroutable(key, f"it ends with account ID {account_id} and names no file in it")
    log_type, region = _hive(segments[1:-1]) if is_hive else _plain(segments[1:-1])
    if other := _another_account(segments[1:], account_id):
        reason = f"its path names account {account_id}, but {other} as well; AWS writes no such key"
        return UnroutedKey(key, Outcome.REFUSED, reason, None, log_type, region)
    return LogFile(key, account_id, log_type, region)


def _plain(folders: list[str]) -> tuple[str, str | None]:
    """`<log type>/<Region>/…`, or `<log type>/<kind>/<Region>/…` as Network Firewall has it."""
    region = next((folder for folder in folders[1:3] if _REGION.fullmatch(folder)), None)
    return (folders[0] if folders and folders[0] else OTHER), region


def _hive(folders: list[str]) -> tuple[str, str | None]:
    """`aws-service=<log type>/aws-region=<Region>/…`, or the bare `<log type>/…` that CloudFront has."""
    values = dict(folder.split("=", 1) for folder in folders if "=" in folder)
    region = values.get("aws-region", "")
    bare = folders[0] if folders and "=" not in folders[0] else ""
    return values.get("aws-service") or bare or OTHER, (region if _REGION.fullmatch(region) else None)


def _another_account(segments: list[str], account_id: str) -> str | None:
    """An account that the file name, or a second Hive segment, names instead of the path's."""
    named = [segment.removeprefix(_HIVE_ACCOUNT) for segment in segments if segment.startswith(_HIVE_ACCOUNT)]
    named += _NAMED_ACCOUNT.findall(segments[-1])
    return next((other for other in named if other != account_id), None)


def _unroutable(key: str, reason: str) -> UnroutedKey:
    return UnroutedKey(key, Outcome.UNROUTABLE, reason)
