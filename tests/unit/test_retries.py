import pytest

from distributary.faults import Fault
from distributary.retries import FIRST_SECONDS, LONGEST_SECONDS, MAX_RECEIVES, delay_seconds


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in (Fault.GONE, Fault.UNREADABLE)])
def test_delays_grow_to_the_faults_longest_and_stay_there(fault: Fault) -> None:
    longest = LONGEST_SECONDS[fault]
    for receives in (*range(1, MAX_RECEIVES + 1), 10_000):
        full = min(longest, FIRST_SECONDS * 2 ** min(receives - 1, 20))
        drawn = [delay_seconds(fault, receives) for _ in range(50)]
        assert min(drawn) >= full // 2
        assert max(drawn) <= full


def test_messages_that_failed_together_do_not_come_back_together() -> None:
    assert len({delay_seconds(Fault.RECEIVER_BROKEN, MAX_RECEIVES) for _ in range(100)}) > 10


def test_what_was_only_out_of_time_comes_back_at_once() -> None:
    assert delay_seconds(Fault.OUT_OF_TIME, 5) == 0


def test_a_receiver_may_be_broken_for_over_an_hour_before_its_messages_are_dead() -> None:
    shortest = sum(min(900, FIRST_SECONDS * 2 ** (n - 1)) // 2 for n in range(1, MAX_RECEIVES))
    assert shortest > 3600


def test_no_delay_is_longer_than_sqs_takes() -> None:
    assert max(LONGEST_SECONDS.values()) <= 900
