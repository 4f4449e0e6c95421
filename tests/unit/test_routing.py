from samples import B, C, cloudtrail_key, log_file, subscription

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
