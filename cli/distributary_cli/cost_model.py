"""What a month costs, line by line. No I/O; docs/cost.md says where each number comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from distributary_cli.cost_batches import Queue, owner_queue, third_party_queue
from distributary_cli.cost_inputs import MONTH_HOURS, MONTH_SECONDS, Kms, Measured, Stack, Traffic
from distributary_cli.cost_prices import PRICES, Price

GB = 1024**3
KEYS_PER_PAGE = 1_000
RECONCILED_DAYS = 2
"""How far back the daily comparison looks."""
LOG_EVENT_BYTES = 26
"""What CloudWatch adds to each log event."""
BUSY_OUTCOMES = 2
"""Outcomes that come up in every hour, such as delivered and unsubscribed: metrics are paid for by the hour."""


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of usage, with its price."""

    name: str
    payer: str
    """`Account A`, `receiver`, or `either`: whoever owns the key or the topic."""
    quantity: float
    price_name: str
    price: Price
    per_file: bool
    """Whether it grows with the files; otherwise with accounts or time."""

    @property
    def usd(self) -> float:
        """What it costs."""
        return self.quantity / self.price.per * self.price.usd


@dataclass(frozen=True, slots=True)
class Estimate:
    """A month."""

    traffic: Traffic
    lines: tuple[Line, ...]
    owners: Queue
    third_parties: Queue | None

    @property
    def usd(self) -> float:
        """All of it, whoever pays."""
        return sum(line.usd for line in self.lines)

    @property
    def usd_per_million(self) -> float:
        """For a million files."""
        return self.usd / self.traffic.files * 1_000_000

    @property
    def usd_by_payer(self) -> dict[str, float]:
        """What each payer pays."""
        payers = dict.fromkeys(line.payer for line in self.lines)
        return {payer: sum(line.usd for line in self.lines if line.payer == payer) for payer in payers}


def estimate(
    traffic: Traffic,
    stack: Stack | None = None,
    measured: Measured | None = None,
    prices: Mapping[str, Price] = PRICES,
) -> Estimate:
    """Estimate a month.

    Raises:
        ImpossibleError: for the first number that cannot be.
    """
    stack, measured = stack or Stack(), measured or Measured()
    for checked in (traffic, stack, measured):
        checked.check()
    owners, third_parties = owner_queue(traffic, stack, measured), third_party_queue(traffic, stack, measured)
    queues = [queue for queue in (owners, third_parties) if queue is not None]
    for queue in queues:
        queue.check()
    usage = [
        *_storage(traffic),
        *_queues(traffic, queues),
        *_functions(stack, queues),
        *_keys(traffic, measured, queues),
        *_telling(traffic, stack, measured, queues),
        *_reconciliation(traffic, stack, measured),
    ]
    lines = tuple(
        Line(name, payer, quantity, price, prices[price], per_file)
        for name, payer, quantity, price, per_file in usage
        if quantity
    )
    return Estimate(traffic, lines, owners, third_parties)


Usage = Iterator[tuple[str, str, float, str, bool]]


def _storage(traffic: Traffic) -> Usage:
    """A copy is one request, paid by the bucket's owner, and then lies there."""
    if not traffic.deliver.copies:
        return
    copies = traffic.files * (1 + traffic.third_parties)
    gigabytes = copies * traffic.file_kb * 1024 / GB
    yield "copies", "receiver", copies, "s3-copy", True
    yield "their storage", "receiver", gigabytes * traffic.keep_months, "s3-storage", True
    yield "to other Regions", "Account A", gigabytes * traffic.elsewhere_percent / 100, "transfer", True


def _queues(traffic: Traffic, queues: list[Queue]) -> Usage:
    """EventBridge takes an event once, whatever its targets; they are in the same account, so delivery is free."""
    yield "events", "Account A", traffic.files, "event", True
    yield (
        "queues, with messages",
        "Account A",
        sum(queue.requests - queue.idle_requests for queue in queues),
        "sqs",
        True,
    )
    yield "queues, polled in vain", "Account A", sum(queue.idle_requests for queue in queues), "sqs", False


