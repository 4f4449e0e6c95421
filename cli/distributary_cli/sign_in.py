"""The options that say who reads. Who stands behind them is asked in `reader_sessions`."""

from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who reads: your own credentials, or a role assumed with them."""

    role_arn: Annotated[
        str | None,
        typer.Option(metavar="ARN", envvar="DISTRIBUTARY_ROLE_ARN", help="The reader role to assume in Account A."),
    ] = None
    role_session_name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar=["DISTRIBUTARY_ROLE_SESSION_NAME", "AWS_ROLE_SESSION_NAME"],
            help="What Account A's trail will call you; without it, `distributary-` and your user name.",
        ),
    ] = None
    external_id: Annotated[
        str | None,
        typer.Option(metavar="ID", envvar="DISTRIBUTARY_EXTERNAL_ID", help="The external ID that the role demands."),
    ] = None
    duration_seconds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=900,
            max=43200,
            envvar="DISTRIBUTARY_DURATION_SECONDS",
            help="How long the role's session shall last, if Account A allows more than an hour.",
        ),
    ] = None
    mfa_serial: Annotated[
        str | None,
        typer.Option(metavar="ARN", envvar="DISTRIBUTARY_MFA_SERIAL", help="Your MFA device, if the role demands MFA."),
    ] = None
    mfa_token: Annotated[
        str | None,
        typer.Option(metavar="CODE", envvar="DISTRIBUTARY_MFA_TOKEN", help="Its code; without it, you are asked."),
    ] = None
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The AWS profile to use; without it, `AWS_PROFILE` or the default one."),
    ] = None
    region: Annotated[
        str | None,
        typer.Option(
            metavar="REGION", envvar="AWS_REGION", help="The Region to ask; without it, your AWS configuration's."
        ),
    ] = None
