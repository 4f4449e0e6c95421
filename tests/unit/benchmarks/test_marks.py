"""Marks: when a figure reaches one, and what is said when it doesn't."""

import pytest

from benchmarks.marks import MARKS, Figure, Mark, judge, shown


@pytest.mark.parametrize(
    ("relation", "value", "met"),
    [
        ("≥", 0.9, True),
        ("≥", 0.899, False),
        ("≤", 0.9, True),
        ("≤", 0.901, False),
        ("=", 0.9, True),
        ("=", 0.91, False),
    ],
)
def test_a_mark_is_met_at_its_limit_and_missed_beyond(relation: str, value: float, met: bool) -> None:
    assert Mark("speed", relation, 0.9).is_met(value) is met  # type: ignore[arg-type] # as MARKS writes them


def test_only_what_was_measured_is_judged() -> None:
    judged = judge([Figure("log-bytes", 0, "bytes", "of log files"), Figure("files-per-second", 9, "files/s", "")])
    assert list(judged) == ["log-bytes"]
    assert judged["log-bytes"].is_met


def test_a_missed_mark_says_what_was_measured_and_what_should_have_been() -> None:
    figure = Figure("against-tutorial", 71.8, "×", "files/s against tutorial, warm")
    sentence = judge([figure])["against-tutorial"].sentence
    assert sentence == "Missed: against-tutorial (files/s against tutorial, warm) is 71.8 ×; the mark is ≥ 150."


def test_no_figure_has_two_marks() -> None:
    assert len({mark.figure for mark in MARKS}) == len(MARKS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1 / 8, "0.12"), (0.0133, "0.0133"), (2.2, "2.20"), (71.83, "71.8"), (12345.6, "12,346")],
)
def test_numbers_are_shown_with_three_digits(value: float, text: str) -> None:
    assert shown(value) == text
