"""Circuit breakers: a receiver that refuses is asked now and then, not once for each of its log files.

Source: https://docs.aws.amazon.com/prescriptive-guidance/latest/cloud-design-patterns/circuit-breaker.html
"""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from distributary.faults import CircuitOpenError, Fault, classify

OPENS_AFTER = 3
"""Refusals in a row. One alone may be about one file: S3 answers AccessDenied for a deleted object as well."""
OPEN_SECONDS = 7.0
"""How long nobody asks. Then one delivery goes through as a probe.

Less than the shortest first rest (`retries.FIRST_SECONDS`, at random up to half less): what was refused comes back to a
receiver that is asked again, and isn't sent away for another rest.
"""


@dataclass(slots=True)
class _Breaker:
    refusals: int = 0
    reason: str = ""
    asks_again_at: float = 0.0
    is_probed: bool = False


class Breakers:
    """One breaker for each key, such as a subscription's bucket. Safe for many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._breakers: dict[Hashable, _Breaker] = {}
        self._lock = threading.Lock()

    @contextmanager
    def guard(self, key: Hashable) -> Iterator[None]:
        """Let the block run unless the receiver behind `key` is known to refuse, and learn from how it ends.

        Raises:
            CircuitOpenError: instead of running the block.
        """
        breaker = self._enter(key)
        try:
            yield
        except BaseException as error:  # a probe that was cancelled must not be the last one
            with self._lock:
                breaker.is_probed = False
                if classify(error) is Fault.RECEIVER_BROKEN:
                    breaker.refusals += 1
                    breaker.reason = str(error)
                    breaker.asks_again_at = self._clock() + OPEN_SECONDS
            raise
        with self._lock:
            breaker.is_probed, breaker.refusals = False, 0

    def check(self, key: Hashable) -> None:
        """Raise as `guard` would, but be no probe."""
        with self._lock:
            breaker = self._breakers.get(key)
            if breaker and breaker.refusals >= OPENS_AFTER and self._clock() < breaker.asks_again_at:
                raise CircuitOpenError(breaker.reason)

    def _enter(self, key: Hashable) -> _Breaker:
        with self._lock:
            breaker = self._breakers.setdefault(key, _Breaker())
            if breaker.refusals >= OPENS_AFTER:
                if breaker.is_probed or self._clock() < breaker.asks_again_at:
                    raise CircuitOpenError(breaker.reason)
                breaker.is_probed = True
            return breaker
