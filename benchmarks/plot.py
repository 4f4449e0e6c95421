"""Draws the growth as an SVG, from the benchmark's own data. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 380, 200
LEFT, TOP, RIGHT, BOTTOM = 52, 34, 28, 34
INK, GREY, LINE = "#24292f", "#8c959f", "#0969da"
Panel = tuple[str, str, str, str]
PANELS: Sequence[Panel] = (
    ("files", "files", "cpu_microseconds", "CPU per file, µs"),
    ("accounts", "accounts", "cpu_microseconds", "CPU per file, µs"),
    ("files", "files", "of_the_ideal", "share of the ideal"),
    ("accounts", "accounts", "of_the_ideal", "share of the ideal"),
    ("files", "files", "memory", "memory, MB"),
    ("accounts", "accounts", "memory", "memory, MB"),
)
"""The series, its measure on the horizontal axis, that on the vertical axis, and the latter's title."""


def draw(growth: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The picture: what grows from left to right, in two columns, files and accounts."""
    rows = math.ceil(len(PANELS) / 2)
    panels = (
        f'<g transform="translate({number % 2 * WIDTH},{number // 2 * HEIGHT})">{_panel(growth[panel[0]], panel)}</g>'
        for number, panel in enumerate(PANELS)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {rows * HEIGHT}" '
        'font-family="sans-serif" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(panels) + "\n</svg>\n"
    )


def _panel(points: Sequence[Mapping[str, Any]], panel: Panel) -> str:
    _, across, up, title = panel
    least, most = (math.log10(points[end][across]) for end in (0, -1))
    ceiling = 1.0 if up == "of_the_ideal" else _ceiling(max(point[up] for point in points))

    def x(point: Mapping[str, Any]) -> float:
        return round(LEFT + (math.log10(point[across]) - least) / (most - least) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / ceiling * (HEIGHT - TOP - BOTTOM), 1)

    line = " ".join(f"{x(point)},{y(point[up])}" for point in points)
    return "\n".join(
        [
            f'<text x="{LEFT}" y="18" fill="{INK}" font-weight="bold">{title}, by {across}</text>',
            *_grid(ceiling, y),
            f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>',
            *(_dot(x(point), y(point[up]), point[across], point[up]) for point in points),
        ]
    )


def _grid(ceiling: float, y: Callable[[float], float]) -> list[str]:
    return [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value)}" y2="{y(value)}" stroke="{GREY}" stroke-width="0.5"/>'
        f'<text x="{LEFT - 6}" y="{y(value) + 4}" text-anchor="end" fill="{GREY}">{value:g}</text>'
        for value in (0.0, ceiling / 2, ceiling)
    ]


def _dot(x: float, y: float, across: int, up: float) -> str:
    label = f"{up:.2f}" if up < 2 else f"{up:,.0f}"
    return (
        f'<circle cx="{x}" cy="{y}" r="3" fill="{LINE}"/>'
        f'<text x="{x}" y="{y - 7}" text-anchor="middle" fill="{INK}">{label}</text>'
        f'<text x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="{GREY}">{across:,}</text>'
    )


def _ceiling(value: float) -> float:
    """The next round number above, so that labels have room."""
    step: float = 10.0 ** math.floor(math.log10(value))
    return next(step * factor for factor in (1, 1.5, 2, 3, 4, 5, 8, 10, 15) if step * factor >= value * 1.08)
