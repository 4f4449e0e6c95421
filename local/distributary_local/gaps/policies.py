"""How policies are read: variables, condition keys, principals."""

import dataclasses
import json
import os
import re
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam, s3

from distributary_local.gaps.patching import around

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class _AbsentError(Exception):
    """A policy variable without a value and without a default: its statement doesn't apply."""


def policy_variables() -> None:
    """Substitute `${aws:…}` in the resources and the conditions of every policy.

    AWS: "IAM policy elements: Variables and tags",
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html. A statement with a variable that
    has neither value nor default doesn't match.
    ministack: compares the text `${aws:PrincipalAccount}` as it stands.
    Not shown: a policy whose Version isn't 2012-10-17 has no variables on AWS; here it has.
    """

    @around(iam_evaluator, "_first_match")
    def first_match(original: Any, request: Any, statements: list[Any], effect: str) -> Any:
        applicable = []
        for statement in statements:
            try:
                applicable.append(_substituted(statement, request))
            except _AbsentError:
                continue
        return original(request, applicable, effect)

    @around(iam_evaluator, "_conditions_met")
    def conditions_met(original: Any, conditions: Any, request: Any) -> bool:
        try:
            met: bool = original(_in_conditions(conditions, request), request)
        except _AbsentError:
            return False
        return met


def _substituted(statement: Any, request: Any) -> Any:
    if "${" not in "".join((*statement.resources, *statement.not_resources)):
        return statement
    return dataclasses.replace(
        statement,
        resources=[_value(text, request) for text in statement.resources],
        not_resources=[_value(text, request) for text in statement.not_resources],
    )


def _in_conditions(element: Any, request: Any) -> Any:
    if isinstance(element, dict):
        return {key: _in_conditions(value, request) for key, value in element.items()}
    if isinstance(element, list):
        return [_in_conditions(value, request) for value in element]
    return _value(element, request) if isinstance(element, str) else element


def _value(text: str, request: Any) -> str:
    def replacement(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(",")
        if name in ("*", "?", "$"):
            return name
        value = iam_evaluator._resolve_condition_key(name.strip(), request)
        if isinstance(value, str):
            return value
        if not default:
            raise _AbsentError
        return default.strip().strip("'")

    return _VARIABLE.sub(replacement, text) if "${" in text else text


def condition_keys() -> None:
    """Give the global condition keys the values that AWS gives them.

    AWS: "AWS global condition context keys",
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. For a role session
    aws:PrincipalArn is the role's ARN, path included; aws:ResourceAccount is the owner of the resource; a service has
    no principal account, and aws:PrincipalIsAWSService tells it from the others.
    ministack: aws:PrincipalArn is the session's ARN, the owner of a bucket is whoever asks, aws:SecureTransport is
    false because we speak HTTP on loopback, so every "TLS only" statement denies everything.
    Not shown: a request without TLS being denied; aws:PrincipalOrgPaths.
    """

    @around(iam_evaluator, "_resolve_condition_key")
    def resolve(original: Any, key: str, request: Any) -> Any:
        find = _KEYS.get(key.lower())
        return find(request) if find else original(key, request)


def _principal_arn(request: Any) -> str | None:
    if request.principal_arn == "*":
        return None
    if ":assumed-role/" not in request.principal_arn:
        return str(request.principal_arn)
    name = iam_evaluator._role_name_from_assumed_arn(request.principal_arn)
    role = iam._roles.get_scoped(request.principal_account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{request.principal_account}:role/{name}")


def _resource_account(request: Any) -> str | None:
    bucket = request.resource_arn.removeprefix("arn:aws:s3:::")
    if bucket != request.resource_arn:
        owner: str | None = s3._bucket_owner_account(bucket.split("/")[0])
        return owner or str(request.principal_account)
    return str(iam_evaluator._account_from_arn(request.resource_arn) or request.principal_account)


_KEYS: dict[str, Callable[[Any], str | None]] = {
    "aws:principalarn": _principal_arn,
    "aws:principalaccount": lambda request: request.principal_account or None,
    "aws:principalisawsservice": lambda request: str(request.principal_type == "Service").lower(),
    "aws:resourceaccount": _resource_account,
    "s3:resourceaccount": _resource_account,
    "aws:securetransport": lambda _: "true",
}


def organizations() -> None:
    """Let accounts belong to the organisations named in LOCAL_ORGANIZATIONS, `{"o-…": ["111111111111", …]}`.

    AWS: aws:PrincipalOrgID and aws:ResourceOrgID, on the page named at `condition_keys`; they are absent for an account
    that belongs to no organisation.
    ministack: every account is the only member of an organisation of its own.
    Not shown: Organizations' own API, and service control policies.
    """
    configured: dict[str, list[str]] = json.loads(os.environ.get("LOCAL_ORGANIZATIONS", "{}"))
    organization_of = {account: name for name, accounts in configured.items() for account in accounts}

    @around(iam_evaluator, "_principal_org_id")
    def principal_organization(_: Any, account_id: str) -> str | None:
        return organization_of.get(account_id)

    @around(iam_evaluator, "_resolve_condition_key")
    def resolve(original: Any, key: str, request: Any) -> Any:
        if key.lower() == "aws:resourceorgid":
            return organization_of.get(_resource_account(request) or "")
        return original(key, request)


def principal_wildcards() -> None:
    """Let no `*` or `?` inside a principal's ARN match anybody.

    AWS: "AWS JSON policy elements: Principal",
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html: "You can't use a
    wildcard to match part of a principal name or ARN"; the policy is refused (MalformedPolicyDocument).
    ministack: matches them, and matches names without regard to case.
    Not shown: the refusal; here the statement just applies to nobody.
    """

    @around(iam_evaluator, "_principal_matches")
    def matches(original: Any, principal: Any, caller_arn: str) -> bool:
        if isinstance(principal, str):
            principal = {"AWS": principal}
        if isinstance(principal, dict):
            named = principal.get("AWS", [])
            named = [named] if isinstance(named, str) else named
            principal = {**principal, "AWS": [arn for arn in named if arn == "*" or not re.search(r"[*?]", arn)]}
        matched: bool = original(principal, caller_arn)
        return matched


def batch_actions() -> None:
    """Authorize a batch as the action of which it is many.

    AWS: "Actions, resources, and condition keys for Amazon SQS" and "… for Amazon SNS",
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html: there is no action
    sns:PublishBatch or sqs:SendMessageBatch; sns:Publish and sqs:SendMessage permit the batches.
    ministack: asks for the action that doesn't exist.
    """

    @around(iam_actions, "extract_iam_action")
    def action_of(original: Any, service: str, *args: Any) -> str | None:
        action: str | None = original(service, *args)
        return action.removesuffix("Batch") if action and service in ("sns", "sqs") else action


GAPS = (policy_variables, condition_keys, organizations, principal_wildcards, batch_actions)
