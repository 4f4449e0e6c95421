"""How Lambda's poller makes batches of the messages, and how long the function works on one. No I/O.

Five batches are made at a time, also when little comes, because a maximum concurrency is set. Source:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

import math
from dataclasses import dataclass

from distributary_cli.cost_inputs import MONTH_SECONDS, ImpossibleError, Measured, Stack, Traffic

POLLERS = 5
LONG_POLL_SECONDS = 20
RECEIVE_SECONDS = 0.02
MESSAGES_PER_REQUEST = 10
WHOLE_PROCESSOR_MB = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
SESSION_HOURS = 1
CACHE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Queue:
    """One of the two queues with its function, over a month."""

    traffic: Traffic
    stack: Stack
    measured: Measured
    scopes: int
    """Whose subscriptions it serves: as many as owners, or one for all third parties."""
    receivers_per_file: int

    @property
    def batch(self) -> float:
        """Messages in an average batch: each of the five pollers waits for the window, or until the batch is full."""
        gathered = 1 + self.traffic.per_second / POLLERS * self.stack.window_seconds
        return min(float(self.stack.batch_size), gathered)

    @property
    def invocations(self) -> float:
        """A month's."""
        return self.traffic.files / self.batch

    def work_ms(self, batch: float) -> float:
        """How long a warm environment works on a batch: S3 answers, or the processor signs and parses."""
        deliveries = batch * self.receivers_per_file
        copying = math.ceil(deliveries / self.stack.connections) * self.measured.copy_ms
        waiting = copying if self.traffic.deliver.copies else 0.0
        waiting += self.measured.publish_ms if self.traffic.deliver.notifies else 0.0
        share = min(1.0, self.stack.memory_mb / WHOLE_PROCESSOR_MB)
        return self.measured.invocation_ms + max(waiting, deliveries * self.measured.cpu_ms / share)

    @property
    def environments(self) -> int:
        """How many are at work at once while files come."""
        return max(1, math.ceil(self.traffic.per_second / self.batch * self.work_ms(self.batch) / 1000))

    @property
    def sessions(self) -> float:
        """AssumeRole requests: one an hour for each subscription and environment that is at work then."""
        hours = math.ceil(self.traffic.busy_seconds / 3600 / SESSION_HOURS)
        deliveries = self.traffic.files * self.receivers_per_file
        return min(deliveries, self.scopes * self.receivers_per_file * self.environments * hours)

    @property
    def reads(self) -> float:
        """Subscriptions' items read: one a minute for each scope and environment that is at work then."""
        minutes = math.ceil(self.traffic.busy_seconds / CACHE_SECONDS)
        return min(self.traffic.files, self.scopes * self.environments * minutes)

    @property
    def duration_ms(self) -> float:
        """Of an average invocation, with what has to be asked anew."""
        asking = min(1.0, self.reads / self.invocations) * self.measured.read_ms
        assuming = min(1.0, self.sessions / self.invocations) * self.measured.assume_role_ms
        return self.work_ms(self.batch) + asking + assuming

    @property
    def publishes(self) -> float:
        """PublishBatch requests of a month: the notifications of a batch to one topic go out ten at a time."""
        if not self.traffic.deliver.notifies:
            return 0.0
        met: float = self.scopes * (1 - (1 - 1 / self.scopes) ** self.batch)
        return self.invocations * self.receivers_per_file * max(met, self.batch / MESSAGES_PER_REQUEST)

    @property
    def requests(self) -> float:
        """SQS requests of a month: EventBridge's, the poller's, and those of pollers that find nothing."""
        at_once = max(1.0, self.traffic.per_second / POLLERS * RECEIVE_SECONDS)
        receives = self.invocations * max(1.0, self.batch / min(MESSAGES_PER_REQUEST, at_once))
        deletes = self.invocations * max(1.0, self.batch / MESSAGES_PER_REQUEST)
        return self.traffic.files + receives + deletes + self.idle_requests

    @property
    def idle_requests(self) -> float:
        """What the poller asks of an empty queue."""
        return POLLERS * MONTH_SECONDS / LONG_POLL_SECONDS

    @property
    def capacity(self) -> float:
        """Files a second, with every environment on full batches."""
        return self.stack.concurrency * self.stack.batch_size / self.work_ms(self.stack.batch_size) * 1000

    def check(self) -> None:
        """Raises ImpossibleError if more comes than can be delivered."""
        if self.traffic.per_second > self.capacity:
            raise ImpossibleError(
                "--files",
                f"come at {self.traffic.per_second:,.0f} a second, but {self.stack.concurrency:,} environments deliver "
                f"{self.capacity:,.0f}: raise --concurrency (the stack's MaximumConcurrency)",
            )


def owner_queue(traffic: Traffic, stack: Stack, measured: Measured) -> Queue:
    """The queue of deliver_to_owner."""
    return Queue(traffic, stack, measured, scopes=traffic.accounts, receivers_per_file=1)


def third_party_queue(traffic: Traffic, stack: Stack, measured: Measured) -> Queue | None:
    """The queue of fan_out, if there are third parties."""
    if not traffic.third_parties:
        return None
    return Queue(traffic, stack, measured, scopes=1, receivers_per_file=traffic.third_parties)
