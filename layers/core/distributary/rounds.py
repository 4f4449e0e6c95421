"""One invocation's deliveries, many under way at once: each log file ends once, and before the function's time does.

Subscriptions take turns, so that one whose copies hang holds up nobody else's. Notifications gather by subscription and
go out ten to a request, at the latest a second later, on threads of their own.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from distributary.decisions import Due, Ended
from distributary.delivery import Carrier, Placed
from distributary.faults import CircuitOpenError, OutOfTimeError, classify
from distributary.publishing import ENTRIES_PER_REQUEST, Notification
from distributary.routing import Delivery
from distributary.subscriptions import Subscription

STOP_STARTING_MILLISECONDS = 10_000
"""With less time than this left no request is started: its message goes back to the queue untouched."""
STOP_WAITING_MILLISECONDS = 5_000
"""With less than this left an unfinished delivery is given up on; repeating it later does no harm."""
GATHER_SECONDS = 1.0
ANNOUNCERS = 8
"""Threads that the copies leave free."""


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""


@dataclass(slots=True, eq=False)
class Errand:
    """A log file's deliveries while they are under way, and what became of them."""

    due: Due
    ended: list[Ended] = field(default_factory=list)

    @property
    def open_deliveries(self) -> list[Delivery]:
        """Those that have not ended."""
        over = {id(one.delivery) for one in self.ended}
        return [delivery for delivery in self.due.deliveries if id(delivery) not in over]


@dataclass(frozen=True, slots=True, eq=False)
class _Placing:
    """A delivery that is to be placed; once more if only the breaker refused it and somebody else then got through."""

    errand: Errand
    delivery: Delivery
    is_second_try: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A copy that was made and is to be announced."""

    errand: Errand
    delivery: Delivery
    is_new: bool
    notification: Notification


class Round:
    """Runs a set of log files once."""

    def __init__(self, carrier: Carrier, pool: ThreadPoolExecutor, context: LambdaContext, concurrency: int) -> None:
        self._carrier = carrier
        self._pool = pool
        self._context = context
        self._concurrency = concurrency
        self._finished: SimpleQueue[Future[Any]] = SimpleQueue()
        self._under_way: dict[Future[Any], Callable[[Future[Any]], Iterator[Errand]]] = {}
        self._due: dict[Subscription, deque[_Placing]] = {}
        self._placing: Counter[Subscription] = Counter()
        self._refused: defaultdict[Subscription, list[tuple[_Placing, CircuitOpenError]]] = defaultdict(list)
        self._gathered: defaultdict[Subscription, list[_Waiting]] = defaultdict(list)
        self._gathered_at = time.monotonic()
        self.has_given_up = False
        """Whether some of the pool's threads may hang still."""

    def run(self, errands: Sequence[Errand]) -> Iterator[Errand]:
        """Yield each errand when all of its deliveries have ended; what hangs is given up on in time."""
        for errand in errands:
            for delivery in errand.due.deliveries:
                self._due.setdefault(delivery.subscription, deque()).append(_Placing(errand, delivery))
        self._fill()
        while self._under_way:
            left = (self._context.get_remaining_time_in_millis() - STOP_WAITING_MILLISECONDS) / 1000
            try:
                future = self._finished.get(timeout=max(0, min(left, GATHER_SECONDS)))
            except Empty:
                if left <= GATHER_SECONDS:
                    yield from self._give_up(errands)
                    return
            else:
                yield from self._under_way.pop(future)(future)
            self._announce_what_waits()
            self._fill()
        for placing, error in [one for refused in self._refused.values() for one in refused]:
            yield from _end(placing.errand, _failed(placing.delivery, error))

    def _fill(self) -> None:
        """Start as many as may be under way, of the subscription with the fewest first."""
        while self._due and self._placing.total() < self._concurrency:
            subscription = min(self._due, key=self._placing.__getitem__)
            placing = self._due[subscription].popleft()
            if not self._due[subscription]:
                del self._due[subscription]
            self._placing[subscription] += 1
            place = partial(self._carrier.place, placing.errand.due.created, placing.delivery)
            self._start(place, partial(self._placed, placing))

    def _start(self, work: Callable[[], Any], then: Callable[[Future[Any]], Iterator[Errand]]) -> None:
        future = self._pool.submit(self._in_time, work)
        self._under_way[future] = then
        future.add_done_callback(self._finished.put)

    def _in_time(self, work: Callable[[], Any]) -> Any:
        if self._context.get_remaining_time_in_millis() < STOP_STARTING_MILLISECONDS:
            raise OutOfTimeError
        return work()

    def _placed(self, placing: _Placing, future: Future[Placed]) -> Iterator[Errand]:
        errand, delivery, subscription = placing.errand, placing.delivery, placing.delivery.subscription
        self._placing[subscription] -= 1
        error = future.exception()
        if isinstance(error, CircuitOpenError) and not placing.is_second_try:
            self._refused[subscription].append((_Placing(errand, delivery, is_second_try=True), error))
        elif error:
            yield from _end(errand, _failed(delivery, error))
        else:
            if refused := self._refused.pop(subscription, None):  # the probe got through, and so may they
                self._due.setdefault(subscription, deque()).extend(one for one, _ in refused)
            placed = future.result()
            if placed.notification is None:
                yield from _end(errand, Ended(delivery, placed.is_new))
            else:
                self._gather(_Waiting(errand, delivery, placed.is_new, placed.notification))
        if not self._placing[subscription] and subscription not in self._due:
            self._announce(subscription)

    def _gather(self, waiting: _Waiting) -> None:
        if not any(self._gathered.values()):
            self._gathered_at = time.monotonic()
        gathered = self._gathered[waiting.delivery.subscription]
        gathered.append(waiting)
        if len(gathered) >= ENTRIES_PER_REQUEST:
            self._announce(waiting.delivery.subscription)

    def _announce(self, subscription: Subscription) -> None:
        if waiting := self._gathered.pop(subscription, None):
            announce = partial(self._carrier.announce, subscription, [one.notification for one in waiting])
            self._start(announce, partial(_announced, waiting))

    def _announce_what_waits(self) -> None:
        """What has gathered for a while goes out, however few: a copy that hangs must not hold it back."""
        if time.monotonic() - self._gathered_at >= GATHER_SECONDS:
            for subscription in list(self._gathered):
                self._announce(subscription)

    def _give_up(self, errands: Sequence[Errand]) -> Iterator[Errand]:
        self.has_given_up = True
        for errand in errands:
            for delivery in errand.open_deliveries:
                yield from _end(errand, _failed(delivery, OutOfTimeError()))


def _announced(waiting: Sequence[_Waiting], future: Future[Sequence[Exception | None]]) -> Iterator[Errand]:
    error = future.exception()
    errors = [error] * len(waiting) if error else future.result()
    for one, problem in zip(waiting, errors, strict=True):
        yield from _end(one.errand, _failed(one.delivery, problem) if problem else Ended(one.delivery, one.is_new))


def _failed(delivery: Delivery, error: BaseException) -> Ended:
    was_tried = not isinstance(error, CircuitOpenError | OutOfTimeError)
    return Ended(delivery, fault=classify(error), reason=str(error), was_tried=was_tried)


def _end(errand: Errand, ended: Ended) -> Iterator[Errand]:
    """Note the end of a delivery; the errand, if it was its last."""
    errand.ended.append(ended)
    if len(errand.ended) == len(errand.due.deliveries):
        yield errand
