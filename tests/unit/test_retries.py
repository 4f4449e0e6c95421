import pytest

from distributary.breakers import OPEN_SECONDS
from distributary.faults import Fault
from distributary.retries import (
    FIRST_SECONDS,
    LONGEST_PATIENCE_SECONDS,
    LONGEST_SECONDS,
    PATIENCE_SECONDS,
    delay_seconds,
    is_dead,
)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in (Fault.GONE, Fault.UNREADABLE)])
def test_delays_grow_to_the_faults_longest_and_stay_there(fault: Fault) -> None:
    longest = LONGEST_SECONDS[fault]
    for attempts in (*range(15), 10_000):
        full = min(longest, FIRST_SECONDS * 2 ** min(max(attempts - 1, 0), 20))
        drawn = [delay_seconds(fault, attempts) for _ in range(50)]
        assert min(drawn) >= full // 2
        assert max(drawn) <= full


def test_the_first_rest_outlasts_an_open_breaker() -> None:
    """Otherwise what was refused would be sent away untried, to rest once more."""
    assert min(delay_seconds(Fault.RECEIVER_BROKEN, 1) for _ in range(200)) > OPEN_SECONDS


def test_what_failed_together_does_not_come_back_together() -> None:
    assert len({delay_seconds(Fault.RECEIVER_BROKEN, 10) for _ in range(100)}) > 10


def test_no_delay_is_longer_than_sqs_takes() -> None:
    assert max(LONGEST_SECONDS.values()) <= 900


def test_a_receiver_may_be_broken_for_hours_and_what_was_not_tried_for_a_day() -> None:
    broken = Fault.RECEIVER_BROKEN
    assert not is_dead(broken, PATIENCE_SECONDS - 1, was_tried=True)
    assert is_dead(broken, PATIENCE_SECONDS, was_tried=True)
    assert not is_dead(broken, LONGEST_PATIENCE_SECONDS - 1, was_tried=False)
    assert is_dead(broken, LONGEST_PATIENCE_SECONDS, was_tried=False)


def test_what_nobody_can_read_is_dead_at_once() -> None:
    assert is_dead(Fault.UNREADABLE, 0, was_tried=True)
