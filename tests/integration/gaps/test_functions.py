import json
from typing import Any

import pytest
from integration.gaps.world import EVERYTHING, A, Aws, eventually, name

WHAT_IT_SEES = """
import importlib.util, os, sys
def handler(event, context):
    found = [name for name in ("yaml", "botocore", "ministack", "distributary") if importlib.util.find_spec(name)]
    return {"packages": found, "variables": sorted(os.environ), "runtime": os.environ.get("AWS_EXECUTION_ENV")}
"""
EMBEDDED_METRIC = """
import json
def handler(event, context):
    metrics = [{"Namespace": event["namespace"], "Dimensions": [["owner"], ["owner", "outcome"]],
                "Metrics": [{"Name": "Files", "Unit": "Count"}]}]
    print(json.dumps({"_aws": {"Timestamp": 0, "CloudWatchMetrics": metrics}, "owner": "b", "outcome": "failed",
                      "Files": [1, 2]}))
"""


@pytest.mark.gap("function_interpreter")
def test_a_function_sees_its_package_and_lambdas_variables_only(aws: Aws) -> None:
    function = aws.function(A, WHAT_IT_SEES, Environment={"Variables": {"OURS": "1", "TZ": "UTC"}})
    seen = aws.invoke(A, function)
    assert seen["packages"] == []
    assert seen["runtime"] == "AWS_Lambda_python3.13"
    assert {"OURS", "TZ", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"} <= set(seen["variables"])
    not_lambdas = {"AUTH", "GATEWAY_PORT", "LOCAL_ORGANIZATIONS", "PYTHONPATH", "S3_DATA_DIR", "TMPDIR"}
    assert not not_lambdas & set(seen["variables"])


@pytest.mark.gap("log_permissions")
def test_a_function_whose_role_may_not_log_has_no_log(aws: Aws) -> None:
    code = "def handler(event, context):\n    print('here')\n"
    silent, loud = aws.function(A, code), aws.function(A, code, EVERYTHING)
    for function in (silent, loud):
        aws.invoke(A, function)
    assert eventually(lambda: _log_groups(aws, loud))
    assert not _log_groups(aws, silent)


def _log_groups(aws: Aws, function: str) -> Any:
    return aws.root("logs", A).describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]


@pytest.mark.gap("embedded_metrics")
def test_a_logged_metric_is_a_metric_in_each_set_of_dimensions(aws: Aws) -> None:
    namespace = name("namespace")
    aws.invoke(A, aws.function(A, EMBEDDED_METRIC, EVERYTHING), {"namespace": namespace})
    metrics = aws.root("cloudwatch", A).list_metrics(Namespace=namespace)["Metrics"]
    dimensions = [{each["Name"]: each["Value"] for each in metric["Dimensions"]} for metric in metrics]
    assert sorted(dimensions, key=len) == [{"owner": "b"}, {"owner": "b", "outcome": "failed"}]


@pytest.mark.gap("alarm_dimensions")
def test_an_alarm_watches_its_own_dimensions(aws: Aws) -> None:
    cloudwatch, namespace, alarms = aws.root("cloudwatch", A), name("namespace"), [name("alarm"), name("alarm")]
    for alarm, owner in zip(alarms, "bc", strict=True):
        _alarm(cloudwatch, alarm, namespace, "Failed", {"Name": "owner", "Value": owner})
    for owner, value in (("b", 1), ("c", 0)):
        dimensions = [{"Name": "owner", "Value": owner}]
        data = [{"MetricName": "Failed", "Dimensions": dimensions, "Value": value}]
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    assert [_state(cloudwatch, alarm) for alarm in alarms] == ["ALARM", "OK"]


@pytest.mark.gap("queue_metrics")
def test_a_message_in_a_queue_raises_its_alarm(aws: Aws) -> None:
    cloudwatch, alarm = aws.root("cloudwatch", A), name("alarm")
    url, arn = aws.queue(A)
    aws.root("sqs", A).send_message(QueueUrl=url, MessageBody=json.dumps({}))
    queue = {"Name": "QueueName", "Value": arn.rsplit(":", 1)[1]}
    _alarm(cloudwatch, alarm, "AWS/SQS", "ApproximateNumberOfMessagesVisible", queue)
    assert eventually(lambda: _state(cloudwatch, alarm) == "ALARM", 5)


def _alarm(cloudwatch: Any, alarm: str, namespace: str, metric: str, dimension: dict[str, str]) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[dimension],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )


def _state(cloudwatch: Any, alarm: str) -> str:
    return str(cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"])
