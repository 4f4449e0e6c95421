"""One invocation's deliveries, all under way at once: each log file ends once, and before the function's time does.

Notifications gather by subscription and go out ten to a request, at the latest when none of their subscription's
copies is under way any more: nobody's notification waits for somebody else's copy.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from distributary.decisions import Due, Ended
from distributary.delivery import Carrier, Placed
from distributary.faults import OutOfTimeError, classify
from distributary.publishing import ENTRIES_PER_REQUEST, Notification
from distributary.routing import Delivery
from distributary.subscriptions import Subscription

STOP_STARTING_MILLISECONDS = 10_000
"""With less time than this left no request is started: its message goes back to the queue untouched."""
STOP_WAITING_MILLISECONDS = 2_000
"""With less than this left an unfinished delivery is given up on; repeating it later does no harm."""


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
class _Waiting:
    """A copy that was made and is to be announced."""

    errand: Errand
    delivery: Delivery
    is_new: bool
    notification: Notification


class Round:
    """Runs a set of log files once."""

    def __init__(self, carrier: Carrier, pool: ThreadPoolExecutor, context: LambdaContext) -> None:
        self._carrier = carrier
        self._pool = pool
        self._context = context
        self._finished: SimpleQueue[Future[Any]] = SimpleQueue()
        self._under_way: dict[Future[Any], Callable[[Future[Any]], Iterator[Errand]]] = {}
        self._placing: Counter[Subscription] = Counter()
        self._gathered: defaultdict[Subscription, list[_Waiting]] = defaultdict(list)
        self.has_given_up = False
        """Whether some of the pool's threads may hang still."""

    def run(self, errands: Sequence[Errand]) -> Iterator[Errand]:
        """Yield each errand when all of its deliveries have ended; what hangs is given up on in time."""
        for errand in errands:
            for delivery in errand.due.deliveries:
                self._placing[delivery.subscription] += 1
                place = partial(self._carrier.place, errand.due.created, delivery)
                self._start(place, partial(self._placed, errand, delivery))
        while self._under_way:
            left = self._context.get_remaining_time_in_millis() - STOP_WAITING_MILLISECONDS
            try:
                future = self._finished.get(timeout=max(0, left) / 1000)
            except Empty:
                yield from self._give_up(errands)
                return
            yield from self._under_way.pop(future)(future)

    def _start(self, work: Callable[[], Any], then: Callable[[Future[Any]], Iterator[Errand]]) -> None:
        future = self._pool.submit(self._in_time, work)
        self._under_way[future] = then
        future.add_done_callback(self._finished.put)

    def _in_time(self, work: Callable[[], Any]) -> Any:
        if self._context.get_remaining_time_in_millis() < STOP_STARTING_MILLISECONDS:
            raise OutOfTimeError
        return work()

    def _placed(self, errand: Errand, delivery: Delivery, future: Future[Placed]) -> Iterator[Errand]:
        subscription = delivery.subscription
        self._placing[subscription] -= 1
        if error := future.exception():
            yield from _end(errand, _failed(delivery, error))
        elif (placed := future.result()).notification is None:
            yield from _end(errand, Ended(delivery, placed.is_new))
        else:
            self._gathered[subscription].append(_Waiting(errand, delivery, placed.is_new, placed.notification))
        waiting = self._gathered[subscription]
        if len(waiting) >= ENTRIES_PER_REQUEST or (waiting and not self._placing[subscription]):
            self._gathered[subscription] = []
            announce = partial(self._carrier.announce, subscription, [one.notification for one in waiting])
            self._start(announce, partial(_announced, waiting))

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
    return Ended(delivery, fault=classify(error), reason=str(error))


def _end(errand: Errand, ended: Ended) -> Iterator[Errand]:
    """Note the end of a delivery; the errand, if it was its last."""
    errand.ended.append(ended)
    if len(errand.ended) == len(errand.due.deliveries):
        yield errand
