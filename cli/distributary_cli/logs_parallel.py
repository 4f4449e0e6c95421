"""Many at once, and never more waiting than that."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], concurrency: int, stop: Callable[[], object]
) -> Generator[Result, None, None]:
    """The results as they come. However it ends, `stop` is called and the threads have ended."""
    executor = ThreadPoolExecutor(concurrency)
    running: set[Future[Result]] = set()
    try:
        for item in items:
            running.add(executor.submit(work, item))
            if len(running) >= 2 * concurrency:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        stop()
        executor.shutdown(cancel_futures=True)


def ahead(work: Callable[[Item], Result], items: Iterable[Item], concurrency: int) -> Generator[Result, None, None]:
    """The results in the items' order, each begun before its turn."""
    executor = ThreadPoolExecutor(concurrency)
    begun: list[Future[Result]] = []
    try:
        for item in items:
            begun.append(executor.submit(work, item))
            if len(begun) >= concurrency:
                yield begun.pop(0).result()
        while begun:
            yield begun.pop(0).result()
    finally:
        executor.shutdown(cancel_futures=True)
