"""Waiting for what arrives by itself: poll until it is there, or fail at a deadline with what is missing."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 120.0


def wait_until(missing: Callable[[], object], deadline: float = DEADLINE_SECONDS) -> None:
    """Return when `missing()` is empty; fail with what it says if it isn't by then."""
    end = time.monotonic() + deadline
    while left := missing():
        assert time.monotonic() < end, f"still missing after {deadline:.0f} s: {str(left)[:2000]}"
        time.sleep(0.2)
