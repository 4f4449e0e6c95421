"""What speaks to AWS for each log file. There are two: `wire` has requests of its own, `sdk` is boto3 throughout.

docs/decisions/2026-11-21-the-engine.md has why, and what each costs.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from distributary.copies import CopyEngine
from distributary.credentials import TokenService
from distributary.publishing import Announcer
from distributary.settings import Settings
from distributary.subscription_table import ItemReader


@dataclass(frozen=True, slots=True)
class Engine:
    """One environment's connections to AWS."""

    copies: CopyEngine
    announcer: Announcer
    tokens: TokenService
    """Asked from several threads."""
    items: ItemReader
    """Asked from a thread."""
    close: Callable[[], None] = lambda: None


def build_engine(environ: Mapping[str, str], settings: Settings, loop: asyncio.AbstractEventLoop) -> Engine:
    """The engine that `DISTRIBUTARY_ENGINE` names, or boto3's where a proxy stands between: it knows how to ask one."""
    if settings.engine == "sdk" or environ.get("HTTPS_PROXY") or environ.get("https_proxy"):
        from distributary.sdk.engine import sdk_engine

        return sdk_engine(settings.concurrency)
    from distributary.wire.engine import wire_engine

    return wire_engine(environ, settings, loop)
