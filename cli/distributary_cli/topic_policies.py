"""Whether a topic's policy can let a role of another account publish. Pure: no I/O.

The answer is no only where no Allow statement can mean the role, or a Deny statement without conditions does. What
isn't understood here, such as most conditions, counts as a yes: AWS has the last word, at the first delivery.
Source: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-key-concepts.html
"""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from distributary.patterns import ROLE_ARN

MATCHING = {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"}


def may_publish(policy: Mapping[str, Any], topic_arn: str, role_arn: str) -> bool:
    """Whether some Allow statement covers publishing on the topic and names the role, its account, or everybody.

    SNS's default policy names everybody and takes it back with a condition on `aws:SourceOwner`: that is a no.
    """
    return any(
        _names(statement.get("Principal", "*"), role_arn)  # no Principal: a NotPrincipal
        and _admits(statement.get("Condition", {}), role_arn)
        for statement in _about_publishing(policy, "Allow", topic_arn)
    )


def denies_publishing(policy: Mapping[str, Any], topic_arn: str, role_arn: str) -> bool:
    """Whether some Deny statement without conditions covers publishing on the topic and names one of them."""
    return any(
        "Principal" in statement and not statement.get("Condition") and _names(statement["Principal"], role_arn)
        for statement in _about_publishing(policy, "Deny", topic_arn)
    )


def _about_publishing(policy: Mapping[str, Any], effect: str, topic_arn: str) -> Iterator[Mapping[str, Any]]:
    for statement in _listed(policy.get("Statement", [])):
        if (
            statement.get("Effect") == effect
            and _covers(statement, "Action", "sns:publish", str.lower)
            and _covers(statement, "Resource", topic_arn, str)
        ):
            yield statement


def _covers(statement: Mapping[str, Any], element: str, value: str, fold: Callable[[str], str]) -> bool:
    """Whether an element of a statement, or its Not…, covers a value."""
    patterns = _listed(statement.get(element, statement.get(f"Not{element}", [])))
    named = any(fnmatchcase(value, fold(pattern)) for pattern in patterns)
    return named is (element in statement)


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
