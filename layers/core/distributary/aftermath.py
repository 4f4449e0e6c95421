"""What becomes of what isn't done: it comes back later and alone, or goes to the dead letters with its reason.

It comes back as a delayed message of its own rather than as the old one that stays hidden: SQS keeps only 120,000
hidden messages for a queue, so that one broken receiver's would keep everybody else's from being received.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from distributary.faults import Fault
from distributary.messages import Message, Unserved
from distributary.queues import FunctionQueue, Letter, redelivery
from distributary.retries import delay_seconds, is_dead

MAX_REASON = 1024
"""Characters of a dead letter's reason."""
Report = Callable[[str, Message], None]
"""Takes what happened to a message, in words."""


def settle(messages: Sequence[Message], queue: FunctionQueue, now: float, report: Report) -> None:
    """Replace each message that isn't done by what is left of it; one for which that fails returns whole, later.

    Args:
        messages: those of a batch.
        queue: where to send.
        now: seconds since the epoch.
        report: told of dead letters, and of what failed.
    """
    living = [(message, letter) for message in messages for letter in _living(message, now)]
    dead = [(message, letter) for message in messages for letter in _dead(message, now)]
    sent = queue.send([letter for _, letter in living]) + queue.bury([letter for _, letter in dead])
    problems: defaultdict[Message, list[str | None]] = defaultdict(list)
    for (message, _), problem in zip(living + dead, sent, strict=True):
        problems[message].append(problem)
    buried = {message for message, _ in dead}
    for message in messages:
        if message.failure is None:
            continue
        own = problems[message]
        message.is_replaced = bool(own) and not any(own)
        if not message.is_replaced:
            report(f"it returns when the queue's visibility timeout ends: {next(filter(None, own), '')}", message)
        elif message in buried:
            report("dead letter", message)


def _living(message: Message, now: float) -> Iterator[Letter]:
    for one in message.unserved:
        if not _is_dead(message, one, now):
            attempts = one.created.attempts + message.receives - (not one.was_tried)
            body = redelivery(one.created, one.subscriptions, attempts=attempts, since=_since(message, one, now))
            yield Letter(body, delay_seconds(one.fault, attempts))


def _dead(message: Message, now: float) -> Iterator[Letter]:
    if message.failure is not None and message.failure.fault is Fault.UNREADABLE:
        told = {"reason": _shown(message.failure.reason or ""), "fault": str(Fault.UNREADABLE)}
        yield Letter(str(message.body) or "(empty)", attributes=told)
    for one in message.unserved:
        if _is_dead(message, one, now):
            told = {"reason": _shown(one.reason), "fault": str(one.fault)}
            yield Letter(redelivery(one.created, one.subscriptions), attributes=told)


def _is_dead(message: Message, one: Unserved, now: float) -> bool:
    return is_dead(one.fault, now - _since(message, one, now), was_tried=one.was_tried)


def _since(message: Message, one: Unserved, now: float) -> int:
    return one.created.since or message.sent or int(now)


def _shown(reason: str) -> str:
    """A reason as SQS takes it in an attribute: printable, and not empty."""
    return "".join(letter if letter.isprintable() else "?" for letter in reason)[:MAX_REASON] or "unknown"
