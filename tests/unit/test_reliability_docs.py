"""docs/reliability.md names a test for each fault, and the numbers of the retries; both are true."""

import ast
import re

import pytest
from templates import ROOT

from distributary.breakers import OPEN_SECONDS, OPENS_AFTER
from distributary.faults import Fault
from distributary.retries import FIRST_SECONDS, LONGEST_PATIENCE_SECONDS, LONGEST_SECONDS, PATIENCE_SECONDS

DOCUMENT = (ROOT / "docs" / "reliability.md").read_text("utf-8")
REFERENCE = re.compile(r"`(test_\w+\.py)(?:::(\w+))?`(?: \((\w+)\))?")


def rows(heading: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(file: str) -> set[str]:
    trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "tests").rglob(file)]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_fault_has_a_test_and_something_to_do() -> None:
    assert len(rows("Faults")) > 15
    assert [row[0] for row in rows("Faults") if not all(row) or not REFERENCE.search(row[3])] == []


def test_every_named_test_exists() -> None:
    named = {(file, name) for file, name, _ in REFERENCE.findall(DOCUMENT)}
    assert {(file, name) for file, name in named if not names(file) or {name} - {""} - names(file)} == set()


def test_no_fault_scenario_is_missing() -> None:
    assert {one for one in names("test_faults_injected.py") if one.startswith("test_")} == {
        name for file, name, _ in REFERENCE.findall(DOCUMENT) if file == "test_faults_injected.py"
    } - {""}


@pytest.mark.parametrize("row", rows("Retries"), ids=lambda row: row[0])
def test_the_rests_are_those_of_the_code(row: list[str]) -> None:
    for name in re.findall(r"`(\w+)`", row[0]):
        longest = LONGEST_SECONDS.get(Fault(name))
        patience = LONGEST_PATIENCE_SECONDS if name == "out_of_time" else PATIENCE_SECONDS
        if longest is None:
            assert row[3] == "at once"
        elif longest:
            assert row[1:] == [f"{FIRST_SECONDS} s", f"{longest} s", f"{patience // 3600} hours"]
        else:
            assert row[1:] == ["none", "none", f"{patience // 3600} hours"]


def test_every_fault_of_the_log_has_its_rest() -> None:
    named = {name for row in rows("Retries") for name in re.findall(r"`(\w+)`", row[0])}
    assert named | {"gone"} == {str(fault) for fault in Fault}


def test_the_breaker_is_the_codes() -> None:
    assert (OPENS_AFTER, OPEN_SECONDS) == (3, 7)
    assert "Three refusals in a row open it for seven seconds" in DOCUMENT
