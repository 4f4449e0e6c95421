"""Shares of the processor and prices: Lambda's arithmetic."""

import pytest

from benchmarks.figures import ideal_seconds
from benchmarks.prices import dollars_per_million, gb_seconds_per_million
from benchmarks.quotas import PERIOD_MICROSECONDS, quota_microseconds


def test_lambda_gives_a_whole_processor_at_1769_mb_and_less_below() -> None:
    assert quota_microseconds(1769) == PERIOD_MICROSECONDS
    assert quota_microseconds(3008) == PERIOD_MICROSECONDS
    assert quota_microseconds(256) == 14_471


def test_lambda_bills_by_the_started_millisecond() -> None:
    assert gb_seconds_per_million(0.0401, files=100, megabytes=1024) == pytest.approx(410)


def test_requests_cost_too() -> None:
    assert dollars_per_million(0.040, files=100, megabytes=1024) == pytest.approx(400 * 0.0000133334 + 0.002)


def test_the_ideal_is_one_latency_for_each_round_of_connections() -> None:
    assert ideal_seconds(64) == pytest.approx(0.020)
    assert ideal_seconds(65) == pytest.approx(0.040)
    assert ideal_seconds(1000) == pytest.approx(0.320)
