from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import B, C, plain_subscription, subscription

from distributary.subscription_forms import check_together, from_mapping, to_mapping
from distributary.subscription_rules import InvalidSubscriptionError
from distributary.subscriptions import Filters

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
    ({"paused": "yes"}, "paused"),
    ({"bucket": "logs"}, "bucket"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG, ids=[str(changes) for changes, _ in WRONG])
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSubscriptionError) as caught:
        from_mapping(plain_subscription(**changes))
    assert caught.value.field == field
    assert caught.value.reason


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
    for field in plain_subscription() | {"filters": {}, "paused": False}:
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


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (Filters(), True),
        (Filters(log_types=("CloudTrail",)), True),
        (Filters(log_types=("Config",)), False),
        (Filters(regions=("us-east-1",)), True),
        (Filters(regions=("eu-west-1",)), False),
        (Filters(log_types=("CloudTrail",), regions=("eu-west-1",)), False),
    ],
)
def test_a_filter_tells_why_it_declines(filters: Filters, wanted: bool) -> None:
    reason = filters.refuse("CloudTrail", "us-east-1")
    assert (reason is None) is wanted


def test_a_region_filter_declines_a_file_without_a_region() -> None:
    assert Filters(regions=("us-east-1",)).refuse("Mapped", None) is not None
