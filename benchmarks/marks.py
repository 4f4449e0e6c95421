"""The marks that the figures must reach, and whether they did. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str
    what: str
    """What it is, in a few words."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a figure must be."""

    figure: str
    relation: Literal["≥", "≤", "="]
    limit: float

    def is_met(self, value: float) -> bool:
        """Whether a value reaches the mark."""
        if self.relation == "=":
            return abs(value - self.limit) < 1e-9
        return value >= self.limit if self.relation == "≥" else value <= self.limit


MARKS = (
    Mark("requests-per-file", "=", 1.0),
    Mark("log-bytes", "=", 0.0),
    Mark("of-the-ideal", "≥", 0.90),
    Mark("of-the-ideal-256", "≥", 0.80),
    Mark("against-boto3-threads", "≥", 2.2),
    Mark("against-boto3-threads-256", "≥", 8.0),
    Mark("against-tutorial", "≥", 150.0),
    Mark("against-s5cmd", "≤", 1.0),
    Mark("cold-batch-ratio", "≤", 1 / 8),
    Mark("set-up-ratio", "≤", 1 / 3),
    Mark("peak-memory", "≤", 64.0),
    Mark("broken-owner-loss", "≤", 0.05),
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A mark and the figure it is about."""

    mark: Mark
    figure: Figure

    @property
    def is_met(self) -> bool:
        """Whether the figure reaches its mark."""
        return self.mark.is_met(self.figure.value)

    @property
    def sentence(self) -> str:
        """What is wrong, for a person."""
        figure = self.figure
        return (
            f"Missed: {figure.name} ({figure.what}) is {shown(figure.value)} {figure.unit}".rstrip()
            + f"; the mark is {self.mark.relation} {shown(self.mark.limit)}."
        )


def judge(figures: Sequence[Figure], marks: Sequence[Mark] = MARKS) -> Mapping[str, Judgement]:
    """Each mark whose figure was measured, by the figure's name."""
    measured = {figure.name: figure for figure in figures}
    return {mark.figure: Judgement(mark, measured[mark.figure]) for mark in marks if mark.figure in measured}


def shown(value: float) -> str:
    """A number with three digits that mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"
