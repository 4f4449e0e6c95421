"""One Lambda invocation: read its messages, deliver, and see to it that what isn't done comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from distributary.aftermath import settle
from distributary.decisions import Due, add_up, decide, read_notice
from distributary.delivery import Carrier
from distributary.events import Addressee, ObjectCreated, UnreadableEventError, is_queue_batch, read_message
from distributary.faults import Fault, OutOfTimeError, classify
from distributary.keys import LogFile
from distributary.messages import Message, Unserved, counts, partial_batch_response, read_messages
from distributary.outcomes import Outcome
from distributary.queues import FunctionQueue
from distributary.reports import Reporter, Result
from distributary.rounds import Errand, LambdaContext, Round
from distributary.settings import Settings
from distributary.subscription_table import Stored, SubscriptionTable

SPARE_THREADS = 8
"""Beyond one for each copy: for notifications, and for what the table is asked."""
MESSAGES_PER_PAGE = 100
"""How many are read before the first delivery starts; also, BatchGetItem takes a hundred keys."""


@dataclass(slots=True)
class Deliverer:
    """All that an environment keeps between invocations."""

    settings: Settings
    scope_of: Callable[[LogFile], str]
    """Whose subscriptions a log file is for: its owner's, or `all`. The only difference between the two functions."""
    table: SubscriptionTable
    carrier: Carrier
    reporter: Reporter
    queue: FunctionQueue | None = None
    """Without it, failed messages return whole and when the queue says."""
    close_engine: Callable[[], None] = lambda: None
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _pool: ThreadPoolExecutor = field(init=False)
    """For what waits in threads: boto3."""

    def __post_init__(self) -> None:
        self._new_pool()

    def _new_pool(self) -> None:
        self._pool = ThreadPoolExecutor(self.settings.concurrency + SPARE_THREADS, thread_name_prefix="delivery")
        self.loop.set_default_executor(self._pool)

    def close(self) -> None:
        """Let go of connections, threads and event loop. Lambda never asks for it."""
        self.close_engine()
        for _ in range(2):  # the sockets below TLS are closed in the loop's next turns
            self.loop.run_until_complete(asyncio.sleep(0))
        self._pool.shutdown()
        self.loop.close()

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Deliver everything that an event announces.

        Returns:
            For a batch from SQS a partial batch response; for a direct invocation the counts by outcome.

        Raises:
            UndeliveredError: only for a direct invocation, when a file that could be read remains undelivered.
        """
        messages = list(read_messages(event))
        self.loop.run_until_complete(self._deliver(messages, context))
        is_batch = is_queue_batch(event)
        if is_batch and self.queue is not None:
            self.reporter.flush()  # first: settling talks to SQS, and what is counted should be told whatever comes
            settle(messages, self.queue, time.time(), self._note)
        self.reporter.flush()
        return partial_batch_response(messages) if is_batch else counts(messages)

    def _read(self, message: Message) -> Iterator[tuple[ObjectCreated, LogFile]]:
        try:
            notices = read_message(message.body)
        except UnreadableEventError as error:
            unreadable = Result(Outcome.FAILED, None, "Unreadable", reason=str(error), fault=Fault.UNREADABLE)
            self._end(message, unreadable)
            return
        message.announced = len(notices)
        for notice in notices:
            read = read_notice(notice, self.settings)
            if isinstance(read, Result):
                self._end(message, read)
            elif isinstance(notice, ObjectCreated):
                yield notice, read

    async def _deliver(self, messages: Sequence[Message], context: LambdaContext) -> None:
        deliveries = Round(self.carrier, context, self.settings.concurrency, self._tell)
        await deliveries.run(self._errands(messages))
        for message in messages:
            for _ in range(max(1, message.announced) - len(message.results)):
                unread = Result(Outcome.FAILED, None, "Unread", reason=str(OutOfTimeError()), fault=Fault.OUT_OF_TIME)
                self._end(message, unread)
        if deliveries.has_given_up:
            # What hangs now may hang for longer: the next invocation gets threads of its own.
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._new_pool()

    async def _errands(self, messages: Sequence[Message]) -> AsyncIterator[list[Errand]]:
        for start in range(0, len(messages), MESSAGES_PER_PAGE):
            page = messages[start : start + MESSAGES_PER_PAGE]
            files = [(message, *file) for message in page for file in self._read(message)]
            try:
                stored = await asyncio.to_thread(self._read_table, files)
            except Exception as error:  # every file's outcome carries it, and the messages are retried
                reason, fault = f"cannot read the subscriptions: {error}", classify(error)
                for message, created, log_file in files:
                    self._end_undue(message, created, Due(created, log_file, ()).result(Outcome.FAILED, reason, fault))
            else:
                yield list(self._decide(files, stored))

    def _read_table(self, files: Sequence[tuple[Message, ObjectCreated, LogFile]]) -> Mapping[str, Stored]:
        """The subscriptions that may be due; anew where a file is announced for one that is younger than the cache."""
        named = [(self.scope_of(log_file), created.subscriptions) for _, created, log_file in files]
        stored = self.table.read(scope for scope, _ in named)
        lacking = {
            scope for scope, ones in named if ones and {one.name for one in ones} - {one.name for one in stored[scope]}
        }
        return stored | self.table.read(lacking, afresh=True) if lacking else stored

    def _decide(
        self, files: Iterable[tuple[Message, ObjectCreated, LogFile]], stored: Mapping[str, Stored]
    ) -> Iterator[Errand]:
        for message, created, log_file in files:
            scope = self.scope_of(log_file)
            decided = decide(created, log_file, scope, stored[scope])
            if isinstance(decided, Due):
                yield Errand(message, decided)
            else:
                self._end_undue(message, created, decided)

    def _end_undue(self, message: Message, created: ObjectCreated, result: Result) -> None:
        """Note the end of a log file of which nothing is due, or nobody knows what."""
        if not result.outcome.is_final:
            message.unserved.append(Unserved(created, created.subscriptions, result.fault, result.reason or ""))
        self._end(message, result)

    def _tell(self, errand: Errand) -> None:
        errand.message.unserved += _unserved(errand)
        self._end(errand.message, add_up(errand.due, errand.ended))

    def _end(self, message: Message, result: Result) -> None:
        message.results.append(result)
        self.reporter.report(result, message.message_id)

    def _note(self, what: str, message: Message) -> None:
        failure = message.failure
        self.reporter.note(what, message.message_id, failure.reason if failure else None)


def _unserved(errand: Errand) -> Iterator[Unserved]:
    """What is left to do of a log file, each fault's by itself: the throttled need not wait for the broken."""
    open_ones = [one for one in errand.ended if not one.is_over]
    for fault, was_tried in dict.fromkeys((one.fault, one.was_tried) for one in open_ones):
        alike = [one for one in open_ones if (one.fault, one.was_tried) == (fault, was_tried)]
        still = [one.delivery.subscription for one in alike]
        addressees = tuple(Addressee(one.name, one.account_id) for one in still)
        reason = "; ".join(f"{one.delivery.subscription.name}: {one.reason}" for one in alike)
        yield Unserved(errand.due.created, addressees, fault, reason, was_tried)
    for one in errand.due.malformed:
        yield Unserved(errand.due.created, (Addressee(str(one.name), one.account_id),), Fault.MISCONFIGURED, str(one))
