import pytest
from samples import A, B, C, Z, cloudtrail_key, log_file, subscription

from distributary.routing import route


def test_a_file_goes_to_its_owners_subscription_under_its_own_key() -> None:
    [delivery] = route(log_file(B), [subscription(B)]).deliveries
    assert delivery.subscription.account_id == B
    assert delivery.destination_key == cloudtrail_key(B)


def test_the_subscriptions_prefix_stands_before_the_key() -> None:
    target = {"bucket": "logs", "region": "us-east-1", "prefix": "audit/"}
    [delivery] = route(log_file(B), [subscription(B, copy_to=target)]).deliveries
    assert delivery.destination_key == "audit/" + cloudtrail_key(B)


def test_a_neighbours_subscription_is_never_due_whoever_passes_it() -> None:
    planned = route(log_file(B), [subscription(C)])
    assert planned.deliveries == ()
    assert planned.declined[0][1] == f"it is about account {C}"


def test_a_paused_subscription_declines() -> None:
    planned = route(log_file(B), [subscription(B, paused=True)])
    assert (planned.deliveries, planned.declined[0][1]) == ((), "it is paused")


def test_each_subscription_decides_for_itself() -> None:
    both = [subscription(B), subscription(B, name="config-only", filters={"log_types": ["Config"]})]
    planned = route(log_file(B), both)
    assert [due.subscription.name for due in planned.deliveries] == [f"owner-{B}"]
    assert [declined.name for declined, _ in planned.declined] == ["config-only"]


def test_a_third_party_gets_every_owners_files() -> None:
    auditor = subscription(Z, name="auditor", scope="all")
    assert [len(route(log_file(owner), [auditor]).deliveries) for owner in (A, B, C)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"account_ids": [B]}, {B}),
        ({"except_account_ids": [B]}, {A, C}),
        ({"account_ids": [A, B], "except_account_ids": [A]}, {B}),
        ({"account_ids": [A, B], "log_types": ["Config"]}, set()),
    ],
)
def test_a_third_party_may_want_some_accounts_only(filters: dict[str, list[str]], wanted: set[str]) -> None:
    auditor = subscription(Z, scope="all", filters=filters)
    assert {owner for owner in (A, B, C) if route(log_file(owner), [auditor]).deliveries} == wanted


def test_a_delivery_names_its_destinations() -> None:
    topic = {"topic_arn": f"arn:aws:sns:us-east-1:{B}:log-files"}
    copy = f"s3://owner-logs-{B}/{cloudtrail_key(B)}"
    [both] = route(log_file(B), [subscription(B, notify=topic)]).deliveries
    assert both.destinations == (copy, topic["topic_arn"])
    [one] = route(log_file(B), [subscription(B)]).deliveries
    assert one.destinations == (copy,)
