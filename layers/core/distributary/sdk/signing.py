"""One client for all accounts: every request is signed with the delivery session that the caller chose.

A boto3 client per account would cost 16 ms of CPU and a connection pool each.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials

from distributary.credentials import SessionCredentials

_signing: ContextVar[SessionCredentials] = ContextVar("distributary_signing_credentials")


@contextmanager
def signing_with(credentials: SessionCredentials) -> Iterator[None]:
    """Within the block, the clients of a `caller_chosen_session` sign this thread's requests with these."""
    token = _signing.set(credentials)
    try:
        yield
    finally:
        _signing.reset(token)


class CallerChosenCredentials(Credentials):
    """Whatever `signing_with` chose, asked for anew by each request."""

    def __init__(self) -> None:
        super().__init__("chosen-per-request", "chosen-per-request", method="distributary")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """The credentials chosen by the innermost `signing_with`; without one, a LookupError: never the function's."""
        return ReadOnlyCredentials(*_signing.get())


class _Provider(CredentialProvider):
    METHOD = "distributary"

    def load(self) -> CallerChosenCredentials:
        return CallerChosenCredentials()


def clients_by_region(
    service: str, config: Config, prepare: Callable[[Any], None] = lambda _: None
) -> Callable[[str], Any]:
    """Gives each Region's one client, made, and prepared, when it is first asked for. Safe for many threads."""
    session, clients, lock = caller_chosen_session(), dict[str, Any](), threading.Lock()

    def client(region: str) -> Any:
        with lock:
            if region not in clients:
                clients[region] = session.client(service, region_name=region, config=config)  # type: ignore[call-overload]
                prepare(clients[region])
            return clients[region]

    return client


def caller_chosen_session() -> Session:
    """A session whose only credentials are the caller's choice: the function's own can never sign a delivery."""
    session = botocore.session.Session()
    session.register_component("credential_provider", CredentialResolver([_Provider()]))
    return Session(botocore_session=session)
