"""Whose turn it is: of the subscriptions with deliveries due, the one with the fewest under way. No I/O, no threads."""

from collections import Counter, deque
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from distributary.subscriptions import Subscription

T = TypeVar("T")


class Turns(Generic[T]):
    """Deliveries that are due, handed out so that one subscription's many (or slow) ones hold up nobody else's.

    Takes and gives each in a time that hardly grows with the number of subscriptions.
    """

    def __init__(self) -> None:
        self._due: dict[Subscription, deque[T]] = {}
        self._under_way: Counter[Subscription] = Counter()
        self._heap: list[tuple[int, int, Subscription]] = []
        """Number under way, order, subscription; an entry whose number is no longer true is passed over."""
        self._order = count()

    def add(self, subscription: Subscription, due: T) -> None:
        """One more is due."""
        if subscription not in self._due:
            self._due[subscription] = deque()
            self._push(subscription)
        self._due[subscription].append(due)

    def next(self, most: int) -> T | None:
        """The next to start; none if none is due, or only of subscriptions that have `most` under way already."""
        while self._heap and self._heap[0][0] < most:
            number, _, subscription = heappop(self._heap)
            if number == self._under_way[subscription] and (due := self._due.get(subscription)):
                started = due.popleft()
                self._under_way[subscription] += 1
                if due:
                    self._push(subscription)
                else:
                    del self._due[subscription]
                return started
        return None

    def ended(self, subscription: Subscription) -> None:
        """One that was under way has ended."""
        self._under_way[subscription] -= 1
        if subscription in self._due:
            self._push(subscription)

    def is_idle(self, subscription: Subscription) -> bool:
        """Whether nothing of it is due or under way."""
        return subscription not in self._due and not self._under_way[subscription]

    def _push(self, subscription: Subscription) -> None:
        heappush(self._heap, (self._under_way[subscription], next(self._order), subscription))
