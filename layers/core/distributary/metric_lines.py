"""Metrics as lines of the log, in CloudWatch's embedded metric format. Pure; Powertools' provider writes the same.

That takes a quarter of a cold start to import. Source:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

NAMESPACE = "Distributary"
MAX_VALUES = 100
"""Of one metric in one line."""


def metric_line(
    name: str,
    unit: str,
    values: Sequence[float],
    dimensions: Mapping[str, str],
    dimension_sets: Sequence[Sequence[str]],
    milliseconds: int,
) -> str:
    """One metric's line.

    Args:
        name: the metric's, in our namespace.
        unit: CloudWatch's word, such as `Count`.
        values: at most `MAX_VALUES`.
        dimensions: names and values; each combination of values is a metric that is paid for.
        dimension_sets: the names that make a metric together.
        milliseconds: when, since the epoch.
    """
    described: dict[str, Any] = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(names) for names in dimension_sets],
        "Metrics": [{"Name": name, "Unit": unit}],
    }
    line = {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [described]}, **dimensions, name: list(values)}
    return json.dumps(line, separators=(",", ":"))
