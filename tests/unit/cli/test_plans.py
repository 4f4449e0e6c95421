from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from samples import B, C, subscription

from distributary.subscriptions import ALL, Filters, NotifyTarget, Subscription
from distributary_cli.plans import Action, Change, FieldChange, Plan, StoredScope, make_plan

D = "000000000004"


def stored(*subscriptions: Subscription) -> dict[str, StoredScope]:
    scopes = {one.scope for one in subscriptions}
    return {scope: StoredScope(scope, tuple(s for s in subscriptions if s.scope == scope)) for scope in scopes}


def applied(plan: Plan, before: dict[str, StoredScope]) -> dict[str, StoredScope]:
    kept = {scope: held for scope, held in before.items() if scope not in plan.deletes}
    return kept | {scope: StoredScope(scope, held) for scope, held in plan.writes.items()}


def test_the_same_on_both_sides_is_nothing_to_do() -> None:
    plan = make_plan([subscription(B), subscription(C)], stored(subscription(C), subscription(B)))
    assert plan.is_empty
    assert plan.unchanged == (f"owner-{B}", f"owner-{C}")


def test_the_order_of_the_file_does_not_matter() -> None:
    one, two = subscription(B, name="one"), subscription(B, name="two", paused=True)
    assert make_plan([two, one], stored(one, two)).is_empty
    assert make_plan([one, two], stored(two, one)).is_empty


def test_an_addition_shows_every_field_but_the_external_id() -> None:
    plan = make_plan([subscription(B)], {})
    (change,) = plan.changes
    assert change.action is Action.ADD
    assert FieldChange("copy_to.bucket", None, f"owner-logs-{B}") in change.fields
    assert FieldChange("external_id", None, "(hidden)") in change.fields
    assert plan.writes == {B: (subscription(B),)}


def test_a_change_shows_old_and_new_of_what_differs() -> None:
    new = replace(subscription(B), paused=True, filters=Filters(log_types=("Config",)), external_id="another")
    (change,) = make_plan([new], stored(subscription(B))).changes
    assert change == Change(
        Action.CHANGE,
        f"owner-{B}",
        B,
        B,
        (
            FieldChange("external_id", "(hidden)", "(hidden)"),
            FieldChange("filters.log_types", None, ["Config"]),
            FieldChange("paused", None, True),
        ),
    )


def test_a_removal_deletes_the_scope_once_nothing_is_left_in_it() -> None:
    one, two = subscription(B, name="one"), subscription(B, name="two")
    some = make_plan([one], stored(one, two))
    assert (some.count(Action.REMOVE), dict(some.writes), some.deletes) == (1, {B: (one,)}, ())
    every = make_plan([], stored(one, two))
    assert (every.count(Action.REMOVE), dict(every.writes), every.deletes) == (2, {}, (B,))


def test_a_subscription_that_moves_to_another_account_is_changed_and_both_items_are_touched() -> None:
    plan = make_plan([subscription(C, name="mover")], stored(subscription(B, name="mover")))
    (change,) = plan.changes
    assert FieldChange("account_id", B, C) in change.fields
    assert plan.scopes == (C, B)


def test_an_owner_that_becomes_a_third_party_is_changed_and_both_items_are_touched() -> None:
    plan = make_plan([subscription(B, name="mover", scope="all")], stored(subscription(B, name="mover")))
    (change,) = plan.changes
    assert (change.action, change.scope, change.fields) == (Action.CHANGE, ALL, (FieldChange("scope", None, ALL),))
    assert plan.scopes == (ALL, B)


def test_only_what_is_added_or_changed_is_new() -> None:
    same, changed, gone = (subscription(B, name=name) for name in ("same", "changed", "gone"))
    added, other = subscription(C), subscription(D, name="other")
    plan = make_plan([same, replace(changed, paused=True), added, other], stored(same, changed, gone, other))
    assert plan.new_or_changed == (replace(changed, paused=True), added)


def test_third_parties_share_one_item() -> None:
    one, two = subscription(C, scope="all"), subscription(D, scope="all")
    assert dict(make_plan([subscription(B), two, one], stored(subscription(B), one)).writes) == {ALL: (two, one)}


def test_a_topic_in_place_of_a_bucket_is_shown_field_by_field() -> None:
    topic_arn = f"arn:aws:sns:us-east-1:{B}:log-files"
    new = replace(subscription(B), copy_to=None, notify=NotifyTarget(topic_arn))
    (change,) = make_plan([new], stored(subscription(B))).changes
    assert {field.field: (field.old, field.new) for field in change.fields} == {
        "notify.topic_arn": (None, topic_arn),
        "notify.format": (None, "s3"),
        "copy_to.bucket": (f"owner-logs-{B}", None),
        "copy_to.region": ("us-east-1", None),
    }


def test_a_malformed_item_is_replaced_or_removed_never_kept() -> None:
    broken = {B: StoredScope(B, malformed="broken"), C: StoredScope(C, malformed="broken")}
    plan = make_plan([subscription(B)], broken)
    assert [scope.scope for scope in plan.malformed] == [B, C]
    assert (list(plan.writes), plan.deletes) == ([B], (C,))


subscriptions = st.builds(
    subscription,
    st.sampled_from([B, C, D]),
    name=st.sampled_from(["a", "b", "c", "d"]),
    paused=st.booleans(),
    external_id=st.sampled_from(["one", "two"]),
    filters=st.sampled_from([{}, {"log_types": ["Config"]}]),
    notify=st.just({"topic_arn": f"arn:aws:sns:us-east-1:{B}:log-files"}),
)
subscriptions |= subscriptions.map(lambda one: replace(one, is_third_party=True))
subscriptions |= subscriptions.map(lambda one: replace(one, copy_to=None))
files = st.lists(subscriptions, max_size=6, unique_by=lambda one: one.name)
tables = st.lists(subscriptions, max_size=8, unique_by=lambda one: (one.scope, one.name))


@given(files, tables, st.booleans())
def test_an_applied_plan_leaves_nothing_to_do(
    wanted: Sequence[Subscription], held: Sequence[Subscription], broken: bool
) -> None:
    before = stored(*held) | ({D: StoredScope(D, malformed="broken")} if broken else {})
    plan = make_plan(wanted, before)
    after = applied(plan, before)
    assert make_plan(wanted, after).is_empty
    assert sorted(one.name for scope in after.values() for one in scope.subscriptions) == sorted(s.name for s in wanted)
    assert all(scope.subscriptions for scope in after.values())


@given(files, tables)
def test_there_is_something_to_do_exactly_when_something_is_shown(
    wanted: Sequence[Subscription], held: Sequence[Subscription]
) -> None:
    plan = make_plan(wanted, stored(*held))
    assert plan.is_empty == (not plan.changes)
    assert len(plan.unchanged) + plan.count(Action.ADD) + plan.count(Action.CHANGE) == len(wanted)


@given(files, tables)
def test_no_external_id_is_ever_in_a_plan_s_words(wanted: Sequence[Subscription], held: Sequence[Subscription]) -> None:
    for change in make_plan(wanted, stored(*held)).changes:
        for field in change.fields:
            assert field.field != "external_id" or {field.old, field.new} <= {None, "(hidden)"}
