"""The results as a table for people and as JSON for programs."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from benchmarks.marks import Figure, judge, shown


def as_json(figures: Sequence[Figure], skipped: Sequence[str], load: float) -> dict[str, Any]:
    """Everything measured, on what, under which load by others, and which marks are met."""
    judgements = judge(figures)
    return {
        "date": today(),
        "machine": machine(),
        "load_before": round(load, 1),
        "engine": os.environ.get("DISTRIBUTARY_ENGINE", "default"),
        "figures": {one.name: {"value": round(one.value, 6), "unit": one.unit, "what": one.what} for one in figures},
        "marks": [
            {"figure": name, "mark": f"{one.mark.relation} {shown(one.mark.limit)}", "met": one.is_met}
            for name, one in judgements.items()
        ],
        "skipped": list(skipped),
        "met": all(one.is_met for one in judgements.values()),
    }


def today() -> str:
    """The date, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d")


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "boto3": boto3.__version__,
    }


def print_table(figures: Sequence[Figure], console: Console) -> None:
    """One row a figure, its mark beside it."""
    judgements = judge(figures)
    table = Table(box=None, pad_edge=False)
    table.add_column("Figure")
    table.add_column("Value", justify="right")
    table.add_column("Unit")
    table.add_column("Mark", justify="right")
    table.add_column("")
    table.add_column("What it is", overflow="fold")
    for figure in figures:
        judged = judgements.get(figure.name)
        mark = f"{judged.mark.relation} {shown(judged.mark.limit)}" if judged else ""
        met = "" if judged is None else "[green]met[/]" if judged.is_met else "[red]missed[/]"
        table.add_row(figure.name, shown(figure.value), figure.unit, mark, met, figure.what)
    console.print(table)
