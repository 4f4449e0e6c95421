"""The engine that has requests of its own, and boto3 for what is rare."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache

import botocore

from distributary.copies import CopyEngine
from distributary.credentials import SessionCredentials
from distributary.engines import Engine
from distributary.settings import Settings
from distributary.wire.calls import Caller
from distributary.wire.connections import Connections
from distributary.wire.copies import WireCopier
from distributary.wire.publishing import WirePublisher
from distributary.wire.services import WireServices


def wire_engine(environ: Mapping[str, str], settings: Settings, loop: asyncio.AbstractEventLoop) -> Engine:
    """Build it.

    Args:
        environ: where the endpoints, a CA bundle of one's own and the function's credentials are.
        settings: the function's.
        loop: the event loop in which it will be used.
    """

    @lru_cache(maxsize=1)
    def other() -> CopyEngine:
        from distributary.sdk.engine import SdkCopierInThreads  # rarely needed, and slow to import

        return SdkCopierInThreads(settings.concurrency)

    connections = Connections(ca_bundle(environ))
    caller = Caller(environ, connections)
    services = WireServices(caller, loop, settings.region, lambda: own_credentials(environ))
    return Engine(WireCopier(caller, other), WirePublisher(caller), services, services, connections.close)


def ca_bundle(environ: Mapping[str, str]) -> str:
    """Whose certificates are believed: as boto3 has it."""
    own = f"{botocore.__path__[0]}/cacert.pem"
    return environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE") or own


def own_credentials(environ: Mapping[str, str]) -> SessionCredentials:
    """The function's credentials: Lambda's, from the environment, or, elsewhere, whatever boto3 finds.

    Raises:
        botocore.exceptions.NoCredentialsError: if there are none.
    """
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return SessionCredentials(key, secret, environ.get("AWS_SESSION_TOKEN"))
    import boto3  # outside of Lambda only
    from botocore.exceptions import NoCredentialsError

    found = boto3.Session().get_credentials()
    if found is None:
        raise NoCredentialsError
    frozen = found.get_frozen_credentials()
    return SessionCredentials(str(frozen.access_key), str(frozen.secret_key), frozen.token)
