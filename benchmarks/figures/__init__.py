"""The figures, in groups that share their processes. Each module's `measure` yields its figures."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.answers import LATENCY_SECONDS
from benchmarks.cloud import Cloud
from benchmarks.contestants import CONNECTIONS


@dataclass(frozen=True, slots=True)
class Bench:
    """What all groups measure with."""

    cloud: Cloud
    repeats: int
    say: Callable[[str], None]
    """Tells a person what happens."""


def ideal_seconds(files: int, connections: int = CONNECTIONS) -> float:
    """How long the copies take if nothing but S3 takes any time."""
    return math.ceil(files / connections) * LATENCY_SECONDS["CopyObject"]
