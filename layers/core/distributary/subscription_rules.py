"""What makes subscriptions unsound although each of their fields is well-formed. No I/O."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from distributary.errors import DistributaryError
from distributary.patterns import ACCOUNT_ID, KEY_ARN, REGION, ROLE_ARN, TOPIC_ARN
from distributary.subscriptions import ALL


class InvalidSubscriptionError(DistributaryError):
    """A subscription breaks a rule. `field` is the dotted name of the offending field, `reason` says what and why."""

    def __init__(self, field_name: str, reason: str) -> None:
        super().__init__(f"{field_name}: {reason}")
        self.field = field_name
        self.reason = reason


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
    if not {"copy_to", "notify"} & set(data):
        yield InvalidSubscriptionError(
            "copy_to", "is missing, and so is notify: a subscription has one of them, or both"
        )
    copy_to = data.get("copy_to")
    if isinstance(copy_to, Mapping):
        region, key = copy_to.get("region"), _match(KEY_ARN, copy_to.get("kms_key_arn"))
        if key and _match(REGION, region) and key["region"] != region:
            yield InvalidSubscriptionError("copy_to.kms_key_arn", f"the key must be in the bucket's Region, {region}")
    yield from _notify_contradictions(data, role)
    filters = data.get("filters")
    if isinstance(filters, Mapping) and "scope" not in data:
        for name in filters.keys() & {"account_ids", "except_account_ids"}:
            reason = f"is for third parties (scope: {ALL}); an owner receives its own account's log files only"
            yield InvalidSubscriptionError(f"filters.{name}", reason)


def _notify_contradictions(data: Mapping[str, Any], role: re.Match[str] | None) -> Iterator[InvalidSubscriptionError]:
    notify = data.get("notify")
    topic = _match(TOPIC_ARN, notify.get("topic_arn")) if isinstance(notify, Mapping) else None
    if not isinstance(notify, Mapping) or not topic:
        return
    if role and role["partition"] != topic["partition"]:
        reason = f"the topic is in partition {topic['partition']}, the delivery role in {role['partition']}"
        yield InvalidSubscriptionError("notify.topic_arn", reason)
    key = _match(KEY_ARN, notify.get("kms_key_arn"))
    if key and key["region"] != topic["region"]:
        reason = f"the key must be in the topic's Region, {topic['region']}"
        yield InvalidSubscriptionError("notify.kms_key_arn", reason)


def conflicts(subscriptions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, InvalidSubscriptionError]]:
    """What `check_together` refuses, all of it: the later subscription's index, and what is wrong with it.

    The subscriptions are plain forms; malformed fields conflict with nothing.
    """
    names: set[str] = set()
    targets: dict[tuple[str, str], object] = {}
    roles: dict[object, bool] = {}
    for index, subscription in enumerate(subscriptions):
        name, target = subscription.get("name"), _target(subscription)
        if isinstance(name, str):
            if name in names:
                yield index, InvalidSubscriptionError("name", f"{name} is taken by an earlier subscription")
            names.add(name)
        role, is_third_party = subscription.get("delivery_role_arn"), "scope" in subscription
        if isinstance(role, str) and roles.setdefault(role, is_third_party) != is_third_party:
            reason = "is the role of an owner's and of a third party's subscription, but it trusts one function only"
            yield index, InvalidSubscriptionError("delivery_role_arn", reason)
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


def _match(pattern: re.Pattern[str], value: object) -> re.Match[str] | None:
    return pattern.fullmatch(value) if isinstance(value, str) else None
