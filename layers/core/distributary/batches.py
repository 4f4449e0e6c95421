"""One Lambda invocation: read its messages, deliver concurrently, and name the messages that must come back.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, Protocol

from distributary.delivery import Carrier, Due, decide, read_notice
from distributary.errors import DistributaryError
from distributary.events import ObjectCreated, UnreadableEventError, is_queue_batch, read_message
from distributary.faults import Fault, classify
from distributary.keys import LogFile
from distributary.outcomes import Outcome
from distributary.reports import Reporter, Result
from distributary.settings import Settings
from distributary.subscription_table import SubscriptionTable

STOP_STARTING_MILLISECONDS = 10_000
"""With less time than this left no delivery is started: its message goes back to the queue untouched."""
STOP_WAITING_MILLISECONDS = 2_000
"""With less than this left an unfinished delivery is given up on; repeating it later does no harm."""


class UndeliveredError(DistributaryError):
    """A direct invocation left log files undelivered. Lambda repeats an asynchronous invocation that raises."""

    retryable = True


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""


@dataclass(slots=True)
class Message:
    """One message of a batch (or a whole direct event, whose `message_id` is None) and what became of its files."""

    message_id: str | None
    body: str | Mapping[str, Any]
    results: list[Result] = field(default_factory=list)
    due: list[tuple[ObjectCreated, LogFile]] = field(default_factory=list)

    @property
    def must_return(self) -> bool:
        """Whether something in it is still to be done."""
        return any(not result.outcome.is_final for result in self.results)


@dataclass(slots=True)
class Deliverer:
    """All that an environment keeps between invocations."""

    settings: Settings
    table: SubscriptionTable
    carrier: Carrier
    reporter: Reporter
    pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.pool = self._new_pool()

    def _new_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.settings.concurrency, thread_name_prefix="delivery")

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Deliver everything that an event announces.

        Returns:
            For a batch from SQS a partial batch response; for a direct invocation the counts by outcome.

        Raises:
            UndeliveredError: only for a direct invocation, when a file that could be read remains undelivered.
        """
        messages = list(_messages(event))
        for message in messages:
            self._read(message)
        self._deliver(messages, context)
        self.reporter.flush()
        return _response(messages) if is_queue_batch(event) else _counts(messages)

    def _end(self, message: Message, result: Result) -> None:
        message.results.append(result)
        self.reporter.report(result, message.message_id)

    def _read(self, message: Message) -> None:
        try:
            notices = read_message(message.body)
        except UnreadableEventError as error:
            self._end(message, _unreadable(error))
            return
        for notice in notices:
            read = read_notice(notice, self.settings)
            if isinstance(read, Result):
                self._end(message, read)
            elif isinstance(notice, ObjectCreated):
                message.due.append((notice, read))

    def _deliver(self, messages: Sequence[Message], context: LambdaContext) -> None:
        under_way: dict[Future[Result], tuple[Message, Due]] = {}
        for message, decided in self._decide(messages):
            if isinstance(decided, Result):
                self._end(message, decided)
            else:
                under_way[self.pool.submit(self._carry_out, decided, context)] = (message, decided)
        left = context.get_remaining_time_in_millis() - STOP_WAITING_MILLISECONDS
        try:
            for future in as_completed(under_way, timeout=max(0, left) / 1000):
                self._end(under_way.pop(future)[0], future.result())
        except TimeoutError:
            for message, due in under_way.values():
                self._end(message, _out_of_time(due))
            # What hangs now may hang for longer: the next invocation gets threads of its own.
            self.pool.shutdown(wait=False, cancel_futures=True)
            self.pool = self._new_pool()

    def _decide(self, messages: Sequence[Message]) -> Iterator[tuple[Message, Due | Result]]:
        files = [(message, created, log_file) for message in messages for created, log_file in message.due]
        try:
            stored = self.table.read(log_file.account_id for _, _, log_file in files)
        except Exception as error:  # every file's outcome carries it, and the messages are retried
            for message, created, log_file in files:
                reason = f"cannot read the subscriptions: {error}"
                yield message, Due(created, log_file, ()).result(Outcome.FAILED, reason, classify(error))
            return
        for message, created, log_file in files:
            yield message, decide(created, log_file, stored)

    def _carry_out(self, due: Due, context: LambdaContext) -> Result:
        if context.get_remaining_time_in_millis() < STOP_STARTING_MILLISECONDS:
            return _out_of_time(due)
        return self.carrier.carry_out(due)


def _messages(event: Mapping[str, Any]) -> Iterator[Message]:
    if not is_queue_batch(event):
        yield Message(None, event)
        return
    for record in event["Records"]:
        yield Message(record["messageId"], record.get("body") or "")


def _response(messages: Sequence[Message]) -> dict[str, Any]:
    return {
        "batchItemFailures": [{"itemIdentifier": message.message_id} for message in messages if message.must_return]
    }


def _counts(messages: Sequence[Message]) -> dict[str, Any]:
    results = [result for message in messages for result in message.results]
    repeatable = [result for result in results if not result.outcome.is_final and result.fault is not Fault.UNREADABLE]
    if repeatable:
        raise UndeliveredError(f"{len(repeatable)} of {len(results)} failed; the first: {repeatable[0].reason}")
    return {"outcomes": dict(Counter(str(result.outcome) for result in results))}


def _unreadable(error: UnreadableEventError) -> Result:
    return Result(Outcome.FAILED, None, "Unreadable", reason=str(error), fault=Fault.UNREADABLE)


def _out_of_time(due: Due) -> Result:
    return due.result(Outcome.FAILED, "handed back before the function's timeout", Fault.OUT_OF_TIME)
