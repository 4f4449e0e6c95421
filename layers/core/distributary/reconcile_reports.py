"""What is told of a comparison: one structured log line, and metrics without an account as dimension."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from distributary.metric_lines import NAMESPACE
from distributary.reconciliation import Report


def tell(service: str, logger: Logger, report: Report) -> None:
    """Log what was found, and count what is missing, different and repaired; not what is only announced anew."""
    if report.announces:
        logger.info("announced anew", extra=report.to_json())
        return
    is_fine = not (report.missing or report.different)
    level = logger.info if is_fine else logger.warning
    level("reconciled" if is_fine else "files are missing or different", extra=report.to_json())
    metrics = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service=service)
    counts = {"MissingFiles": report.missing, "DifferentFiles": report.different, "RepairedFiles": report.repaired}
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()


def tell_batch(logger: Logger, batch: Mapping[str, Any]) -> None:
    """Log how far a batch of a backfill has come. What it finds missing was never there, so it raises no alarm."""
    logger.info("backfilled", extra={"shards_left": len(batch["Items"]), **batch["counts"]})
