"""STS: who may assume a role, for how long, and what an expired session is told."""

import re
import time
from typing import Any
from urllib.parse import parse_qs

import ministack.app
from ministack.services import iam, sts

from distributary_local.gaps.patching import Response, around

_HOUR = 3600  # seconds
_SHORTEST = 900


def root_assumes_no_role() -> None:
    """Refuse AssumeRole to the root user of an account.

    AWS: "AssumeRole", https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html: "You can't use AWS
    account root user credentials to call AssumeRole."
    ministack: allows it, which hides a missing grant wherever a twelve-digit access key is used.
    """

    def refuse(caller: Any, _: Any, __: dict[str, str]) -> Response | None:
        if caller["principalType"] == "Root":
            return _error("AccessDenied", "Roles may not be assumed by root accounts.", 403)
        return None

    _before_assume_role(refuse)


def session_durations() -> None:
    """Limit DurationSeconds as the role and role chaining do.

    AWS: "AssumeRole", see above: from 900 seconds up to the role's MaxSessionDuration, and at most one hour if the
    caller is itself a role session (role chaining), as every Lambda function is.
    ministack: gives what is asked for.
    """

    def refuse(caller: Any, role: Any, parameters: dict[str, str]) -> Response | None:
        seconds = int(parameters.get("DurationSeconds") or _HOUR)
        if seconds < _SHORTEST:
            return _error("ValidationError", f"Value '{seconds}' at 'durationSeconds' is less than {_SHORTEST}.")
        if caller["principalType"] == "AssumedRole" and seconds > _HOUR:
            message = (
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
            )
            return _error("ValidationError", message)
        if role is not None and seconds > int(role.get("MaxSessionDuration") or _HOUR):
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            return _error("ValidationError", message)
        return None

    _before_assume_role(refuse)


def session_names() -> None:
    """Refuse a RoleSessionName with characters that STS doesn't take.

    AWS: "AssumeRole", see above: 2 to 64 characters of [A-Za-z0-9_+=,.@-].
    ministack: takes any.
    """

    def refuse(_: Any, __: Any, parameters: dict[str, str]) -> Response | None:
        name = parameters.get("RoleSessionName", "")
        if re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII):
            return None
        return _error("ValidationError", f"Value '{name}' at 'roleSessionName' failed to satisfy constraint.")

    _before_assume_role(refuse)


def role_paths() -> None:
    """Refuse a role ARN with another path than the role's.

    AWS: "IAM identifiers", https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html: the path is
    part of the ARN.
    ministack: looks at the name behind the last slash only.
    """

    def refuse(caller: Any, role: Any, parameters: dict[str, str]) -> Response | None:
        arn = parameters.get("RoleArn", "")
        if role is None or role.get("Arn") == arn:
            return None
        message = f"User: {caller['userArn']} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        return _error("AccessDenied", message, 403)

    _before_assume_role(refuse)


def expired_sessions() -> None:
    """Answer ExpiredToken to the credentials of a session that has ended, however long ago.

    AWS: "Error responses", https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html: ExpiredToken.
    ministack: forgets ended sessions when the next one begins and then answers InvalidAccessKeyId.
    """

    @around(sts, "_evict_expired_sessions")
    def keep(_: Any) -> None:
        return None


def expire_session() -> None:
    """Add `POST /_local/expire-session?access_key_id=ASIA…`, which ends a session now: 200, or 404 if there is none.

    AWS has no such call; without it a test of expired credentials would take fifteen minutes.
    """

    @around(ministack.app, "_handle_pre_body_request")
    async def handle(
        original: Any, method: str, path: str, headers: dict[str, str], query: dict[str, list[str]], request_id: str
    ) -> Response | None:
        if (method, path) != ("POST", "/_local/expire-session"):
            response: Response | None = await original(method, path, headers, query, request_id)
            return response
        session = sts._sessions.get(query.get("access_key_id", [""])[0])
        if session is None:
            return 404, {"Content-Type": "text/plain"}, b"no such session\n"
        session["Expiration"] = time.time() - 1
        return 200, {"Content-Type": "text/plain"}, b"expired\n"


def _before_assume_role(refuse: Any) -> None:
    """Ask `refuse(caller, role, parameters)` before every AssumeRole by a known caller; None lets it pass."""

    @around(sts, "handle_request")
    async def handle(
        original: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: Any
    ) -> Response:
        form = {**dict(query or {}), **parse_qs((body or b"").decode("utf-8", "replace"))}
        parameters = {name: values[0] for name, values in form.items() if values}
        if parameters.get("Action") == "AssumeRole":
            caller = sts._caller_identity(headers, query)
            if isinstance(caller, dict):
                refused: Response | None = refuse(caller, _role(parameters.get("RoleArn", "")), parameters)
                if refused is not None:
                    return refused
        response: Response = await original(method, path, headers, body, query)
        return response


def _role(arn: str) -> Any:
    parts = arn.split(":")
    return iam._roles.get_scoped(parts[4], None, arn.rsplit("/", 1)[-1]) if len(parts) > 5 else None


def _error(code: str, message: str, status: int = 400) -> Response:
    response: Response = sts._error(status, code, message, ns="sts")
    return response


GAPS = (root_assumes_no_role, session_durations, session_names, role_paths, expired_sessions, expire_session)
