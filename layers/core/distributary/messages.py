"""The messages of a Lambda event, what became of the log files in each, and what must come back.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distributary.errors import DistributaryError
from distributary.events import ObjectCreated, is_queue_batch
from distributary.faults import Fault
from distributary.reports import Result


class UndeliveredError(DistributaryError):
    """A direct invocation left log files undelivered. Lambda repeats an asynchronous invocation that raises."""

    retryable = True


@dataclass(slots=True, eq=False)
class Message:
    """One message of a batch (or a whole direct event, whose `message_id` is None) and what became of its files."""

    message_id: str | None
    body: str | Mapping[str, Any]
    receipt_handle: str = ""
    receives: int = 1
    """How often the queue has handed it out."""
    results: list[Result] = field(default_factory=list)
    unserved: list[tuple[ObjectCreated, tuple[str, ...]]] = field(default_factory=list)
    """The files that are not done, each with the subscriptions it is still due to."""
    has_progressed: bool = False
    """Whether some of its deliveries are done: repeating the whole message would do them again."""
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
        received = record.get("attributes", {}).get("ApproximateReceiveCount", "1")
        yield Message(record["messageId"], record.get("body") or "", record.get("receiptHandle", ""), int(received))


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
