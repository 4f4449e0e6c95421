"""Writes docs/performance.md's tables from the newest results: `python -m benchmarks.document`."""

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.cloud import ROOT
from benchmarks.marks import shown
from benchmarks.plot import draw

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "growth.svg"
MARKER = "<!-- The rest is made by: python -m benchmarks.document -->\n"


def newest(kind: str) -> dict[str, Any]:
    """The newest committed result; its kind is `bench` or `growth`."""
    told: dict[str, Any] = json.loads(max(RESULTS.glob(f"{kind}-*.json")).read_text())
    return told


def page(before: str, result: Mapping[str, Any]) -> str:
    """The page: what people wrote before the marker, and all figures of a result."""
    written, marker, _ = before.partition(MARKER)
    return "\n".join([written + marker, _measured_on(result), "", *_rows(result), ""])


def _measured_on(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    where = f"{machine['cores']} cores of {machine['processor']}, Python {machine['python']}, boto3 {machine['boto3']}"
    load = f"Others' load on the machine before: {result['load_before']}."
    return f"Measured on {result['date']}: {where}, engine: {result['engine']}. {load}"


def _rows(result: Mapping[str, Any]) -> list[str]:
    marks = {mark["figure"]: mark for mark in result["marks"]}
    rows = ["| figure | value | mark | | what it is |", "|---|---:|---:|---|---|"]
    for name, figure in result["figures"].items():
        mark = marks.get(name)
        met = "" if mark is None else "met" if mark["met"] else "**missed**"
        value = f"{shown(figure['value'])} {figure['unit']}".strip()
        rows.append(f"| {name} | {value} | {mark['mark'] if mark else ''} | {met} | {figure['what']} |")
    return rows + [f"\n{sentence}" for sentence in result["skipped"]]


def main() -> None:
    """Write the page's tables and the picture."""
    PAGE.write_text(page(PAGE.read_text(), newest("bench")))
    PICTURE.write_text(draw(newest("growth")))


if __name__ == "__main__":
    main()
