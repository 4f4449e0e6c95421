"""Who asks, and may they: what several gaps need to know about a request to S3."""

from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from distributary_local.gaps.patching import Response, around

Principal = Any
"""ministack's PrincipalInfo: arn, type, account, policies (None for root), keys and limits."""

_caller: ContextVar[Principal | None] = ContextVar("distributary_s3_caller", default=None)


def remember() -> None:
    """Keep the principal of each request to S3: ministack forgets it when it turns to the bucket owner's account."""

    @around(s3, "handle_request")
    async def with_caller(
        original: Any,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Response:
        principal = None if kwargs.get("internal") else _principal(method, path, headers, body, query)
        token = _caller.set(principal)
        try:
            response: Response = await original(method, path, headers, body, query, *args, **kwargs)
            return response
        finally:
            _caller.reset(token)


def _principal(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Principal | None:
    _, key = s3._parse_bucket_key(path, headers)
    access_key_id = s3._request_access_key(method, key, headers, query, body)
    if not access_key_id:
        return None
    principal = iam_evaluator.resolve_principal(access_key_id, get_account_id())
    return None if isinstance(principal, iam_evaluator.AuthError) else principal


def caller() -> Principal | None:
    """Return who made the request to S3 that is being answered; None is ministack itself, which may do everything."""
    return _caller.get()


def bucket_policy(bucket: str) -> tuple[str, str]:
    """Return the bucket's policy ("" if it has none) and the account that owns the bucket."""
    owner = s3._bucket_owner_account(bucket) or ""
    return s3._bucket_policies.get_scoped(owner, None, bucket) or "", owner


def may(
    principal: Principal | None,
    action: str,
    resource_arn: str,
    policy: str,
    owner: str,
    *,
    policy_must_allow: bool = False,
    context: dict[str, str] | None = None,
) -> bool:
    """Say whether identity and resource policies together allow an action, as IAM combines them.

    `policy_must_allow` is KMS's rule: without the key policy's consent not even the owner's account gets in.
    """
    if principal is None:
        return True
    request = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
        principal_keys=principal.keys,
        service_context=context or {},
    )
    if principal.policies is None:
        identity = iam_evaluator.EvalResult("Allow")
    else:
        identity = iam_evaluator.evaluate(request, principal.policies, *principal.limits)
    decision: str = iam_evaluator.combine_resource_policy(
        identity, request, policy, owner, required=policy_must_allow, limits=tuple(principal.limits)
    ).decision
    return decision == "Allow"


def role_session(role_arn: str, session_name: str) -> Principal:
    """Return the principal that a service is when it uses a role, such as a function's execution role."""
    account_id, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    return iam_evaluator.PrincipalInfo(
        arn=f"arn:aws:sts::{account_id}:assumed-role/{name}/{session_name}",
        type="AssumedRole",
        account=account_id,
        policies=iam_evaluator._gather_role_policies(name, account_id),
    )
