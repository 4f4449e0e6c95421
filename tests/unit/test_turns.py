"""Whose turn it is, over generated sequences of what comes due and what ends."""

from collections import Counter
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import subscription

from distributary import turns
from distributary.subscriptions import Subscription
from distributary.turns import Turns

ALL = [subscription(f"{number:012d}") for number in range(5)]
STEPS = st.lists(st.tuples(st.sampled_from(["add", "next", "end"]), st.integers(0, 4)), max_size=200)


class World:
    """Turns, and what a simple count says of them."""

    def __init__(self) -> None:
        self.turns: Turns[tuple[Subscription, int]] = Turns()
        self.due: Counter[Subscription] = Counter()
        self.under_way: Counter[Subscription] = Counter()
        self._number = count()

    def add(self, subscription: Subscription) -> None:
        self.due[subscription] += 1
        self.turns.add(subscription, (subscription, next(self._number)))

    def next(self, most: int) -> tuple[Subscription, int] | None:
        started = self.turns.next(most)
        if started is not None:
            self.due[started[0]] -= 1
            self.under_way[started[0]] += 1
        return started

    def end(self, subscription: Subscription) -> None:
        if self.under_way[subscription]:
            self.under_way[subscription] -= 1
            self.turns.ended(subscription)


@given(steps=STEPS, most=st.integers(1, 4))
def test_the_next_is_always_of_one_with_the_fewest_under_way_and_below_the_most(
    steps: list[tuple[str, int]], most: int
) -> None:
    world = World()
    for step, which in steps:
        if step == "add":
            world.add(ALL[which])
        elif step == "end":
            world.end(ALL[which])
        else:
            fewest = min((world.under_way[one] for one in ALL if world.due[one]), default=most)
            started = world.next(most)
            assert (started is None) == (fewest >= most)
            assert started is None or world.under_way[started[0]] == fewest + 1
        for one in ALL:
            assert world.turns.is_idle(one) == (not world.due[one] and not world.under_way[one])


@given(added=st.lists(st.integers(0, 4), max_size=60), most=st.integers(1, 4), ends=st.randoms(use_true_random=False))
def test_all_that_is_due_is_handed_out_once_and_each_ones_in_order(added: list[int], most: int, ends: object) -> None:
    world, got = World(), list[tuple[Subscription, int]]()
    for which in added:
        world.add(ALL[which])
    while any(world.due.values()) or any(world.under_way.values()):
        while (started := world.next(most)) is not None:
            got.append(started)
        under_way = [one for one in ALL if world.under_way[one]]
        world.end(ends.choice(under_way))  # type: ignore[attr-defined] # hypothesis's own Random
    assert len(got) == len(added)
    for one in ALL:
        numbers = [number for subscription, number in got if subscription is one]
        assert numbers == sorted(set(numbers))


def test_while_ones_many_are_under_way_another_gets_its_turn_at_once() -> None:
    world = World()
    for _ in range(1000):
        world.add(ALL[0])
    for _ in range(8):
        world.next(8)
    assert world.next(8) is None
    world.add(ALL[1])
    assert (started := world.next(8)) is not None
    assert started[0] is ALL[1]


@pytest.mark.parametrize("most", [1, 64])
def test_a_turn_takes_hardly_more_steps_with_a_thousand_times_the_subscriptions(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    def steps_each(subscriptions: int) -> float:
        """Heap operations for each of as many deliveries."""
        steps: Counter[str] = Counter()
        for name in ("heappop", "heappush"):
            monkeypatch.setattr(turns, name, counted(getattr(turns, name), name, steps))
        some = [subscription(f"{number:012d}") for number in range(subscriptions)]
        handed_out: Turns[Subscription] = Turns()
        for _ in range(2000 // subscriptions):
            for one in some:
                handed_out.add(one, one)
        for _ in range(2000):
            if (started := handed_out.next(most)) is not None:
                handed_out.ended(started)
        monkeypatch.undo()
        return steps.total() / 2000

    assert max(steps_each(2), steps_each(2000)) <= 4


def counted(function: object, name: str, steps: Counter[str]) -> object:
    def wrapper(*given: object) -> object:
        steps[name] += 1
        return function(*given)  # type: ignore[operator] # heappush or heappop

    return wrapper
