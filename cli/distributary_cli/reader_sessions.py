"""Opens a reader's sessions: their own credentials, and those of the role that they assume.

An assumed role's credentials are renewed as long as the command runs, unless they were got with MFA.
Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import functools
import getpass
import re
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
from botocore.exceptions import BotoCoreError, NoCredentialsError

from distributary.errors import DistributaryError
from distributary_cli import output
from distributary_cli.sign_in import SignIn

RETRIES: Any = {"mode": "standard", "total_max_attempts": 5}


class EndpointUrlError(DistributaryError):
    """`AWS_ENDPOINT_URL`, or its like in the AWS configuration, is no URL."""


class MfaTokenError(DistributaryError):
    """A role is to be assumed with MFA, and there is neither a code nor anybody to ask for one."""


class ReaderSessions:
    """The two sessions of one reader.

    `own` asks what belongs to the reader, such as a queue; `reader` reads the bucket. They are the same without a role.

    Raises:
        botocore.exceptions.NoCredentialsError: at once if a role is to be assumed and there is nobody to assume it.
        MfaTokenError: if a code is needed that nobody gives.
    """

    def __init__(self, sign_in: SignIn) -> None:
        core = _core(sign_in)
        self.own = Session(botocore_session=core)
        self.reader = self.own
        if sign_in.role_arn:
            assumed = _core(sign_in)
            provider = _Given(_assume(core, sign_in, sign_in.role_arn))
            assumed.register_component("credential_provider", CredentialResolver([provider]))
            self.reader = Session(botocore_session=assumed)


def client(session: Session, service: Any, *, connections: int = 10, region: str | None = None) -> Any:
    """A client that gives up within minutes when nothing answers.

    Raises:
        EndpointUrlError: if the configured endpoint is no URL.
    """
    config = Config(connect_timeout=5, read_timeout=25, retries=RETRIES, max_pool_connections=connections)
    try:
        return session.client(service, config=config, region_name=region)
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


def _core(sign_in: SignIn) -> botocore.session.Session:
    core = botocore.session.Session(profile=sign_in.profile)
    if sign_in.region:
        core.set_config_variable("region", sign_in.region)
    return core


def _assume(core: botocore.session.Session, sign_in: SignIn, role_arn: str) -> Credentials:
    own = core.get_credentials()
    if own is None:
        raise NoCredentialsError
    arguments = {"RoleSessionName": session_name(sign_in)}
    if sign_in.external_id:
        arguments["ExternalId"] = sign_in.external_id
    if sign_in.mfa_serial:
        return _with_mfa(core, role_arn, arguments | {"SerialNumber": sign_in.mfa_serial}, sign_in.mfa_token)
    create = functools.partial(core.create_client, config=Config(connect_timeout=5, read_timeout=25, retries=RETRIES))
    fetcher = AssumeRoleCredentialFetcher(create, own, role_arn, extra_args=arguments)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _with_mfa(
    core: botocore.session.Session, role_arn: str, arguments: dict[str, str], token: str | None
) -> Credentials:
    """Credentials that end: a code is good for one session, and nobody can be asked in the middle of a download."""
    token = token or _ask_for_token(arguments["SerialNumber"])
    sts = client(Session(botocore_session=core), "sts")
    answer = sts.assume_role(RoleArn=role_arn, TokenCode=token, **arguments)["Credentials"]
    output.warn(f"With MFA the session is not renewed: it ends at {answer['Expiration']:%H:%M} UTC, after its hour.")
    return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def _ask_for_token(serial: str) -> str:
    if not output.on_a_terminal():
        raise MfaTokenError(f"the MFA device {serial} is named, but not its code: add --mfa-token")
    try:
        return getpass.getpass(f"MFA code of {serial}: ").strip()
    except EOFError as error:
        raise MfaTokenError("no MFA code was given") from error
