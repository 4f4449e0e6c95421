"""The results, for people and for programs."""

import io

from rich.console import Console

from benchmarks.marks import Figure
from benchmarks.table import as_json, print_table

MET = Figure("of-the-ideal", 0.93, "", "of what S3's latency alone allows")
MISSED = Figure("peak-memory", 80.0, "MB", "resident at most")
UNMARKED = Figure("files-per-second", 2900.0, "files/s", "warm")


def test_the_table_shows_each_figure_beside_its_mark() -> None:
    written = io.StringIO()
    print_table([MET, MISSED, UNMARKED], Console(file=written, width=140))
    rows = [line.split() for line in written.getvalue().splitlines()]
    assert rows[1][:5] == ["of-the-ideal", "0.93", "≥", "0.90", "met"]
    assert rows[2][:6] == ["peak-memory", "80.0", "MB", "≤", "64.0", "missed"]
    assert rows[3][:3] == ["files-per-second", "2,900", "files/s"]


def test_the_json_says_whether_all_marks_are_met() -> None:
    assert as_json([MET, UNMARKED], [], 0.1)["met"] is True
    told = as_json([MET, MISSED], ["Skipped: shares: no cgroup."], 0.1)
    assert told["met"] is False
    assert told["marks"][1] == {"figure": "peak-memory", "mark": "≤ 64.0", "met": False}
    assert told["skipped"] == ["Skipped: shares: no cgroup."]
    assert {"cores", "processor", "python"} <= told["machine"].keys()
