"""What speaks to AWS for each log file. There are two: `wire` has requests of its own, `sdk` is boto3 throughout.

docs/decisions/2026-11-21-the-engine.md has why, and what each costs.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from distributary.copies import CopyEngine
from distributary.credentials import TokenService
from distributary.publishing import Announcer
from distributary.settings import Settings
from distributary.subscription_table import ItemReader


class Engine(NamedTuple):
    """One environment's connections to AWS."""

    copies: CopyEngine
    announcer: Announcer
    tokens: TokenService
    """Asked from several threads."""
    items: ItemReader
    """Asked from a thread."""
    close: Callable[[], None] = lambda: None


def build_engine(environ: Mapping[str, str], settings: Settings, loop: asyncio.AbstractEventLoop) -> Engine:
    """What `DISTRIBUTARY_ENGINE` names; boto3 where it alone knows the way: through a proxy, to a URL with a path."""
    if settings.engine == "sdk" or any(_is_only_boto3s(*one) for one in environ.items()):
        from distributary.sdk.engine import sdk_engine

        return sdk_engine(settings.concurrency)
    from distributary.wire.engine import wire_engine

    return wire_engine(environ, settings, loop)


def _is_only_boto3s(name: str, value: str) -> bool:
    if name.lower() in ("https_proxy", "http_proxy"):
        return bool(value)
    return name.startswith("AWS_ENDPOINT_URL") and "/" in value.partition("://")[2].rstrip("/")
