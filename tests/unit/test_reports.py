import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from samples import B

from distributary.faults import Fault
from distributary.metric_lines import NAMESPACE, metric_line
from distributary.outcomes import Outcome
from distributary.reports import Reporter, Result

DELIVERED = Result(Outcome.DELIVERED, "key", "CloudTrail", B, "us-east-1", event_time=datetime.now(UTC).isoformat())
FAILED = Result(Outcome.FAILED, "key", "CloudTrail", B, reason="no", fault=Fault.RECEIVER_BROKEN)


@pytest.fixture
def reporter() -> Reporter:
    return Reporter("deliver_to_owner", Logger)


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_result_is_one_line_with_its_facts_as_fields(reporter: Reporter, capsys: pytest.CaptureFixture[str]) -> None:
    reporter.report(FAILED, "m0")
    reporter.flush()
    [line] = [line for line in printed(capsys) if "_aws" not in line]
    facts = {"outcome": "failed", "key": "key", "account_id": B, "reason": "no", "fault": "receiver_broken"}
    assert facts.items() <= line.items()
    assert line["message_id"] == "m0"


def test_a_result_s_line_looks_like_those_of_the_logger(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = io.StringIO()
    logger = Logger(service=request.node.name, stream=theirs, location=None, use_rfc3339=True)
    logger.warning("failed", extra={"outcome": "failed"})
    reporter = Reporter(request.node.name, lambda: logger)
    reporter.report(FAILED, "m0")
    reporter.flush()
    own, expected = printed(capsys)[0], json.loads(theirs.getvalue())
    moments = [datetime.fromisoformat(line.pop("timestamp")) for line in (own, expected)]
    assert abs(moments[0] - moments[1]) < timedelta(hours=1)  # both say which time zone they mean
    assert {name: own[name] for name in expected} == expected


def test_what_the_log_level_leaves_out_is_counted_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter("deliver_to_owner", Logger, level="WARNING")
    reporter.report(DELIVERED, "m0")
    reporter.flush()
    assert [line["outcome"] for line in printed(capsys) if "LogFiles" in line] == ["delivered"]
    reporter.report(DELIVERED, "m0")
    reporter.report(FAILED, "m0")
    reporter.flush()
    assert [line["level"] for line in printed(capsys) if "level" in line] == ["WARNING"]


def test_counts_are_by_outcome_and_log_type_and_never_by_account(
    reporter: Reporter, capsys: pytest.CaptureFixture[str]
) -> None:
    for result in (DELIVERED, DELIVERED, FAILED):
        reporter.report(result, "m0")
    reporter.flush()
    metrics = [line for line in printed(capsys) if "LogFiles" in line]
    assert {line["outcome"]: line["LogFiles"] for line in metrics} == {"delivered": [2.0], "failed": [1.0]}
    [described] = metrics[0]["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "Distributary"
    assert sorted(map(sorted, described["Dimensions"])) == [["log_type", "outcome", "service"], ["outcome", "service"]]


def test_unknown_log_types_share_one_dimension_value(reporter: Reporter, capsys: pytest.CaptureFixture[str]) -> None:
    reporter.report(Result(Outcome.DELIVERED, "key", "SomebodysOwnService", B), "m0")
    reporter.flush()
    assert [line["log_type"] for line in printed(capsys) if "LogFiles" in line] == ["Other"]


def test_the_delay_since_the_event_is_measured_for_every_delivered_file(
    reporter: Reporter, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(250):
        reporter.report(DELIVERED, "m0")
    reporter.report(Result(Outcome.DELIVERED, "key", "CloudTrail", B, event_time="yesterday"), "m0")
    reporter.flush()
    delays = [value for line in printed(capsys) if "DeliveryDelay" in line for value in line["DeliveryDelay"]]
    assert len(delays) == 250
    assert all(delay >= 0 for delay in delays)


def test_a_flush_starts_anew(reporter: Reporter, capsys: pytest.CaptureFixture[str]) -> None:
    reporter.report(DELIVERED, "m0")
    reporter.flush()
    printed(capsys)
    reporter.flush()
    assert printed(capsys) == []


def test_metrics_are_those_of_powertools(capsys: pytest.CaptureFixture[str]) -> None:
    theirs = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service="deliver_to_owner")
    theirs.add_metric("LogFiles", MetricUnit.Count, 2)
    theirs.add_dimension("outcome", "failed")
    theirs.add_dimensions(service="deliver_to_owner", outcome="failed", log_type="Config")
    theirs.flush_metrics()
    [expected] = printed(capsys)
    told = {"service": "deliver_to_owner", "outcome": "failed", "log_type": "Config"}
    line = metric_line(
        "LogFiles", "Count", [2.0], told, [["service", "outcome"], [*told]], expected["_aws"]["Timestamp"]
    )
    own = json.loads(line)
    for one in (own, expected):
        described = one["_aws"]["CloudWatchMetrics"][0]
        described["Dimensions"] = sorted(sorted(names) for names in described["Dimensions"])
    assert own == expected


def test_what_is_said_of_a_message_goes_through_the_logger() -> None:
    said: list[tuple[str, Any]] = []

    class Told:
        def warning(self, what: str, extra: Any) -> None:
            said.append((what, extra))

    Reporter("deliver_to_owner", Told).note("dead letter", "m0", "no")  # type: ignore[arg-type]
    assert said == [("dead letter", {"message_id": "m0", "reason": "no"})]
