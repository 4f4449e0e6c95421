from typing import Any

import boto3
import pytest
from samples import B, C, Z, plain_subscription, subscription

from distributary.subscription_table import (
    CACHE_SECONDS,
    StoredSubscriptionError,
    SubscriptionTable,
    TableThrottledError,
    to_item,
)
from distributary.subscriptions import ALL


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Requests(list[dict[str, Any]]):
    """The BatchGetItem requests that a client has sent."""


@pytest.fixture
def client(aws: None) -> Any:  # noqa: ARG001 - it stands up what this needs
    made = boto3.client("dynamodb")
    made.create_table(
        TableName="subscriptions",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "scope", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "scope", "KeyType": "HASH"}],
    )
    return made


@pytest.fixture
def requests(client: Any) -> Requests:
    seen = Requests()
    client.meta.events.register(
        "provide-client-params.dynamodb.BatchGetItem", lambda params, **_: seen.append(dict(params))
    )
    return seen


def test_what_was_written_is_read_and_absence_is_an_answer(client: Any) -> None:
    client.put_item(TableName="subscriptions", Item=to_item(B, [subscription(B)]))
    read = SubscriptionTable(client, "subscriptions").read([B, C, B])
    assert read == {B: (subscription(B),), C: ()}


def test_an_answer_is_kept_for_a_minute_absence_too(client: Any, requests: Requests) -> None:
    clock = Clock()
    table = SubscriptionTable(client, "subscriptions", clock)
    table.read([B, C])
    client.put_item(TableName="subscriptions", Item=to_item(B, [subscription(B)]))
    clock.now = CACHE_SECONDS - 1
    assert table.read([B]) == {B: ()}
    assert len(requests) == 1
    clock.now = CACHE_SECONDS
    assert table.read([B]) == {B: (subscription(B),)}


def test_only_the_unknown_is_asked_for(client: Any, requests: Requests) -> None:
    table = SubscriptionTable(client, "subscriptions")
    table.read([B])
    table.read([B, C])
    assert [len(request["RequestItems"]["subscriptions"]["Keys"]) for request in requests] == [1, 1]


def test_nothing_is_asked_for_nothing(client: Any, requests: Requests) -> None:
    assert SubscriptionTable(client, "subscriptions").read([]) == {}
    assert requests == []


def test_more_than_a_hundred_scopes_take_several_requests(client: Any, requests: Requests) -> None:
    scopes = [f"{number:012d}" for number in range(250)]
    assert len(SubscriptionTable(client, "subscriptions").read(scopes)) == 250
    assert len(requests) == 3


@pytest.mark.parametrize(
    "item",
    [
        {"scope": {"S": B}},
        {"scope": {"S": B}, "subscriptions": {"S": "text"}},
        {"scope": {"S": B}, "subscriptions": {"L": [{"S": "text"}]}},
        {"scope": {"S": B}, "subscriptions": {"L": [{"M": {"name": {"S": "x"}}}]}},
    ],
)
def test_a_malformed_item_is_its_own_scopes_trouble_only(client: Any, item: dict[str, Any]) -> None:
    client.put_item(TableName="subscriptions", Item=item)
    client.put_item(TableName="subscriptions", Item=to_item(C, [subscription(C)]))
    read = SubscriptionTable(client, "subscriptions").read([B, C])
    [error] = read[B]
    assert isinstance(error, StoredSubscriptionError)
    assert read[C] == (subscription(C),)


@pytest.mark.parametrize(
    ("spoilt", "account_id"),
    [({"later_field": {"S": "x"}}, Z), ({"paused": {"S": "perhaps"}}, Z), ({"account_id": {"BOOL": True}}, None)],
)
def test_a_malformed_entry_is_its_own_trouble_only(client: Any, spoilt: dict[str, Any], account_id: str | None) -> None:
    item = to_item(ALL, [subscription(Z, name=name, scope=ALL) for name in ("one", "two", "three")])
    item["subscriptions"]["L"][1]["M"].update(spoilt)
    client.put_item(TableName="subscriptions", Item=item)
    one, two, three = SubscriptionTable(client, "subscriptions").read([ALL])[ALL]
    assert (one.name, three.name) == ("one", "three")
    assert isinstance(two, StoredSubscriptionError)
    assert (two.name, two.account_id) == ("two", account_id)
    assert str(two).startswith(f"two of third parties in the table is malformed ({next(iter(spoilt))}")


@pytest.mark.parametrize("name", [{"BOOL": True}, {"S": ""}])
def test_an_entry_that_tells_no_name_spoils_the_item(client: Any, name: dict[str, Any]) -> None:
    """A retry could not say whom it is still for."""
    item = to_item(ALL, [subscription(Z, name=name, scope=ALL) for name in ("one", "two")])
    item["subscriptions"]["L"][1]["M"]["name"] = name
    client.put_item(TableName="subscriptions", Item=item)
    [error] = SubscriptionTable(client, "subscriptions").read([ALL])[ALL]
    assert isinstance(error, StoredSubscriptionError)
    assert error.name is None


def test_keys_that_stay_unprocessed_are_an_error_not_an_absence(client: Any) -> None:
    def throttle(parsed: dict[str, Any], **_: Any) -> None:
        parsed["UnprocessedKeys"] = {"subscriptions": {"Keys": [{"scope": {"S": B}}]}}

    client.meta.events.register("after-call.dynamodb.BatchGetItem", throttle)
    with pytest.raises(TableThrottledError):
        SubscriptionTable(client, "subscriptions").read([B])


def test_an_items_inner_form_is_what_people_write() -> None:
    item = to_item(B, [subscription(B)])
    names = set(item["subscriptions"]["L"][0]["M"])
    assert names == plain_subscription(B).keys()
