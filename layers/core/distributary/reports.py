"""What is told of each log file: one structured log line, and one count by outcome and log type.

Metrics go out in CloudWatch's embedded metric format; an account is never a dimension, since each value of a dimension
is a metric that is paid for. Source:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from distributary.faults import Fault
from distributary.keys import metric_log_type
from distributary.outcomes import Outcome

NAMESPACE = "Distributary"
VALUES_PER_LINE = 99
"""A metric's values in one line. The format takes a hundred, and Powertools prints by itself when that is reached."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one log file's event ended, and all that a person needs to know to act on it."""

    outcome: Outcome
    key: str | None
    """None where the message told no key: control messages, unreadable ones."""
    log_type: str
    account_id: str | None = None
    region: str | None = None
    reason: str | None = None
    fault: Fault | None = None
    size: int | None = None
    """Bytes."""
    event_time: str | None = None
    deliveries: tuple[str, ...] = ()
    """The destinations reached, as s3:// URIs."""
    subscriptions: tuple[str, ...] = ()
    """The names of those that were due."""


class Reporter:
    """Writes results to the log and counts them. One per environment; `flush` at the end of each invocation.

    A result's line has the form that Powertools' logger gives it, which takes ten times as long and writes each alone.
    Lines that wait for their flush are lost with a function that is killed, as its counts are: its messages come back.
    """

    def __init__(self, service: str, logger: Logger) -> None:
        self._service = service
        self._logger = logger
        self._lines: list[str] = []
        self._counts: Counter[tuple[Outcome, str]] = Counter()
        self._faults: Counter[Fault] = Counter()
        self._delays: list[float] = []

    def report(self, result: Result, message_id: str | None) -> None:
        """Log one result and count it."""
        level = logging.INFO if result.outcome.is_final else logging.WARNING
        if level >= self._logger.log_level:
            self._lines.append(self._line(logging.getLevelName(level), result, message_id))
        self._counts[result.outcome, metric_log_type(result.log_type)] += 1
        if result.fault is not None and not result.outcome.is_final:
            self._faults[result.fault] += 1
        if result.outcome is Outcome.DELIVERED and (delay := _seconds_since(result.event_time)) is not None:
            self._delays.append(delay)

    def _line(self, level: str, result: Result, message_id: str | None) -> str:
        told: dict[str, Any] = {
            "level": level,
            "message": result.outcome,
            "timestamp": _now(),
            "service": self._service,
        }
        for name in Result.__slots__:
            if (value := getattr(result, name)) not in (None, ()):
                told[name] = value
        told["message_id"] = message_id
        return json.dumps(told)

    def note(self, what: str, message_id: str | None, reason: str | None) -> None:
        """Log what became of a message, beside the results of its files."""
        self._logger.warning(what, extra={"message_id": message_id, "reason": reason})

    def flush(self) -> None:
        """Write the invocation's lines, emit its metrics and start anew."""
        if self._lines:
            print("\n".join(self._lines), flush=True)  # noqa: T201 - where Lambda's log comes from
        self._lines.clear()
        for (outcome, log_type), count in sorted(self._counts.items()):
            metrics = self._metrics()
            metrics.add_metric("LogFiles", MetricUnit.Count, count)
            # Two sets: alarms read the first, dashboards the second.
            metrics.add_dimension("outcome", str(outcome))
            metrics.add_dimensions(service=self._service, outcome=str(outcome), log_type=log_type)
            metrics.flush_metrics()
        for fault, count in sorted(self._faults.items()):
            metrics = self._metrics()
            metrics.add_metric("Failures", MetricUnit.Count, count)
            metrics.add_dimension("fault", str(fault))
            metrics.flush_metrics()
        for values in _pages(self._delays, VALUES_PER_LINE):
            # As add_metric writes it, which looks at all names and units anew for each value.
            delay = {"Unit": MetricUnit.Seconds.value, "StorageResolution": 60, "Value": values}
            self._metrics({"DeliveryDelay": delay}).flush_metrics()
        self._counts.clear()
        self._faults.clear()
        self._delays.clear()

    def _metrics(self, metric_set: dict[str, Any] | None = None) -> AmazonCloudWatchEMFProvider:
        return AmazonCloudWatchEMFProvider(metric_set=metric_set, namespace=NAMESPACE, service=self._service)


def _now() -> str:
    """In the form by which Lambda recognises the time of a structured line."""
    now = time.time()
    return f"{_to_the_second(int(now))}.{int(now % 1 * 1000):03}Z"


@lru_cache(maxsize=2)
def _to_the_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _seconds_since(event_time: str | None) -> float | None:
    try:
        then = datetime.fromisoformat(event_time or "")
    except ValueError:
        return None
    return max(0.0, (datetime.now(UTC) - then.replace(tzinfo=then.tzinfo or UTC)).total_seconds())


def _pages(values: list[float], size: int) -> Iterable[list[float]]:
    return (values[start : start + size] for start in range(0, len(values), size))
