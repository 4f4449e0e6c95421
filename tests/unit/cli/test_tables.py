import json
import re
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError
from samples import B, C, subscription

from distributary.subscription_table import SubscriptionTable, to_item
from distributary.subscriptions import ALL
from distributary_cli.plans import make_plan
from distributary_cli.tables import ConcurrentChangeError, Stamp, read_table, write_plan

TABLE = "distributary-subscriptions"
STAMP = Stamp("arn:aws:sts::111111111111:assumed-role/admin/jo", "2026-11-21T00:00:00Z")


def put(client: Any, item: dict[str, Any]) -> None:
    client.put_item(TableName=TABLE, Item=item)


def test_what_is_written_is_what_the_functions_read(client: Any) -> None:
    plan = make_plan([subscription(B), subscription(C)], {})
    assert list(write_plan(client, TABLE, plan, {}, STAMP)) == [B, C]
    assert SubscriptionTable(client, TABLE).read([B, C]) == {B: (subscription(B),), C: (subscription(C),)}


def test_who_wrote_when_stands_beside(client: Any) -> None:
    list(write_plan(client, TABLE, make_plan([subscription(B)], {}), {}, STAMP))
    stored = read_table(client, TABLE)[B]
    assert (stored.updated_by, stored.updated_at) == (STAMP.updated_by, STAMP.updated_at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", Stamp.now("me").updated_at)


def test_a_table_of_several_pages_is_read_whole(client: Any) -> None:
    ids = [f"{number:012d}" for number in range(40)]
    for account_id in ids:
        put(client, to_item(account_id, [subscription(account_id)]) | {"filling": {"S": "x" * 60_000}})
    assert list(read_table(client, TABLE)) == ids


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"subscriptions": {"S": "text"}},
        to_item(B, [subscription(C)]),
        to_item(B, [subscription(B, scope="all")]),
        to_item(B, [subscription(B), subscription(B)]),
    ],
)
def test_what_apply_would_not_have_written_is_malformed(client: Any, item: dict[str, Any]) -> None:
    put(client, item | {"scope": {"S": B}})
    stored = read_table(client, TABLE)[B]
    assert (stored.subscriptions, bool(stored.malformed)) == ((), True)


def test_a_malformed_item_can_be_replaced_and_deleted(client: Any) -> None:
    put(client, {"scope": {"S": B}, "nonsense": {"N": "1"}})
    put(client, {"scope": {"S": C}})
    stored = read_table(client, TABLE)
    assert list(write_plan(client, TABLE, make_plan([subscription(B)], stored), stored, STAMP)) == [B, C]
    assert make_plan([subscription(B)], read_table(client, TABLE)).is_empty


def test_third_parties_are_written_and_read_as_one_item(client: Any) -> None:
    third_parties = (subscription(B, name="one", scope="all"), subscription(C, name="two", scope="all"))
    assert list(write_plan(client, TABLE, make_plan(third_parties, {}), {}, STAMP)) == [ALL]
    assert SubscriptionTable(client, TABLE).read([ALL]) == {ALL: third_parties}
    assert read_table(client, TABLE)[ALL].subscriptions == third_parties


def test_an_owner_among_third_parties_is_malformed(client: Any) -> None:
    put(client, to_item(ALL, [subscription(B, scope="all"), subscription(C)]))
    assert f"owner-{C} belongs to {C}" in str(read_table(client, TABLE)[ALL].malformed)


@pytest.mark.parametrize(
    ("before", "between"),
    [
        ([], to_item(B, [subscription(B, paused=True)])),
        ([subscription(B, name="old")], to_item(B, [subscription(B, paused=True)])),
        ([subscription(B, name="old")], None),
    ],
    ids=["added", "changed", "deleted"],
)
def test_an_item_that_somebody_else_has_changed_meanwhile_is_left_alone(
    client: Any, before: list[Any], between: dict[str, Any] | None
) -> None:
    if before:
        put(client, to_item(B, before))
    stored = read_table(client, TABLE)
    plan = make_plan([subscription(B), subscription(C)], stored)
    if between is None:
        client.delete_item(TableName=TABLE, Key={"scope": {"S": B}})
    else:
        put(client, between)
    with pytest.raises(ConcurrentChangeError) as caught:
        list(write_plan(client, TABLE, plan, stored, STAMP))
    assert caught.value.scope == B
    assert client.get_item(TableName=TABLE, Key={"scope": {"S": B}}).get("Item") == between
    assert C not in read_table(client, TABLE)


def test_a_scope_that_was_changed_meanwhile_is_not_deleted(client: Any) -> None:
    put(client, to_item(B, [subscription(B)]))
    stored = read_table(client, TABLE)
    put(client, to_item(B, [subscription(B, paused=True)]))
    with pytest.raises(ConcurrentChangeError):
        list(write_plan(client, TABLE, make_plan([], stored), stored, STAMP))
    assert B in read_table(client, TABLE)


class LostAnswer:
    """Carries each request out and then loses its answer once, as a dropped connection does; the SDK repeats it."""

    def __init__(self, client: Any) -> None:
        self.lost = 0
        client.meta.events.register("before-send.dynamodb", self._send)

    def _send(self, request: Any, **_: Any) -> None:
        if self.lost:
            return
        self.lost += 1
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        other = boto3.client("dynamodb")
        body = json.loads(request.body)
        getattr(other, {"PutItem": "put_item", "DeleteItem": "delete_item"}[operation])(**body)
        raise ConnectionClosedError(endpoint_url=request.url)


@pytest.mark.parametrize("wanted", [[subscription(B, paused=True)], []], ids=["write", "delete"])
def test_a_lost_answer_is_not_taken_for_somebody_else_s_change(client: Any, wanted: list[Any]) -> None:
    put(client, to_item(B, [subscription(B)]))
    stored = read_table(client, TABLE)
    losing = boto3.client("dynamodb")
    answers = LostAnswer(losing)
    assert list(write_plan(losing, TABLE, make_plan(wanted, stored), stored, STAMP)) == [B]
    assert answers.lost == 1
    assert make_plan(wanted, read_table(client, TABLE)).is_empty
