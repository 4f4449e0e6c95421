"""The committed results, and what the documents show of them."""

import json
from pathlib import Path

import pytest

from benchmarks.document import PAGE, PICTURE, RESULTS, newest, page
from benchmarks.marks import MARKS
from benchmarks.plot import draw


def test_the_page_shows_the_newest_result() -> None:
    written = PAGE.read_text()
    assert written == page(written, newest("bench")), "run: python -m benchmarks.document"


def test_the_picture_is_drawn_from_the_newest_growth() -> None:
    assert PICTURE.read_text() == draw(newest("growth")), "run: python -m benchmarks.document"


@pytest.mark.parametrize("result", sorted(RESULTS.glob("bench-*.json")), ids=lambda result: result.name)
def test_a_result_names_its_machine_and_judges_every_mark(result: Path) -> None:
    told = json.loads(result.read_text())
    assert {"cores", "processor", "python"} <= told["machine"].keys()
    assert {mark["figure"] for mark in told["marks"]} == {mark.figure for mark in MARKS}
