"""CloudWatch: metrics that nobody puts, and alarms that look at the wrong ones."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, request_scope
from ministack.services import cloudwatch, lambda_svc, sqs

from distributary_local.gaps.patching import around

_dimensions: ContextVar[str | None] = ContextVar("distributary_alarm_dimensions", default=None)


def embedded_metrics() -> None:
    """Turn the metrics that a function logs in CloudWatch's embedded metric format into metrics.

    AWS: "Specification: Embedded metric format",
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html;
    each set of dimensions is a metric of its own.
    ministack: leaves them in the log.
    Not shown: the time stamp in the log line (the time of arrival counts), the limits of 30 dimensions and 100 metrics.
    """

    @around(lambda_svc, "_emit_lambda_logs")
    def emit(original: Any, function: Any, request_id: str, log: str, *args: Any, **kwargs: Any) -> None:
        original(function, request_id, log, *args, **kwargs)
        for line in (log or "").splitlines():
            for namespace, name, value, unit, dimensions in _embedded(line):
                cloudwatch.record_metric(namespace, name, value, unit, dimensions)
        cloudwatch._evaluate_all_alarms()


def _embedded(line: str) -> Iterator[tuple[str, str, float, str, dict[str, str]]]:
    try:
        entry = json.loads(line) if line.lstrip().startswith("{") else {}
    except ValueError:
        return
    metadata = entry.get("_aws") if isinstance(entry, dict) else None
    for directive in (metadata or {}).get("CloudWatchMetrics", []):
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(entry[name]) for name in names if name in entry}
            for metric in directive.get("Metrics", []):
                values = entry.get(metric["Name"], [])
                for value in values if isinstance(values, list) else [values]:
                    yield directive["Namespace"], metric["Name"], value, metric.get("Unit", "None"), dimensions


class _MetricsOfAlarm(AccountRegionScopedDict):  # type: ignore[misc]  # ministack ships no types
    """All metrics; while an alarm is evaluated, only those with exactly its dimensions."""

    __slots__ = ()

    def items(self) -> list[Any]:
        wanted = _dimensions.get()
        return [(key, points) for key, points in super().items() if wanted is None or key[2] == wanted]


def alarm_dimensions() -> None:
    """Let an alarm watch the metric with exactly its dimensions.

    AWS: "Metrics concepts", section "Dimensions",
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html: each combination of
    dimensions is another metric.
    ministack: mixes all metrics of that name, so that one owner's failure raises every owner's alarm.
    Not shown: TreatMissingData, DatapointsToAlarm, metric math, composite alarms.
    """
    shared = _MetricsOfAlarm()
    shared._data = cloudwatch._metrics._data
    cloudwatch._metrics = shared

    @around(cloudwatch, "_evaluate_alarm")
    def evaluate(original: Any, alarm: dict[str, Any]) -> None:
        given = alarm.get("Dimensions") or {}
        pairs = {each["Name"]: each["Value"] for each in given} if isinstance(given, list) else given
        token = _dimensions.set(cloudwatch._dims_key(pairs))
        try:
            original(alarm)
        finally:
            _dimensions.reset(token)


def queue_metrics() -> None:
    """Measure every queue each LOCAL_QUEUE_METRICS_SECONDS (two unless told) and evaluate the alarms.

    AWS: "Available CloudWatch metrics for Amazon SQS",
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html.
    ministack: measures no queue and evaluates alarms on PutMetricData only.
    Not shown: the counters (NumberOfMessagesSent …) and AWS's interval of a minute.
    """
    threading.Thread(target=_measure_forever, name="queue-metrics", daemon=True).start()


def _measure_forever() -> None:
    interval = float(os.environ.get("LOCAL_QUEUE_METRICS_SECONDS", "2"))
    while True:
        time.sleep(interval)
        for (account_id, region, _), queue in list(sqs._queues._data.items()):
            with request_scope(account_id, region):
                for name, value, unit in _gauges(list(queue["messages"])):
                    cloudwatch.record_metric("AWS/SQS", name, value, unit, {"QueueName": queue["name"]})
        for account_id, region in {key[:2] for key in list(cloudwatch._alarms._data)}:
            with request_scope(account_id, region):
                cloudwatch._evaluate_all_alarms()


def _gauges(messages: list[dict[str, Any]]) -> Iterator[tuple[str, float, str]]:
    now = time.time()
    visible = sum(message.get("visible_at", 0) <= now for message in messages)
    in_flight = sum(message.get("visible_at", 0) > now and message.get("receive_count", 0) > 0 for message in messages)
    yield "ApproximateNumberOfMessagesVisible", visible, "Count"
    yield "ApproximateNumberOfMessagesNotVisible", in_flight, "Count"
    yield "ApproximateNumberOfMessagesDelayed", len(messages) - visible - in_flight, "Count"
    oldest = min((message.get("enqueued_at", message.get("sent_at", now)) for message in messages), default=now)
    yield "ApproximateAgeOfOldestMessage", now - oldest, "Seconds"


GAPS = (embedded_metrics, alarm_dimensions, queue_metrics)