def _functions(stack: Stack, queues: list[Queue]) -> Usage:
    seconds = sum(queue.invocations * queue.duration_ms / 1000 for queue in queues)
    yield "invocations", "Account A", sum(queue.invocations for queue in queues), "lambda-request", True
    yield "their duration", "Account A", seconds * stack.memory_mb / 1024, _duration(stack), True
    yield "subscriptions read", "Account A", sum(queue.reads for queue in queues) / 2, "dynamodb-read", False
    yield "notifications", "either", sum(queue.publishes for queue in queues), "sns-publish", True


def _duration(stack: Stack) -> str:
    return "lambda-arm64" if stack.arm64 else "lambda-x86_64"


def _keys(traffic: Traffic, measured: Measured, queues: list[Queue]) -> Usage:
    """A copy decrypts with the central bucket's key and encrypts with the receiver's.

    A bucket key spares requests only within a requester and a few minutes, and each delivery session is a requester.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    """
    if traffic.kms is Kms.NONE:
        return
    yield "the central key", "Account A", 1, "kms-key", False
    if traffic.deliver.copies:
        requests = 0.0
        for queue in queues:
            copies = traffic.files * queue.receivers_per_file
            spans = queue.scopes * queue.receivers_per_file * traffic.busy_seconds / 60 / measured.bucket_key_minutes
            asked = copies if traffic.kms is Kms.NO_BUCKET_KEYS else min(copies, max(copies / 100, spans))
            requests += 2 * asked
        yield "keys asked for", "either", requests, "kms-request", True


def _telling(traffic: Traffic, stack: Stack, measured: Measured, queues: list[Queue]) -> Usage:
    """One log line for each outcome and metrics in the log; in one batch there may be every log type."""
    logged = 0.0
    for queue in queues:
        counted = min(queue.batch, traffic.log_types * BUSY_OUTCOMES) + queue.batch / 99
        metric_bytes = counted * (measured.metric_bytes + LOG_EVENT_BYTES)
        logged += traffic.files * (measured.outcome_bytes + LOG_EVENT_BYTES)
        logged += queue.invocations * (metric_bytes + measured.platform_bytes)
    metrics = len(queues) * (1 + BUSY_OUTCOMES * (1 + traffic.log_types))
    alarms = stack.alarms + (stack.third_party_alarms if traffic.third_parties else 0)
    yield "logs", "Account A", logged / GB, "log-ingestion", True
    yield "metrics", "Account A", metrics, "metric", False
    yield "alarms", "Account A", alarms, "alarm", False


def _reconciliation(traffic: Traffic, stack: Stack, measured: Measured) -> Usage:
    """Each comparison lists the same folders in the central bucket and in the receiver's."""
    if not traffic.deliver.copies:
        return
    comparisons = MONTH_HOURS / 24 / stack.reconcile_days
    everybody = traffic.accounts * (1 + traffic.third_parties)
    folders = everybody * listings(traffic.log_types, traffic.regions)
    lasting = traffic.files * RECONCILED_DAYS * 86_400 / MONTH_SECONDS * (1 + traffic.third_parties)
    requests = comparisons * (folders + lasting / KEYS_PER_PAGE)
    yield "comparison: central bucket listed", "Account A", requests, "s3-list", False
    yield "comparison: receivers' listed", "receiver", requests, "s3-list", False
    seconds = 2 * requests * measured.list_ms / 1000
    started = comparisons * (traffic.accounts + traffic.third_parties + 1)
    yield "comparison: invocations", "Account A", started, "lambda-request", False
    duration = seconds * stack.reconcile_memory_mb / 1024
    yield "comparison: their duration", "Account A", duration, _duration(stack), False


def listings(log_types: int, regions: int) -> int:
    """ListObjectsV2 requests for an account's last two days in one bucket: its forms, log types, Regions and days."""
    return 6 + log_types * (1 + 3 * regions)
