"""The messages of a Lambda event, what became of the log files in each, and what must come back.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from distributary.errors import DistributaryError
from distributary.events import Addressee, ObjectCreated, is_queue_batch
from distributary.faults import Fault
from distributary.reports import Result


class UndeliveredError(DistributaryError):
    """A direct invocation left log files undelivered. Lambda repeats an asynchronous invocation that raises."""

    retryable = True


class Unserved(NamedTuple):
    """A log file that some subscriptions are still to get, all for the same fault."""

    created: ObjectCreated
    subscriptions: tuple[Addressee, ...]
    """None where that isn't known, and so all."""
    fault: Fault | None
    reason: str
    was_tried: bool = True


@dataclass(slots=True, eq=False)
class Message:
    """One message of a batch (or a whole direct event, whose `message_id` is None) and what became of its files."""

    message_id: str | None
    body: str | Mapping[str, Any]
    receives: int = 1
    """How often the queue has handed it out."""
    sent: int = 0
    """When it was put into the queue, in seconds since the epoch; 0 where nobody says."""
    announced: int = 0
    """How many notices it holds, once it has been read; each has a result in the end."""
    results: list[Result] = field(default_factory=list)
    unserved: list[Unserved] = field(default_factory=list)
    is_replaced: bool = False
    """Whether other messages now say what is left of it."""

    @property
    def must_return(self) -> bool:
        """Whether the queue must keep it."""
        return not self.is_replaced and self.failure is not None

    @property
    def failure(self) -> Result | None:
        """The first of its files that is not done."""
        return next((result for result in self.results if not result.outcome.is_final), None)


def read_messages(event: Mapping[str, Any]) -> Iterator[Message]:
    """The messages of a batch from SQS, or the one that a direct invocation is."""
    if not is_queue_batch(event):
        yield Message(None, event)
        return
    for record in event["Records"]:
        told = record.get("attributes", {})
        received, sent = int(told.get("ApproximateReceiveCount", "1")), int(told.get("SentTimestamp", "0")) // 1000
        yield Message(record["messageId"], record.get("body") or "", received, sent)


def partial_batch_response(messages: Sequence[Message]) -> dict[str, Any]:
    """What tells Lambda's poller which messages the queue must keep."""
    return {
        "batchItemFailures": [{"itemIdentifier": message.message_id} for message in messages if message.must_return]
    }


def counts(messages: Sequence[Message]) -> dict[str, Any]:
    """The answer to a direct invocation.

    Raises:
        UndeliveredError: when a file that could be read remains undelivered.
    """
    results = [result for message in messages for result in message.results]
    repeatable = [result for result in results if not result.outcome.is_final and result.fault is not Fault.UNREADABLE]
    if repeatable:
        raise UndeliveredError(f"{len(repeatable)} of {len(results)} failed; the first: {repeatable[0].reason}")
    return {"outcomes": dict(Counter(str(result.outcome) for result in results))}
