"""Whether a topic's policy can let a role of another account publish. Pure: no I/O.

The answer is no only where no statement can mean the role. What isn't understood here, such as most conditions and all
Deny statements, counts as a yes: AWS has the last word, at the first delivery.
Source: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-key-concepts.html
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from distributary.patterns import ROLE_ARN

MATCHING = {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"}


def may_publish(policy: Mapping[str, Any], role_arn: str) -> bool:
    """Whether some Allow statement covers sns:Publish and names the role, its account, or everybody.

    SNS's default policy names everybody and takes it back with a condition on `aws:SourceOwner`: that is a no.
    """
    return any(
        statement.get("Effect") == "Allow"
        and _covers_publish(statement)
        and _names(statement.get("Principal", "*"), role_arn)  # no Principal: a NotPrincipal
        and _admits(statement.get("Condition", {}), role_arn)
        for statement in _listed(policy.get("Statement", []))
    )


def _covers_publish(statement: Mapping[str, Any]) -> bool:
    actions = _listed(statement.get("Action", statement.get("NotAction", [])))
    named = any(fnmatchcase("sns:publish", action.lower()) for action in actions)
    return named is ("Action" in statement)


def _names(principal: Any, role_arn: str) -> bool:
    named = _listed(principal.get("AWS", []) if isinstance(principal, Mapping) else principal)
    account_id = _account_id(role_arn)
    root = role_arn.partition(":role/")[0] + ":root"
    return not {"*", account_id, root, role_arn}.isdisjoint(named)


def _admits(condition: Mapping[str, Mapping[str, Any]], role_arn: str) -> bool:
    """Whether the conditions about the caller, as far as they are known here, hold for the role."""
    account_id = _account_id(role_arn)
    caller = {"aws:principalarn": role_arn, "aws:principalaccount": account_id, "aws:sourceowner": account_id}
    return all(
        any(fnmatchcase(caller[key.lower()], str(pattern)) for pattern in _listed(patterns))
        for operator, keys in condition.items()
        if operator.lower() in MATCHING
        for key, patterns in keys.items()
        if key.lower() in caller
    )


def _account_id(role_arn: str) -> str:
    match = ROLE_ARN.fullmatch(role_arn)
    return match["account_id"] if match else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
