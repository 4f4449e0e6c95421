"""One Lambda invocation: read its messages, deliver, and see to it that what isn't done comes back."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from distributary.aftermath import settle
from distributary.decisions import Due, add_up, decide, read_notice
from distributary.delivery import Carrier
from distributary.events import ObjectCreated, UnreadableEventError, is_queue_batch, read_message
from distributary.faults import Fault, classify
from distributary.keys import LogFile
from distributary.messages import Message, Unserved, counts, partial_batch_response, read_messages
from distributary.outcomes import Outcome
from distributary.queues import FunctionQueue
from distributary.reports import Reporter, Result
from distributary.rounds import ANNOUNCERS, Errand, LambdaContext, Round
from distributary.settings import Settings
from distributary.subscription_table import SubscriptionTable


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
    pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.pool = self._new_pool()

    def _new_pool(self) -> ThreadPoolExecutor:
        workers = self.settings.concurrency + ANNOUNCERS
        return ThreadPoolExecutor(workers, thread_name_prefix="delivery")

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Deliver everything that an event announces.

        Returns:
            For a batch from SQS a partial batch response; for a direct invocation the counts by outcome.

        Raises:
            UndeliveredError: only for a direct invocation, when a file that could be read remains undelivered.
        """
        messages = list(read_messages(event))
        files = [(message, *file) for message in messages for file in self._read(message)]
        self._deliver(list(self._decide(files)), context)
        if is_queue_batch(event) and self.queue is not None:
            self.reporter.flush()  # first: settling talks to SQS, and what is counted should be told whatever comes
            settle(messages, self.queue, time.time(), self._note)
        self.reporter.flush()
        return partial_batch_response(messages) if is_queue_batch(event) else counts(messages)

    def _read(self, message: Message) -> Iterator[tuple[ObjectCreated, LogFile]]:
        try:
            notices = read_message(message.body)
        except UnreadableEventError as error:
            unreadable = Result(Outcome.FAILED, None, "Unreadable", reason=str(error), fault=Fault.UNREADABLE)
            self._end(message, unreadable)
            return
        for notice in notices:
            read = read_notice(notice, self.settings)
            if isinstance(read, Result):
                self._end(message, read)
            elif isinstance(notice, ObjectCreated):
                yield notice, read

    def _decide(self, files: Sequence[tuple[Message, ObjectCreated, LogFile]]) -> Iterator[tuple[Message, Errand]]:
        try:
            stored = self.table.read(self.scope_of(log_file) for _, _, log_file in files)
        except Exception as error:  # every file's outcome carries it, and the messages are retried
            for message, created, log_file in files:
                reason = f"cannot read the subscriptions: {error}"
                failed = Due(created, log_file, ()).result(Outcome.FAILED, reason, classify(error))
                message.unserved.append(Unserved(created, created.subscriptions, failed.fault, reason))
                self._end(message, failed)
            return
        for message, created, log_file in files:
            scope = self.scope_of(log_file)
            decided = decide(created, log_file, scope, stored[scope])
            if isinstance(decided, Due):
                yield message, Errand(decided)
            else:
                if not decided.outcome.is_final:
                    why = decided.reason or ""
                    message.unserved.append(Unserved(created, created.subscriptions, decided.fault, why))
                self._end(message, decided)

    def _deliver(self, errands: Sequence[tuple[Message, Errand]], context: LambdaContext) -> None:
        message_of = {id(errand): message for message, errand in errands}
        deliveries = Round(self.carrier, self.pool, context, self.settings.concurrency)
        for errand in deliveries.run([errand for _, errand in errands]):
            message = message_of[id(errand)]
            message.unserved += _unserved(errand)
            self._end(message, add_up(errand.due, errand.ended))
        if deliveries.has_given_up:
            # What hangs now may hang for longer: the next invocation gets threads of its own.
            self.pool.shutdown(wait=False, cancel_futures=True)
            self.pool = self._new_pool()

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
        names = tuple(one.delivery.subscription.name for one in alike)
        reason = "; ".join(f"{one.delivery.subscription.name}: {one.reason}" for one in alike)
        yield Unserved(errand.due.created, names, fault, reason, was_tried)
