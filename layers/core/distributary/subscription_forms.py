"""Between a subscription's plain form (YAML, JSON, DynamoDB) and the object: the checks that keep it sound. No I/O."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from distributary.errors import DistributaryError
from distributary.subscriptions import CopyTarget, Filters, Subscription

ACCOUNT_ID = re.compile(r"[0-9]{12}", re.ASCII)
ROLE_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account_id>[0-9]{12}):role/[\w+=,.@/-]{1,512}", re.ASCII)
KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]{1,64}", re.ASCII)
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", re.ASCII)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = re.compile(r"(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


class InvalidSubscriptionError(DistributaryError):
    """A subscription breaks a rule. `field` is the dotted name of the offending field, `reason` says what and why."""

    def __init__(self, field_name: str, reason: str) -> None:
        super().__init__(f"{field_name}: {reason}")
        self.field = field_name
        self.reason = reason


def from_mapping(data: Mapping[str, Any]) -> Subscription:
    """Build and check a subscription from its plain form (YAML, JSON, DynamoDB).

    Raises:
        InvalidSubscriptionError: naming the first field that breaks a rule.
    """
    _refuse_unknown(
        data, "", {"name", "account_id", "delivery_role_arn", "external_id", "copy_to", "filters", "paused"}
    )
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
        copy_to=_copy_target(_mapping(data, "copy_to")),
        filters=_filters(_mapping(data, "filters", optional=True)),
        paused=paused,
    )
    for error in contradictions(data):
        raise error
    return subscription


def contradictions(data: Mapping[str, Any]) -> Iterator[InvalidSubscriptionError]:
    """Where two fields of one subscription's plain form, each well-formed, contradict each other.

    A field that is missing or malformed contradicts nothing: `from_mapping` refuses it by itself.
    """
    account_id, role = data.get("account_id"), _match(ROLE_ARN, data.get("delivery_role_arn"))
    if role and _match(ACCOUNT_ID, account_id) and role["account_id"] != account_id:
        yield InvalidSubscriptionError(
            "delivery_role_arn",
            f"the role is in account {role['account_id']}, not in {account_id}: files would go to somebody else",
        )
    copy_to = data.get("copy_to")
    if isinstance(copy_to, Mapping):
        region, key = copy_to.get("region"), _match(KEY_ARN, copy_to.get("kms_key_arn"))
        if key and _match(REGION, region) and key["region"] != region:
            yield InvalidSubscriptionError("copy_to.kms_key_arn", f"the key must be in the bucket's Region, {region}")


def to_mapping(subscription: Subscription) -> dict[str, Any]:
    """The plain form of a subscription, without what is left at its default; `from_mapping` reads it back."""
    target, filters = subscription.copy_to, subscription.filters
    copy_to = {
        "bucket": target.bucket,
        "region": target.region,
        "prefix": target.prefix,
        "kms_key_arn": target.kms_key_arn,
    }
    wanted = {"log_types": list(filters.log_types), "regions": list(filters.regions)}
    plain = {
        "name": subscription.name,
        "account_id": subscription.account_id,
        "delivery_role_arn": subscription.delivery_role_arn,
        "external_id": subscription.external_id,
        "copy_to": {name: value for name, value in copy_to.items() if value},
        "filters": {name: value for name, value in wanted.items() if value},
        "paused": subscription.paused,
    }
    return {name: value for name, value in plain.items() if value}


def check_together(subscriptions: Sequence[Subscription]) -> None:
    """Refuse two subscriptions of one name, and two that would write the same objects.

    Raises:
        InvalidSubscriptionError: `field` is `[index].name` or `[index].copy_to` of the later one.
    """
    for index, error in conflicts([to_mapping(subscription) for subscription in subscriptions]):
        raise InvalidSubscriptionError(f"[{index}].{error.field}", error.reason)


def conflicts(subscriptions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, InvalidSubscriptionError]]:
    """What `check_together` refuses, all of it: the later subscription's index, and what is wrong with it.

    The subscriptions are plain forms; malformed fields conflict with nothing.
    """
    names: set[str] = set()
    targets: dict[tuple[str, str], object] = {}
    for index, subscription in enumerate(subscriptions):
        name, target = subscription.get("name"), _target(subscription)
        if isinstance(name, str):
            if name in names:
                yield index, InvalidSubscriptionError("name", f"{name} is taken by an earlier subscription")
            names.add(name)
        if target and target in targets:
            reason = f"{targets[target]} writes to the same bucket and prefix; give one of them a prefix"
            yield index, InvalidSubscriptionError("copy_to", reason)
        if target:
            targets.setdefault(target, name)


def _target(subscription: Mapping[str, Any]) -> tuple[str, str] | None:
    copy_to = subscription.get("copy_to")
    if not isinstance(copy_to, Mapping):
        return None
    bucket, prefix = copy_to.get("bucket"), copy_to.get("prefix", "")
    return (bucket, prefix) if isinstance(bucket, str) and isinstance(prefix, str) else None


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


def _has_wildcard(text: str) -> bool:
    return any(mark in text for mark in "*?$")


def _filters(data: Mapping[str, Any]) -> Filters:
    _refuse_unknown(data, "filters.", {"log_types", "regions"})
    return Filters(log_types=_texts(data, "filters.log_types"), regions=_texts(data, "filters.regions"))


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


def _match(pattern: re.Pattern[str], value: object) -> re.Match[str] | None:
    return pattern.fullmatch(value) if isinstance(value, str) else None


def _refuse_unknown(data: Mapping[str, Any], parent: str, known: set[str]) -> None:
    for name in data:
        if name not in known:
            raise InvalidSubscriptionError(
                f"{parent}{name}", f"is not known here; known are {', '.join(sorted(known))}"
            )
