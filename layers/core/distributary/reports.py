"""What is told of each log file: one structured log line, and one count by outcome and log type.

Metrics go out in CloudWatch's embedded metric format; an account is never a dimension, since each value of a dimension
is a metric that is paid for. Source:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from distributary.faults import Fault
from distributary.keys import metric_log_type
from distributary.metric_lines import MAX_VALUES, metric_line
from distributary.outcomes import Outcome
from distributary.times import utc_time

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
NOTHING = (None, ())
"""What a line leaves out."""


class Result(NamedTuple):
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

    A result's line is the one that Powertools' logger would write, in a tenth of the time, and all are written at once.
    Lines that wait for their flush are lost with a function that is killed, as its counts are: its messages come back.

    Args:
        service: the function's name in logs and metrics.
        logger: makes Powertools' logger, for what is said of messages; it takes long to import, and is rarely needed.
        level: the least that is logged, by its name. Everything is counted.
    """

    def __init__(self, service: str, logger: "Callable[[], Logger]", level: str = "INFO") -> None:
        self._service = service
        self._logger = cache(logger)
        self._level = logging.getLevelName(level)
        self._lines: list[str] = []
        self._counts: Counter[tuple[Outcome, str]] = Counter()
        self._faults: Counter[Fault] = Counter()
        self._delays: list[float] = []

    def report(self, result: Result, message_id: str | None) -> None:
        """Log one result and count it."""
        level = logging.INFO if result.outcome.is_final else logging.WARNING
        if level >= self._level:
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
        told |= {name: value for name, value in zip(Result._fields, result, strict=True) if value not in NOTHING}
        told["message_id"] = message_id
        return _ENCODE(told)

    def note(self, what: str, message_id: str | None, reason: str | None) -> None:
        """Log what became of a message, beside the results of its files."""
        self._logger().warning(what, extra={"message_id": message_id, "reason": reason})

    def flush(self) -> None:
        """Write the invocation's lines, its metrics last, and start anew."""
        lines = [*self._lines, *self._metric_lines(int(time.time() * 1000))]
        if lines:
            print("\n".join(lines), flush=True)  # noqa: T201 - where Lambda's log comes from
        self._lines.clear()
        self._counts.clear()
        self._faults.clear()
        self._delays.clear()

    def _metric_lines(self, now: int) -> Iterator[str]:
        for (outcome, log_type), count in sorted(self._counts.items()):
            told = {"service": self._service, "outcome": str(outcome), "log_type": log_type}
            # Two sets: alarms read the first, dashboards the second.
            yield metric_line("LogFiles", "Count", [count], told, [["service", "outcome"], [*told]], now)
        for fault, count in sorted(self._faults.items()):
            told = {"service": self._service, "fault": str(fault)}
            yield metric_line("Failures", "Count", [count], told, [[*told]], now)
        for start in range(0, len(self._delays), MAX_VALUES):
            delays = self._delays[start : start + MAX_VALUES]
            told = {"service": self._service}
            yield metric_line("DeliveryDelay", "Seconds", delays, told, [[*told]], now)


def _now() -> str:
    """In the form by which Lambda recognises the time of a structured line."""
    now = time.time()
    return f"{_to_the_second(int(now))}.{int(now % 1 * 1000):03}Z"


@lru_cache(maxsize=2)
def _to_the_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _seconds_since(event_time: str | None) -> float | None:
    try:
        then = utc_time(event_time or "")
    except ValueError:
        return None
    return max(0.0, time.time() - then.timestamp())
