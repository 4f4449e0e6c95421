import asyncio

import pytest
from botocore.exceptions import ClientError

from distributary.breakers import OPEN_SECONDS, OPENS_AFTER, Breakers
from distributary.faults import CircuitOpenError, Fault, classify

REFUSED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CopyObject")
THROTTLED = ClientError({"Error": {"Code": "SlowDown", "Message": "later"}}, "CopyObject")


class World:
    """One receiver behind a breaker, a clock, and how often it was asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.breakers = Breakers(lambda: self.now)

    def ask(self, error: Exception | None = None, key: str = "b") -> str:
        try:
            with self.breakers.guard(key):
                self.asked += 1
                if error:
                    raise error
        except CircuitOpenError:
            return "open"
        except ClientError:
            return "error"
        return "done"


@pytest.fixture
def world() -> World:
    return World()


def test_a_receiver_that_refuses_is_asked_once_in_a_period(world: World) -> None:
    for _ in range(1000):
        world.ask(REFUSED)
    assert world.asked == OPENS_AFTER
    for period in range(1, 4):
        world.now = period * OPEN_SECONDS
        assert [world.ask(REFUSED) for _ in range(100)].count("error") == 1
    assert world.asked == OPENS_AFTER + 3


def test_a_probe_that_succeeds_closes_it(world: World) -> None:
    for _ in range(OPENS_AFTER):
        world.ask(REFUSED)
    assert world.ask() == "open"
    world.now = OPEN_SECONDS
    assert [world.ask() for _ in range(3)] == ["done"] * 3


def test_one_bad_file_among_good_ones_opens_nothing(world: World) -> None:
    assert [world.ask(REFUSED if number % 2 else None) for number in range(100)].count("open") == 0


def test_throttling_opens_nothing_and_ends_no_run_of_refusals(world: World) -> None:
    for _ in range(100):
        assert world.ask(THROTTLED) == "error"
    for _ in range(OPENS_AFTER - 1):
        world.ask(REFUSED)
    world.ask(THROTTLED)
    world.ask(REFUSED)
    assert world.ask() == "open"


def test_a_throttled_probe_is_followed_by_another(world: World) -> None:
    for _ in range(OPENS_AFTER):
        world.ask(REFUSED)
    world.now = OPEN_SECONDS
    assert (world.ask(THROTTLED), world.ask()) == ("error", "done")


def test_a_probe_that_is_cancelled_is_followed_by_another(world: World) -> None:
    for _ in range(OPENS_AFTER):
        world.ask(REFUSED)
    world.now = OPEN_SECONDS
    with pytest.raises(asyncio.CancelledError), world.breakers.guard("b"):
        raise asyncio.CancelledError
    assert world.ask() == "done"


def test_one_receivers_breaker_is_nobody_elses(world: World) -> None:
    for _ in range(OPENS_AFTER):
        world.ask(REFUSED, key="broken")
    assert (world.ask(key="broken"), world.ask(key="other")) == ("open", "done")


def test_of_many_one_probes(world: World) -> None:
    for _ in range(OPENS_AFTER):
        world.ask(REFUSED)
    world.now = OPEN_SECONDS
    with world.breakers.guard("b"):
        assert [world.ask() for _ in range(8)] == ["open"] * 8
    assert world.ask() == "done"


def test_the_error_of_an_open_breaker_says_what_the_receiver_said_and_is_of_its_class(world: World) -> None:
    for _ in range(OPENS_AFTER):
        world.ask(REFUSED)
    with (
        pytest.raises(CircuitOpenError, match="not tried, as lately") as raised,
        world.breakers.guard("b"),
    ):
        pass
    assert classify(raised.value) is Fault.RECEIVER_BROKEN
