from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import B, C, Z, log_file, plain_subscription, subscription

from distributary.subscription_forms import check_together, from_mapping, to_mapping
from distributary.subscription_rules import InvalidSubscriptionError
from distributary.subscriptions import ALL, Filters, Format, NotifyTarget

TOPIC = f"arn:aws:sns:us-east-1:{B}:log-files"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "Upper"}, "name"),
    ({"name": None}, "name"),
    ({"account_id": 222222222222}, "account_id"),
    ({"account_id": "22222222222"}, "account_id"),
    ({"account_id": "２２２２２２２２２２２２"}, "account_id"),  # noqa: RUF001 - full-width digits are not digits
    ({"delivery_role_arn": "arn:aws:iam::222222222222:user/distributary-delivery"}, "delivery_role_arn"),
    ({"delivery_role_arn": f"arn:aws:iam::{C}:role/distributary-delivery"}, "delivery_role_arn"),
    ({"external_id": "x"}, "external_id"),
    ({"external_id": "spaces are not taken"}, "external_id"),
    ({"copy_to": None}, "copy_to"),
    ({"copy_to": "bucket"}, "copy_to"),
    ({"copy_to": {"region": "us-east-1"}}, "copy_to.bucket"),
    ({"copy_to": {"bucket": "Bad_Bucket", "region": "us-east-1"}}, "copy_to.bucket"),
    ({"copy_to": {"bucket": "192.168.5.4", "region": "us-east-1"}}, "copy_to.bucket"),
    ({"copy_to": {"bucket": "logs", "region": "Ireland"}}, "copy_to.region"),
    ({"copy_to": {"bucket": "logs", "region": "us-east-1", "prefix": "no-slash"}}, "copy_to.prefix"),
    ({"copy_to": {"bucket": "logs", "region": "us-east-1", "prefix": "*/"}}, "copy_to.prefix"),
    ({"copy_to": {"bucket": "logs", "region": "us-east-1", "prefix": "$x/"}}, "copy_to.prefix"),
    ({"copy_to": {"bucket": "logs", "region": "us-east-1", "kms_key_arn": "alias/logs"}}, "copy_to.kms_key_arn"),
    (
        {"copy_to": {"bucket": "logs", "region": "us-east-1", "kms_key_arn": f"arn:aws:kms:eu-west-1:{B}:key/1-2"}},
        "copy_to.kms_key_arn",
    ),
    ({"copy_to": {"bucket": "logs", "region": "us-east-1", "colour": "red"}}, "copy_to.colour"),
    ({"filters": {"log_types": "CloudTrail"}}, "filters.log_types"),
    ({"filters": {"regions": [1]}}, "filters.regions"),
    ({"filters": {"account_ids": [B]}}, "filters.account_ids"),  # an owner's
    ({"filters": {"except_account_ids": [C]}}, "filters.except_account_ids"),
    ({"filters": {"account_ids": ["2222"]}, "scope": "all"}, "filters.account_ids"),
    ({"filters": {"except_account_ids": [222222222222]}, "scope": "all"}, "filters.except_account_ids"),
    ({"scope": B}, "scope"),
    ({"scope": None}, "scope"),
    ({"notify": None}, "notify"),
    ({"notify": {}}, "notify.topic_arn"),
    ({"notify": {"topic_arn": f"{TOPIC}.fifo"}}, "notify.topic_arn"),
    ({"notify": {"topic_arn": f"arn:aws:sqs:us-east-1:{B}:log-files"}}, "notify.topic_arn"),
    ({"notify": {"topic_arn": f"arn:aws-cn:sns:cn-north-1:{B}:log-files"}}, "notify.topic_arn"),
    ({"notify": {"topic_arn": TOPIC, "format": "S3"}}, "notify.format"),
    ({"notify": {"topic_arn": TOPIC, "format": None}}, "notify.format"),
    ({"notify": {"topic_arn": TOPIC, "kms_key_arn": "alias/topics"}}, "notify.kms_key_arn"),
    ({"notify": {"topic_arn": TOPIC, "kms_key_arn": f"arn:aws:kms:eu-west-1:{B}:key/1-2"}}, "notify.kms_key_arn"),
    ({"notify": {"topic_arn": TOPIC, "protocol": "sqs"}}, "notify.protocol"),
    ({"paused": "yes"}, "paused"),
    ({"bucket": "logs"}, "bucket"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG, ids=[str(changes) for changes, _ in WRONG])
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSubscriptionError) as caught:
        from_mapping(plain_subscription(**changes))
    assert caught.value.field == field
    assert caught.value.reason


def test_one_of_a_bucket_and_a_topic_is_required_and_either_is_enough() -> None:
    neither = plain_subscription()
    del neither["copy_to"]
    with pytest.raises(InvalidSubscriptionError, match=r"^copy_to: is missing, and so is notify"):
        from_mapping(neither)
    notified = from_mapping(neither | {"notify": {"topic_arn": TOPIC}})
    assert (notified.copy_to, notified.notify) == (None, NotifyTarget(TOPIC, Format.S3))
    assert subscription().notify is None


