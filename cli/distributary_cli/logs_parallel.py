"""Many at once, and never more waiting than that."""

import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from threading import Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE_SECONDS = 2
"""For what still runs when a command ends. It then ends without: nothing half fetched has a name."""


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], concurrency: int, stop: Event
) -> Generator[Result, None, None]:
    """The results as they come. However it ends, `stop` is set and nothing further is begun.

    Whoever takes the results may set it too: what runs then has a moment to end.
    """
    crew, running = _Crew(work, concurrency), set[Future[Result]]()
    try:
        for item in items:
            running.add(crew.begin(item))
            if len(running) >= 2 * concurrency:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while running:
            done, running = wait(running, PATIENCE_SECONDS if stop.is_set() else None, FIRST_COMPLETED)
            if not done:
                break
            yield from (future.result() for future in done)
    finally:
        stop.set()
        crew.end()


def ahead(work: Callable[[Item], Result], items: Iterable[Item], concurrency: int) -> Generator[Result, None, None]:
    """The results in the items' order, each begun before its turn."""
    crew, begun = _Crew(work, concurrency), list[Future[Result]]()
    try:
        for item in items:
            begun.append(crew.begin(item))
            if len(begun) >= concurrency:
                yield begun.pop(0).result()
        while begun:
            yield begun.pop(0).result()
    finally:
        crew.end()


class _Crew(Generic[Item, Result]):
    """Threads that Python doesn't wait for at its end, as it does for a ThreadPoolExecutor's: Ctrl-C ends them soon."""

    def __init__(self, work: Callable[[Item], Result], size: int) -> None:
        self._work, self._ended = work, False
        self._begun: SimpleQueue[tuple[Item, Future[Result]] | None] = SimpleQueue()
        self._threads = [Thread(target=self._labour, daemon=True) for _ in range(size)]
        for thread in self._threads:
            thread.start()

    def begin(self, item: Item) -> Future[Result]:
        """Have an item worked on as soon as a thread is free."""
        future: Future[Result] = Future()
        self._begun.put((item, future))
        return future

    def end(self) -> None:
        """Begin nothing further, and wait a moment for what runs."""
        self._ended = True
        for _ in self._threads:
            self._begun.put(None)
        patient_until = time.monotonic() + PATIENCE_SECONDS
        for thread in self._threads:
            thread.join(max(0, patient_until - time.monotonic()))

    def _labour(self) -> None:
        while (begun := self._begun.get()) and not self._ended:
            item, future = begun
            try:
                future.set_result(self._work(item))
            except BaseException as error:  # whoever asks for the result gets it
                future.set_exception(error)
