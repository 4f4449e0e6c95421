"""One invocation's deliveries, many under way at once: each log file ends once, and before the function's time does.

Subscriptions take turns, so that one whose copies hang holds up nobody else's. Notifications gather by subscription and
go out ten to a request, at the latest a second later.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from distributary.decisions import Due, Ended
from distributary.delivery import Carrier
from distributary.faults import CircuitOpenError, OutOfTimeError, classify
from distributary.messages import Message
from distributary.publishing import ENTRIES_PER_REQUEST, Notification
from distributary.routing import Delivery
from distributary.subscriptions import Subscription
from distributary.turns import Turns

STOP_STARTING_MILLISECONDS = 10_000
"""With less time than this left no request is started: its message goes back to the queue untouched."""
STOP_WAITING_MILLISECONDS = 5_000
"""With less than this left an unfinished delivery is given up on; repeating it later does no harm."""
GATHER_SECONDS = 1.0
"""How long a notification waits for others at most."""


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""


@dataclass(slots=True, eq=False)
class Errand:
    """A log file's deliveries while they are under way, and what became of them."""

    message: Message
    """Where it was announced."""
    due: Due
    ended: list[Ended] = field(default_factory=list)

    @property
    def open_deliveries(self) -> list[Delivery]:
        """Those that have not ended."""
        over = {id(one.delivery) for one in self.ended}
        return [delivery for delivery in self.due.deliveries if id(delivery) not in over]


class _Placing(NamedTuple):
    """A delivery that is to be placed; once more if only the breaker refused it and somebody else then got through."""

    errand: Errand
    delivery: Delivery
    is_second_try: bool = False


class _Waiting(NamedTuple):
    """A copy that was made and is to be announced."""

    errand: Errand
    delivery: Delivery
    is_new: bool
    notification: Notification