def test_a_third_party_s_scope_is_everybody_and_an_owner_s_its_own_account() -> None:
    assert (subscription(Z, scope="all").scope, subscription(Z).scope) == (ALL, Z)


@pytest.mark.parametrize("notify", [{"topic_arn": TOPIC}, {"topic_arn": TOPIC, "format": "eventbridge"}])
def test_a_third_party_is_read_back_too(notify: dict[str, str]) -> None:
    plain = plain_subscription(Z, scope="all", filters={"account_ids": [B], "except_account_ids": [C]})
    del plain["copy_to"]
    read = from_mapping(plain | {"notify": notify | {"format": notify.get("format", "s3")}})
    assert to_mapping(read) == plain | {"notify": {"format": "s3"} | notify}
    assert from_mapping(plain | {"notify": notify}) == read


def test_two_subscriptions_may_share_a_topic() -> None:
    one, two = (plain_subscription(account_id, notify={"topic_arn": TOPIC}) for account_id in (B, C))
    check_together([from_mapping(one), from_mapping(two)])


def test_what_was_written_is_read_back() -> None:
    full = plain_subscription(
        copy_to={
            "bucket": "logs",
            "region": "eu-west-1",
            "prefix": "audit/",
            "kms_key_arn": f"arn:aws:kms:eu-west-1:{B}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        },
        filters={"log_types": ["CloudTrail"], "regions": ["eu-west-1"]},
        paused=True,
    )
    assert to_mapping(from_mapping(full)) == full
    assert from_mapping(to_mapping(from_mapping(full))) == from_mapping(full)


def test_what_is_left_at_its_default_is_not_written() -> None:
    assert to_mapping(subscription()) == plain_subscription()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_value_of_any_field_raises_anything_else(value: Any) -> None:
    for field in plain_subscription() | {"filters": {}, "paused": False, "notify": {}, "scope": "all"}:
        try:
            from_mapping(plain_subscription(**{field: value}))
        except InvalidSubscriptionError as error:
            assert error.field.startswith(field)  # noqa: PT017 - either it is valid or this error names it


def test_the_partition_is_the_roles_own() -> None:
    china = subscription(delivery_role_arn=f"arn:aws-cn:iam::{B}:role/distributary-delivery")
    assert china.partition == "aws-cn"


def test_the_external_id_is_never_shown() -> None:
    assert "external-id-of" not in repr(subscription())


def test_two_subscriptions_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidSubscriptionError, match=r"^\[1\]\.name"):
        check_together([subscription(B), subscription(C, name=f"owner-{B}")])


def test_two_subscriptions_that_would_write_the_same_objects_are_refused() -> None:
    with pytest.raises(InvalidSubscriptionError, match=r"^\[1\]\.copy_to"):
        check_together([subscription(B), subscription(B, name="again")])
    elsewhere = {"bucket": f"owner-logs-{B}", "region": "us-east-1", "prefix": "config/"}
    check_together([subscription(B), subscription(B, name="again", copy_to=elsewhere)])
    with pytest.raises(InvalidSubscriptionError, match="trusts one function only"):
        check_together([subscription(B), subscription(B, name="again", copy_to=elsewhere, scope="all")])


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (Filters(), True),
        (Filters(log_types=("CloudTrail",)), True),
        (Filters(log_types=("Config",)), False),
        (Filters(regions=("us-east-1",)), True),
        (Filters(regions=("eu-west-1",)), False),
        (Filters(log_types=("CloudTrail",), regions=("eu-west-1",)), False),
        (Filters(account_ids=(B, C)), True),
        (Filters(account_ids=(C,)), False),
        (Filters(except_account_ids=(C,)), True),
        (Filters(except_account_ids=(B,)), False),
        (Filters(account_ids=(B,), except_account_ids=(B,)), False),
        (Filters(log_types=("Config",), account_ids=(B,)), False),
    ],
)
def test_a_filter_tells_why_it_declines(filters: Filters, wanted: bool) -> None:
    reason = filters.refuse(log_file(B, "CloudTrail", "us-east-1"))
    assert (reason is None) is wanted


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        (Filters(account_ids=(C, Z)), f"its account {B} is not among {C}, {Z}"),
        (Filters(except_account_ids=(B,)), f"its account {B} is excepted"),
    ],
)
def test_an_account_filter_names_the_account(filters: Filters, reason: str) -> None:
    assert filters.refuse(log_file(B)) == reason


def test_a_region_filter_declines_a_file_without_a_region() -> None:
    assert Filters(regions=("us-east-1",)).refuse(log_file(B, "Mapped", None)) is not None
