"""Between a subscription's plain form (YAML, JSON, DynamoDB) and the object: the checks that keep it sound. No I/O."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from distributary.patterns import ACCOUNT_ID, BUCKET, EXTERNAL_ID, KEY_ARN, NAME, REGION, ROLE_ARN, TOPIC_ARN
from distributary.subscription_rules import InvalidSubscriptionError, conflicts, contradictions
from distributary.subscriptions import ALL, CopyTarget, Filters, Format, NotifyTarget, Subscription


def from_mapping(data: Mapping[str, Any]) -> Subscription:
    """Build and check a subscription from its plain form (YAML, JSON, DynamoDB).

    Raises:
        InvalidSubscriptionError: naming the first field that breaks a rule.
    """
    _refuse_unknown(
        data,
        "",
        {"name", "scope", "account_id", "delivery_role_arn", "external_id", "copy_to", "notify", "filters", "paused"},
    )
    if data.get("scope", ALL) != ALL:
        raise InvalidSubscriptionError("scope", f"must be {ALL}, or be left out by an owner, not {data['scope']!r}")
    account_id = _text(data, "account_id", ACCOUNT_ID, "twelve digits, in quotes so that leading zeros stay")
    role_arn = _text(
        data,
        "delivery_role_arn",
        ROLE_ARN,
        "a role ARN such as arn:aws:iam::222222222222:role/distributary-delivery",
    )
    paused = data.get("paused", False)
    if not isinstance(paused, bool):
        raise InvalidSubscriptionError("paused", f"must be true or false, not {paused!r}")
    subscription = Subscription(
        name=_text(data, "name", NAME, "1 to 63 lower-case letters, digits and hyphens"),
        account_id=account_id,
        delivery_role_arn=role_arn,
        external_id=_text(data, "external_id", EXTERNAL_ID, "2 to 1224 letters, digits or any of + = , . @ : / - _"),
        copy_to=_copy_target(_mapping(data, "copy_to")) if "copy_to" in data else None,
        notify=_notify_target(_mapping(data, "notify")) if "notify" in data else None,
        is_third_party="scope" in data,
        filters=_filters(_mapping(data, "filters", optional=True)),
        paused=paused,
    )
    for error in contradictions(data):
        raise error
    return subscription


def to_mapping(subscription: Subscription) -> dict[str, Any]:
    """The plain form of a subscription, without what is left at its default; `from_mapping` reads it back."""
    plain = {
        "name": subscription.name,
        "scope": ALL if subscription.is_third_party else None,
        "account_id": subscription.account_id,
        "delivery_role_arn": subscription.delivery_role_arn,
        "external_id": subscription.external_id,
        "copy_to": _set_fields(subscription.copy_to),
        "notify": _set_fields(subscription.notify),
        "filters": _set_fields(subscription.filters),
        "paused": subscription.paused,
    }
    return {name: value for name, value in plain.items() if value}


def _set_fields(part: CopyTarget | NotifyTarget | Filters | None) -> dict[str, Any]:
    values = part._asdict() if part else {}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {name: str(value) if isinstance(value, Format) else value for name, value in plain.items() if value}


def check_together(subscriptions: Sequence[Subscription]) -> None:
    """Refuse two subscriptions of one name, and two that would write the same objects.

    Raises:
        InvalidSubscriptionError: `field` is `[index].name` or `[index].copy_to` of the later one.
    """
    for index, error in conflicts([to_mapping(subscription) for subscription in subscriptions]):
        raise InvalidSubscriptionError(f"[{index}].{error.field}", error.reason)


def _copy_target(data: Mapping[str, Any]) -> CopyTarget:
    _refuse_unknown(data, "copy_to.", {"bucket", "region", "prefix", "kms_key_arn"})
    region = _text(data, "copy_to.region", REGION, "a Region such as eu-west-1")
    prefix = data.get("prefix", "")
    if not isinstance(prefix, str) or (prefix and (not prefix.endswith("/") or len(prefix) > 512)):
        raise InvalidSubscriptionError("copy_to.prefix", "must be empty or end with / (at most 512 characters)")
    if _has_wildcard(prefix):
        raise InvalidSubscriptionError("copy_to.prefix", "must hold none of * ? $, which are wildcards in IAM policies")
    kms_key_arn = None
    if data.get("kms_key_arn") is not None:
        kms_key_arn = _text(data, "copy_to.kms_key_arn", KEY_ARN, "a KMS key ARN (not an alias)")
    bucket = _text(data, "copy_to.bucket", BUCKET, "a bucket name: 3 to 63 lower-case letters, digits, hyphens, dots")
    return CopyTarget(bucket=bucket, region=region, prefix=prefix, kms_key_arn=kms_key_arn)


def _notify_target(data: Mapping[str, Any]) -> NotifyTarget:
    _refuse_unknown(data, "notify.", {"topic_arn", "format", "kms_key_arn"})
    topic_arn = data.get("topic_arn")
    if isinstance(topic_arn, str) and topic_arn.endswith(".fifo"):
        raise InvalidSubscriptionError("notify.topic_arn", "is a FIFO topic; notifications need a standard topic")
    if data.get("format", Format.S3) not in list(Format):
        forms = ", ".join(Format)
        raise InvalidSubscriptionError("notify.format", f"must be one of {forms}, not {data['format']!r}")
    kms_key_arn = None
    if data.get("kms_key_arn") is not None:
        kms_key_arn = _text(data, "notify.kms_key_arn", KEY_ARN, "a KMS key ARN (not an alias)")
    return NotifyTarget(
        topic_arn=_text(
            data, "notify.topic_arn", TOPIC_ARN, "a topic ARN such as arn:aws:sns:eu-west-1:222222222222:log-files"
        ),
        format=Format(data.get("format", Format.S3)),
        kms_key_arn=kms_key_arn,
    )


def _has_wildcard(text: str) -> bool:
    return any(mark in text for mark in "*?$")


def _filters(data: Mapping[str, Any]) -> Filters:
    _refuse_unknown(data, "filters.", set(Filters._fields))
    filters = Filters(**{name: _texts(data, f"filters.{name}") for name in Filters._fields})
    for name in ("account_ids", "except_account_ids"):
        for account_id in getattr(filters, name):
            if not ACCOUNT_ID.fullmatch(account_id):
                raise InvalidSubscriptionError(f"filters.{name}", f"{account_id!r} is not twelve digits")
    return filters


def _texts(data: Mapping[str, Any], field_name: str) -> tuple[str, ...]:
    values = data.get(field_name.rpartition(".")[2], ())
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) and value for value in values):
        raise InvalidSubscriptionError(field_name, "must be a list of texts")
    return tuple(values)


def _mapping(data: Mapping[str, Any], field_name: str, *, optional: bool = False) -> Mapping[str, Any]:
    value = data.get(field_name, {} if optional else None)
    if not isinstance(value, Mapping):
        raise InvalidSubscriptionError(field_name, "is missing" if value is None else "must be a mapping")
    return value


def _text(data: Mapping[str, Any], field_name: str, pattern: re.Pattern[str], form: str) -> str:
    value = data.get(field_name.rpartition(".")[2])
    if value is None:
        raise InvalidSubscriptionError(field_name, f"is missing: {form}")
    if not isinstance(value, str) or not pattern.fullmatch(value):
        shown = "it" if field_name == "external_id" else repr(value)
        raise InvalidSubscriptionError(field_name, f"{shown} is not {form}")
    return value


def _refuse_unknown(data: Mapping[str, Any], parent: str, known: set[str]) -> None:
    for name in data:
        if name not in known:
            raise InvalidSubscriptionError(
                f"{parent}{name}", f"is not known here; known are {', '.join(sorted(known))}"
            )
