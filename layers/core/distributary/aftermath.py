"""What becomes of messages that are not done: they rest and return, are replaced by what is left, or are buried."""

from collections.abc import Callable, Iterator, Sequence

from distributary.faults import Fault
from distributary.messages import Message
from distributary.queues import FunctionQueue, Letter, redelivery
from distributary.retries import MAX_RECEIVES, delay_seconds

MAX_REASON = 1024
"""Characters of a dead letter's reason."""
Report = Callable[[str, Message], None]
"""Takes what happened to a message, in words."""


def settle(messages: Sequence[Message], queue: FunctionQueue, report: Report) -> None:
    """Decide for each message of a batch, and do it; one for which that fails returns whole, later.

    A message that nobody can read, or that was received too often, goes to the dead-letter queue with its reason. Of
    a half-done one, what is left is sent anew. One of which nothing is done keeps its receive count, and rests.
    """
    undone = [message for message in messages if message.failure is not None]
    dead = [message for message in undone if _is_dead(message)]
    half_done = [message for message in undone if message.has_progressed and message not in dead]
    _replace(dead, lambda message: list(_dead_letters(message)), queue.bury)
    _replace(half_done, lambda message: list(_rest(message)), queue.send)
    untouched = [message for message in undone if message not in dead and message not in half_done]
    problems = queue.postpone([(message.receipt_handle, _delay(message)) for message in untouched])
    for message in dead:
        report("dead letter" if message.is_replaced else "no dead letter could be written; it returns", message)
    for message, problem in zip(untouched, problems, strict=True):
        if problem:
            report(f"it rests for the queue's whole visibility timeout: {problem}", message)


def _is_dead(message: Message) -> bool:
    unreadable = message.failure is not None and message.failure.fault is Fault.UNREADABLE
    return unreadable or message.receives >= MAX_RECEIVES


def _replace(
    messages: Sequence[Message],
    letters_of: Callable[[Message], list[Letter]],
    send: Callable[[Sequence[Letter]], list[str | None]],
) -> None:
    pairs = [(message, letter) for message in messages for letter in letters_of(message)]
    problems = send([letter for _, letter in pairs])
    for message in messages:
        own = [problem for (one, _), problem in zip(pairs, problems, strict=True) if one is message]
        message.is_replaced = not any(own)


def _rest(message: Message) -> Iterator[Letter]:
    for created, names in message.unserved:
        yield Letter(redelivery(created, names), _delay(message))


def _dead_letters(message: Message) -> Iterator[Letter]:
    failure = message.failure
    assert failure is not None  # noqa: S101 - only the dead are buried
    told = {"reason": _shown(failure.reason or ""), "fault": str(failure.fault)}
    bodies = [letter.body for letter in _rest(message)] if message.has_progressed else [str(message.body) or "(empty)"]
    for body in bodies:
        yield Letter(body, attributes=told)


def _delay(message: Message) -> int:
    return delay_seconds(message.failure.fault if message.failure else None, message.receives)


def _shown(reason: str) -> str:
    """A reason as SQS takes it in an attribute: printable, and not empty."""
    return "".join(letter if letter.isprintable() else "?" for letter in reason)[:MAX_REASON] or "unknown"
