"""Circuit breakers: a receiver that refuses is asked now and then, not once for each of its log files.

Source: https://docs.aws.amazon.com/prescriptive-guidance/latest/cloud-design-patterns/circuit-breaker.html
"""

import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from types import TracebackType

from distributary.faults import CircuitOpenError, Fault, classify

OPENS_AFTER = 3
"""Refusals in a row. One alone may be about one file: S3 answers AccessDenied for a deleted object as well."""
OPEN_SECONDS = 7.0
"""How long nobody asks. Then one delivery goes through as a probe.

Less than the shortest first rest (`retries.FIRST_SECONDS`, at random up to half less): what was refused comes back to a
receiver that is asked again, and isn't sent away for another rest.
"""


class Breakers:
    """One breaker for each key, such as a subscription's bucket; in one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._breakers: dict[Hashable, _Breaker] = {}

    def guard(self, key: Hashable) -> AbstractContextManager[None]:
        """Let a block run unless the receiver behind `key` is known to refuse, and learn from how it ends.

        Raises:
            CircuitOpenError: instead of running the block.
        """
        return self._breakers.get(key) or self._breakers.setdefault(key, _Breaker(self._clock))

    def check(self, key: Hashable) -> None:
        """Raise as `guard` would, but be no probe."""
        if breaker := self._breakers.get(key):
            breaker.check()


class _Breaker(AbstractContextManager[None]):
    __slots__ = ("_asks_again_at", "_clock", "_is_probed", "_reason", "_refusals")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refusals, self._reason, self._asks_again_at, self._is_probed = 0, "", 0.0, False

    def check(self) -> None:
        if self._refusals >= OPENS_AFTER and self._clock() < self._asks_again_at:
            raise CircuitOpenError(self._reason)

    def __enter__(self) -> None:
        if self._refusals >= OPENS_AFTER:
            self.check()
            if self._is_probed:
                raise CircuitOpenError(self._reason)
            self._is_probed = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_probed = False  # whatever comes: a probe that was cancelled must not be the last one
        if error is None:
            self._refusals = 0
        elif classify(error) is Fault.RECEIVER_BROKEN:
            self._refusals += 1
            self._reason = str(error)
            self._asks_again_at = self._clock() + OPEN_SECONDS
