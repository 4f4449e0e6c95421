"""Opens a reader's sessions: their own credentials, and those of the role that they assume.

An assumed role's credentials are renewed as long as the command runs, unless they were got with MFA.
Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import functools
import getpass
import re
import threading
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from distributary.errors import DistributaryError
from distributary_cli import output
from distributary_cli.reader_profiles import open_profile, read_profile
from distributary_cli.sign_in import SignIn

RETRIES: Any = {"mode": "standard", "total_max_attempts": 5}


class EndpointUrlError(DistributaryError):
    """`AWS_ENDPOINT_URL`, or its like in the AWS configuration, is no URL."""


class MfaTokenError(DistributaryError):
    """A role is to be assumed with MFA, and there is neither a code nor anybody to ask for one."""


class ReaderSessions:
    """The two sessions of one reader, each opened when it is first asked for."""

    def __init__(self, sign_in: SignIn) -> None:
        self._given = sign_in
        self._naming = threading.Lock()

    @functools.cached_property
    def _read(self) -> tuple[SignIn, botocore.session.Session]:
        return read_profile(self._given)

    @property
    def sign_in(self) -> SignIn:
        """What was asked for, by options or by the profile."""
        return self._read[0]

    @functools.cached_property
    def own(self) -> Session:
        """Who assumes the role, or reads without one."""
        return Session(botocore_session=self._read[1])

    def is_role_of(self, account_id: str | None) -> bool:
        """Whether the profile's role, which no option names, is one of this account's."""
        role_arn = None if self._given.role_arn else self.sign_in.role_arn
        return role_arn is not None and role_arn.split(":")[4:5] == [account_id]

    def of_account(self, account_id: str | None) -> Session:
        """Asks what belongs to an account, such as a queue; a role of that account is no reader role, and does so."""
        if self.is_role_of(account_id):
            return Session(botocore_session=open_profile(self._given.profile, self._given.region))
        return self.own

    @functools.cached_property
    def reader(self) -> Session:
        """Reads the bucket. It is the same as `own` without a role.

        Raises:
            botocore.exceptions.NoCredentialsError: at once if a role is to be assumed and there is nobody to assume it.
            MfaTokenError: if a code is needed that nobody gives.
        """
        asked, own = self._read
        if not asked.role_arn:
            return self.own
        core = open_profile(self._given.profile, self._given.region)
        assumed = Session(botocore_session=core)
        provider = _Given(_assume(assumed, own.get_credentials(), asked, asked.role_arn))
        core.register_component("credential_provider", CredentialResolver([provider]))
        return assumed

    def caller(self) -> str | None:
        """The principal that AWS takes the own credentials for, if it says so; asked once, whichever thread does."""
        with self._naming:
            return self._caller

    @functools.cached_property
    def _caller(self) -> str | None:
        try:
            return str(client(self.own, "sts").get_caller_identity()["Arn"])
        except (ClientError, BotoCoreError, DistributaryError):
            return None


def client(session: Session, service: Any, *, connections: int = 10, region: str | None = None, **keys: Any) -> Any:
    """A client that gives up within minutes when nothing answers; with the session's credentials, or other `keys`.

    Raises:
        EndpointUrlError: if the configured endpoint is no URL.
    """
    config = Config(connect_timeout=5, read_timeout=25, retries=RETRIES, max_pool_connections=connections)
    try:
        return session.client(service, config=config, region_name=region, **keys)
    except BotoCoreError:  # some of them are ValueErrors too
        raise
    except ValueError as error:  # what botocore raises for AWS_ENDPOINT_URL
        raise EndpointUrlError(f"{error}; AWS_ENDPOINT_URL wants one such as http://localhost:4566") from error


def session_name(sign_in: SignIn) -> str:
    """The name under which Account A's trail shows the session."""
    if sign_in.role_session_name:
        return sign_in.role_session_name
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        user = "reader"
    return re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", f"distributary-{user}")[:64]


class _Given(CredentialProvider):
    """Hands out the credentials it was given, and asks nowhere else."""

    METHOD = "distributary-assume-role"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials:
        return self._credentials


def _assume(session: Session, own: Credentials | None, sign_in: SignIn, role_arn: str) -> Credentials:
    """The role's credentials. With MFA they end: a code is good once, and nobody can be asked in mid-download."""
    if own is None:
        raise NoCredentialsError
    arguments: dict[str, Any] = {
        "RoleSessionName": session_name(sign_in),
        "ExternalId": sign_in.external_id,
        "SerialNumber": sign_in.mfa_serial,
        "DurationSeconds": sign_in.duration_seconds,
    }
    fetcher = AssumeRoleCredentialFetcher(
        functools.partial(client, session),
        own,
        role_arn,
        extra_args={name: value for name, value in arguments.items() if value},
        mfa_prompter=lambda _: sign_in.mfa_token or _ask_for_token(str(sign_in.mfa_serial)),
    )
    if not sign_in.mfa_serial:
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    got = fetcher.fetch_credentials()
    output.warn(f"With MFA the session is not renewed: it ends at {got['expiry_time']:.16} UTC.")
    return Credentials(got["access_key"], got["secret_key"], got["token"])


def _ask_for_token(serial: str) -> str:
    if not output.on_a_terminal():
        raise MfaTokenError(f"the MFA device {serial} is named, but not its code: add --mfa-token")
    try:
        return getpass.getpass(f"MFA code of {serial}: ").strip()
    except EOFError as error:
        raise MfaTokenError("no MFA code was given") from error
