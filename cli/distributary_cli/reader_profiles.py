"""A profile that is a role, taken apart: what it says of the role, and whose credentials assume it.

botocore would assume it by itself; then the options could say nothing more of the role, and nobody could ask as who
assumes it: for their queue, or for their name.
Source: https://docs.aws.amazon.com/cli/latest/topic/config-vars.html#using-aws-iam-roles
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.credentials import CredentialResolver
from botocore.session import Session

from distributary_cli.sign_in import SignIn

SOURCES = {"Environment": "env", "Ec2InstanceMetadata": "iam-role", "EcsContainer": "container-role"}
"""botocore's names of what `credential_source` names."""


def open_profile(profile: str | None, region: str | None) -> Session:
    """A session of botocore with a profile's settings, or the default one's."""
    core = Session(profile=profile)
    if region:
        core.set_config_variable("region", region)
    return core


def read_profile(sign_in: SignIn) -> tuple[SignIn, Session]:
    """The sign-in with what the profile says of its role, and the session of who assumes it, or reads without a role.

    What the options say goes before what the profile says. A profile that has to be refused, or whose role takes a web
    identity, is left to botocore.

    Raises:
        botocore.exceptions.ProfileNotFound: if there is no such profile.
    """
    core = open_profile(sign_in.profile, sign_in.region)
    profile = core.get_scoped_config()
    source = _source(sign_in, core, profile) if _is_role(sign_in, profile) else None
    if source is None:
        return sign_in, core
    seconds = str(profile.get("duration_seconds", ""))
    asked = replace(
        sign_in,
        role_arn=profile["role_arn"],
        role_session_name=sign_in.role_session_name or profile.get("role_session_name"),
        external_id=sign_in.external_id or profile.get("external_id"),
        mfa_serial=sign_in.mfa_serial or profile.get("mfa_serial"),
        duration_seconds=sign_in.duration_seconds or (int(seconds) if seconds.isdecimal() else None),
    )
    return asked, source


def _is_role(sign_in: SignIn, profile: Mapping[str, Any]) -> bool:
    """Whether botocore would assume the profile's role, and no other role is asked for."""
    return (
        sign_in.role_arn in (None, profile.get("role_arn"))
        and "role_arn" in profile
        and "web_identity_token_file" not in profile
        and bool(sign_in.profile or not os.environ.get("AWS_ACCESS_KEY_ID"))  # which goes before AWS_PROFILE
    )


def _source(sign_in: SignIn, core: Session, profile: Mapping[str, Any]) -> Session | None:
    region = core.get_config_variable("region")
    match profile.get("source_profile"), profile.get("credential_source"):
        case str(name), None:
            source = open_profile(name, region)
            settings = source.full_config["profiles"].get(name, {})
            if "aws_access_key_id" in settings:  # a source's keys go before its role: it may be the same profile
                settings.pop("role_arn", None)
            return source
        case None, str(name) if name in SOURCES:
            source = open_profile(sign_in.profile, region)
            providers = Session().get_component("credential_provider")
            source.register_component(
                "credential_provider", CredentialResolver([providers.get_provider(SOURCES[name])])
            )
            return source
    return None
