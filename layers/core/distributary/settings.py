"""What the template tells a function (and the shell tells the command line), by environment variables."""

from collections.abc import Mapping
from typing import NamedTuple

from distributary.errors import DistributaryError
from distributary.keys import ROOT, KeyLayout
from distributary.patterns import ACCOUNT_ID

ENGINES = ("wire", "sdk")
WILDCARDS = frozenset("*?$")
"""What IAM reads as a wildcard or a variable in a resource: a prefix with one would match other keys as well."""


class SettingError(DistributaryError):
    """An environment variable is missing or has a value of the wrong form; `variable` names it."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable} {reason}")
        self.variable = variable


class Settings(NamedTuple):
    """A delivering function's settings; `template.yaml` sets each of them."""

    central_bucket: str
    central_account_id: str
    subscriptions_table: str
    layout: KeyLayout
    log_key_arns: tuple[str, ...]
    """The KMS keys that log files are encrypted with, the bucket's and the trails': sessions must decrypt with them."""
    concurrency: int
    """Deliveries under way at once in one environment."""
    region: str
    """The function's Region, and so the central bucket's, whose events reach it."""
    queue_url: str | None
    """The function's own queue, to which what isn't done returns; without it the whole message does, when it may."""
    dead_letter_queue_url: str | None
    engine: str = "wire"
    """What makes the requests; see `engines.build_engine`."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read all settings.

    Raises:
        SettingError: for the first variable that is missing or malformed.
    """
    account_id = _required(environ, "CENTRAL_ACCOUNT_ID")
    if not ACCOUNT_ID.fullmatch(account_id):
        raise SettingError("CENTRAL_ACCOUNT_ID", f"must be twelve digits, not {account_id!r}")
    concurrency = environ.get("CONCURRENCY", "32")
    if not concurrency.isdecimal() or not 1 <= int(concurrency) <= 512:
        raise SettingError("CONCURRENCY", f"must be a number from 1 to 512, not {concurrency!r}")
    engine = environ.get("DISTRIBUTARY_ENGINE") or "wire"
    if engine not in ENGINES:
        raise SettingError("DISTRIBUTARY_ENGINE", f"must be {' or '.join(ENGINES)}, not {engine!r}")
    return Settings(
        central_bucket=_required(environ, "CENTRAL_BUCKET"),
        central_account_id=account_id,
        subscriptions_table=_required(environ, "SUBSCRIPTIONS_TABLE"),
        layout=read_layout(environ),
        log_key_arns=tuple(_entries(environ.get("LOG_KEY_ARNS", ""))),
        concurrency=int(concurrency),
        region=_required(environ, "AWS_REGION", "Lambda sets it"),
        queue_url=environ.get("QUEUE_URL") or None,
        dead_letter_queue_url=environ.get("DEAD_LETTER_QUEUE_URL") or None,
        engine=engine,
    )


def read_layout(environ: Mapping[str, str]) -> KeyLayout:
    """Read the keys' layout: `KEY_PREFIXES` (a,b,…), `ORGANIZATION_ID`, `PREFIX_ACCOUNTS` (prefix/=account,…).

    Raises:
        SettingError: where a prefix doesn't end with / or holds a wildcard, no account ID follows its =, or a mapped
            prefix begins another one: its account may read all that is behind it.
    """
    layout = KeyLayout(
        key_prefixes=tuple(_key_prefix(prefix.strip()) for prefix in environ.get("KEY_PREFIXES", ",/").split(",")),
        organization_id=environ.get("ORGANIZATION_ID") or None,
        prefix_accounts=dict(_prefix_account(entry) for entry in _entries(environ.get("PREFIX_ACCOUNTS", ""))),
    )
    for mapped in layout.prefix_accounts:
        for other in (*layout.key_prefixes, *(layout.prefix_accounts.keys() - {mapped})):
            if other.startswith(mapped):
                raise SettingError(
                    "PREFIX_ACCOUNTS", f"maps {mapped}, which begins {other}: give it a prefix of its own"
                )
    return layout


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _key_prefix(prefix: str) -> str:
    if prefix and (not prefix.endswith("/") or WILDCARDS & set(prefix)):
        raise SettingError("KEY_PREFIXES", f"holds {prefix!r}; each ends with / and has none of {' '.join(WILDCARDS)}")
    if ROOT in prefix:
        raise SettingError("KEY_PREFIXES", f"holds {prefix!r}; a prefix is what stands before {ROOT}")
    return prefix


def _prefix_account(entry: str) -> tuple[str, str]:
    prefix, _, account_id = entry.rpartition("=")
    if not prefix.endswith("/") or WILDCARDS & set(prefix) or not ACCOUNT_ID.fullmatch(account_id):
        raise SettingError(
            "PREFIX_ACCOUNTS", f"holds {entry!r}; each entry is prefix/=account, such as cdn/=222222222222"
        )
    return prefix, account_id


def _required(environ: Mapping[str, str], variable: str, who: str = "the template sets it on each function") -> str:
    value = environ.get(variable, "")
    if not value:
        raise SettingError(variable, f"is not set; {who}")
    return value