class Round:
    """Runs a set of log files once."""

    def __init__(
        self, carrier: Carrier, context: LambdaContext, concurrency: int, tell: Callable[[Errand], None]
    ) -> None:
        self._carrier = carrier
        self._context = context
        self._concurrency = concurrency
        self._tell = tell
        self._turns: Turns[_Placing] = Turns()
        self._workers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_complete = False
        """Whether all log files are known."""
        self._refused: defaultdict[Subscription, list[tuple[_Placing, CircuitOpenError]]] = defaultdict(list)
        self._gathered: defaultdict[Subscription, list[_Waiting]] = defaultdict(list)
        self._gathered_at = 0.0
        """When the first of them came."""
        self._mistake: BaseException | None = None
        """An error that is no delivery's, but ours: raised at the end, so that the whole batch returns."""
        self.has_given_up = False
        """Whether something may hang still, in a thread."""

    async def run(self, pages: AsyncIterator[Sequence[Errand]]) -> None:
        """Deliver; each errand is told when all of its deliveries have ended. What hangs is given up on in time.

        Args:
            pages: the errands, some at a time: the first are under way while the next are read.
        """
        errands: list[Errand] = []
        self._start(self._read(pages, errands))
        while self._tasks:
            left = (self._context.get_remaining_time_in_millis() - STOP_WAITING_MILLISECONDS) / 1000
            _, under_way = await asyncio.wait(self._tasks, timeout=max(0, min(left, GATHER_SECONDS)))
            if under_way and left <= GATHER_SECONDS:
                await self._give_up(errands)
            elif not self._tasks or time.monotonic() - self._gathered_at >= GATHER_SECONDS:
                self._announce_all()
        for placing, error in [one for refused in self._refused.values() for one in refused]:
            self._end(placing.errand, _failed(placing.delivery, error))
        if self._mistake is not None:
            raise self._mistake

    async def _read(self, pages: AsyncIterator[Sequence[Errand]], errands: list[Errand]) -> None:
        async for page in pages:
            errands += page
            for errand in page:
                for delivery in errand.due.deliveries:
                    self._turns.add(delivery.subscription, _Placing(errand, delivery))
            self._fill()
            await asyncio.sleep(0)
        self._is_complete = True
        self._fill()
        for subscription in [one for one in self._gathered if self._turns.is_idle(one)]:
            self._announce(subscription)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (mistake := task.exception()) is not None:
            self._mistake = mistake

    def _fill(self) -> None:
        """Have as many at work as may be. Each goes on for as long as something is due."""
        while self._workers < self._concurrency and (placing := self._next()):
            self._workers += 1
            self._start(self._work(placing))

    def _next(self) -> _Placing | None:
        """While others' log files may follow, nobody gets more than an eighth: theirs might hang."""
        return self._turns.next(self._concurrency if self._is_complete else max(1, self._concurrency // 8))

    async def _work(self, placing: _Placing | None) -> None:
        while placing is not None:
            await self._place(placing)
            placing = self._next()
        self._workers -= 1

    async def _place(self, placing: _Placing) -> None:
        errand, delivery, subscription = placing.errand, placing.delivery, placing.delivery.subscription
        try:
            self._stop_in_time()
            placed = await self._carrier.place(errand.due.created, delivery)
        except Exception as error:  # whatever it is, it is told as this delivery's
            self._turns.ended(subscription)
            if isinstance(error, CircuitOpenError) and not placing.is_second_try:
                self._refused[subscription].append((_Placing(errand, delivery, is_second_try=True), error))
            else:
                self._end(errand, _failed(delivery, error))
        else:
            self._turns.ended(subscription)
            for refused, _ in self._refused.pop(subscription, ()):  # the probe got through, and so may they
                self._turns.add(subscription, refused)
            if placed.notification is None:
                self._end(errand, Ended(delivery, placed.is_new))
            else:
                self._gather(_Waiting(errand, delivery, placed.is_new, placed.notification))
            self._fill()
        if self._is_complete and self._turns.is_idle(subscription):
            self._announce(subscription)

    def _stop_in_time(self) -> None:
        if self._context.get_remaining_time_in_millis() < STOP_STARTING_MILLISECONDS:
            raise OutOfTimeError

    def _gather(self, waiting: _Waiting) -> None:
        if not self._gathered:
            self._gathered_at = time.monotonic()
        gathered = self._gathered[waiting.delivery.subscription]
        gathered.append(waiting)
        if len(gathered) >= ENTRIES_PER_REQUEST:
            self._announce(waiting.delivery.subscription)

    def _announce(self, subscription: Subscription) -> None:
        if waiting := self._gathered.pop(subscription, None):
            self._start(self._publish(subscription, waiting))

    def _announce_all(self) -> None:
        """What has gathered for a while goes out, however few: a copy that hangs must not hold it back."""
        for subscription in list(self._gathered):
            self._announce(subscription)

    async def _publish(self, subscription: Subscription, waiting: Sequence[_Waiting]) -> None:
        errors: Sequence[Exception | None]
        try:
            self._stop_in_time()
            errors = await self._carrier.announce(subscription, [one.notification for one in waiting])
        except Exception as error:  # whatever it is, it is told as each one's
            errors = [error] * len(waiting)
        for one, problem in zip(waiting, errors, strict=True):
            self._end(one.errand, _failed(one.delivery, problem) if problem else Ended(one.delivery, one.is_new))

    async def _give_up(self, errands: Sequence[Errand]) -> None:
        self.has_given_up = True
        under_way = set(self._tasks)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)  # they let go of connections and breakers
        self._tasks.clear()
        self._refused.clear()
        for errand in errands:
            for delivery in errand.open_deliveries:
                self._end(errand, _failed(delivery, OutOfTimeError()))

    def _end(self, errand: Errand, ended: Ended) -> None:
        """Note the end of a delivery, and tell of the errand if it was its last."""
        errand.ended.append(ended)
        if len(errand.ended) == len(errand.due.deliveries):
            self._tell(errand)


def _failed(delivery: Delivery, error: BaseException) -> Ended:
    was_tried = not isinstance(error, CircuitOpenError | OutOfTimeError)
    return Ended(delivery, fault=classify(error), reason=str(error), was_tried=was_tried)
