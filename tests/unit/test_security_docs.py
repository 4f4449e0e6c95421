"""docs/security.md names a test for each threat; they exist."""

import ast
import re

import yaml
from templates import ROOT

DOCUMENT = (ROOT / "docs" / "security.md").read_text("utf-8")
REFERENCE = re.compile(r"`(test_\w+\.py)::([\w:]+)`(?: \(([^)]+)\))?")
THREATS = [
    line for line in DOCUMENT.partition("## Threats")[2].partition("\n## ")[0].splitlines() if line.startswith("| **")
]


def names(file: str) -> set[str]:
    """The tests of the files of that name, as pytest names them."""
    found = set()
    for node in [one for path in (ROOT / "tests").rglob(file) for one in ast.parse(path.read_text("utf-8")).body]:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return found


def test_every_threat_has_a_test() -> None:
    assert len(THREATS) > 10
    assert [line for line in THREATS if not REFERENCE.search(line.split("|")[3])] == []


def test_every_named_test_and_row_of_the_matrix_exists() -> None:
    matrix = yaml.safe_load((ROOT / "tests" / "integration" / "isolation_matrix.yaml").read_text("utf-8"))
    missing = [f"{file}::{name}" for file, name, _ in REFERENCE.findall(DOCUMENT) if name not in names(file)]
    missing += [row for _, _, row in REFERENCE.findall(DOCUMENT) if row and row not in matrix]
    missing += [
        row for rows in re.findall(r"\(matrix: ([^)]+)\)", DOCUMENT) for row in rows.split(", ") if row not in matrix
    ]
    assert missing == []


def test_every_test_that_is_named_is_spelled_so_that_it_is_found() -> None:
    assert len(re.findall(r"test_\w+\.py", DOCUMENT)) == len(REFERENCE.findall(DOCUMENT))
