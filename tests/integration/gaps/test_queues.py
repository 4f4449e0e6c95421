import json
from typing import Any

import pytest
from integration.gaps.world import EVERYTHING, A, Aws, document, eventually, name, refused

ANSWERING = "def handler(event, context):\n    return {answer}\n"


@pytest.mark.gap("shorter_delays")
def test_a_message_rests_a_fraction_of_its_delay(aws: Aws) -> None:
    url, _ = aws.queue(A)
    aws.root("sqs", A).send_message(QueueUrl=url, MessageBody="alone", DelaySeconds=30)
    entry = {"Id": "0", "MessageBody": "in a batch", "DelaySeconds": 30}
    aws.root("sqs", A).send_message_batch(QueueUrl=url, Entries=[entry])
    assert "Messages" not in aws.root("sqs", A).receive_message(QueueUrl=url)
    assert {one["Body"] for one in aws.messages(A, url, 2)} == {"alone", "in a batch"}


@pytest.mark.gap("dead_letter_redrive")
def test_messages_go_back_from_the_dead_letter_queue(aws: Aws) -> None:
    sqs = aws.root("sqs", A)
    dead_letter_url, dead_letter_arn = aws.queue(A)
    redrive = {"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": 1}
    url, _ = aws.queue(A, RedrivePolicy=json.dumps(redrive), VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="log")
    for _ in range(2):  # the second attempt moves it
        sqs.receive_message(QueueUrl=url)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead_letter_url)["queueUrls"] == [url]
    operator = aws.of(aws.user(A, {"Effect": "Allow", "Action": "sqs:*", "Resource": dead_letter_arn}), "sqs")
    operator.start_message_move_task(SourceArn=dead_letter_arn)
    tasks = operator.list_message_move_tasks(SourceArn=dead_letter_arn)["Results"]
    assert [(task["Status"], task["ApproximateNumberOfMessagesMoved"]) for task in tasks] == [("COMPLETED", 1)]
    assert [message["Body"] for message in aws.messages(A, url)] == ["log"]


@pytest.mark.gap("rule_needs_queue_policy")
def test_a_rule_sends_only_where_the_queue_lets_it(aws: Aws) -> None:
    events, rule = aws.root("events", A), name("rule")
    rule_arn = events.put_rule(Name=rule, EventPattern='{"source": ["test"]}')["RuleArn"]
    (open_url, open_arn), (closed_url, closed_arn) = aws.queue(A), aws.queue(A)
    for url, arn, source in ((open_url, open_arn, rule_arn), (closed_url, closed_arn, rule_arn + "-other")):
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        aws.root("sqs", A).set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(statement)})
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": closed_arn}, {"Id": "2", "Arn": open_arn}])
    events.put_events(Entries=[{"Source": "test", "DetailType": "t", "Detail": "{}"}])
    assert len(aws.messages(A, open_url)) == 1
    assert aws.count(A, closed_url) == 0


@pytest.mark.gap("event_versions")
def test_an_event_names_the_object_s_version(aws: Aws) -> None:
    s3, events, bucket, rule = aws.root("s3", A), aws.root("events", A), name("bucket"), name("rule")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}})
    rule_arn = events.put_rule(Name=rule, EventPattern=pattern)["RuleArn"]
    url, arn = aws.queue(A)
    condition = {"ArnEquals": {"aws:SourceArn": rule_arn}}
    principal = {"Service": "events.amazonaws.com"}
    sends = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": arn}
    policy = document(sends | {"Condition": condition})
    aws.root("sqs", A).set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
    written = [s3.put_object(Bucket=bucket, Key="log", Body=body)["VersionId"] for body in (b"one", b"two")]
    told = [json.loads(message["Body"])["detail"]["object"]["version-id"] for message in aws.messages(A, url, 2)]
    assert sorted(told) == sorted(written)


@pytest.mark.gap("batching_window")
def test_a_batch_waits_for_its_window_and_may_be_large(aws: Aws) -> None:
    code = "def handler(event, context):\n    print('batch', len(event['Records']))\n"
    url, arn = aws.queue(A)
    for start in range(0, 40, 10):
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(start, start + 10)]
        aws.root("sqs", A).send_message_batch(QueueUrl=url, Entries=entries)
    function = _mapped(aws, arn, code, BatchSize=30, MaximumBatchingWindowInSeconds=1)
    assert eventually(lambda: sum(_batches(aws, function)) == 40)
    assert _batches(aws, function) == [30, 10]


@pytest.mark.gap("mapping_checks")
@pytest.mark.parametrize(
    ("mapping", "queue", "function", "statements"),
    [
        ({"BatchSize": 11}, {}, {}, [EVERYTHING]),
        ({}, {"VisibilityTimeout": "59"}, {"Timeout": 60}, [EVERYTHING]),
        ({}, {}, {}, [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}]),
    ],
    ids=["large batch without window", "visibility timeout shorter than timeout", "role without permission"],
)
@pytest.mark.parametrize("path", ["api", "stack"])
def test_a_mapping_that_lambda_would_refuse(
    aws: Aws, mapping: dict[str, Any], queue: dict[str, str], function: dict[str, Any], statements: list[Any], path: str
) -> None:
    _, arn = aws.queue(A, **queue)
    made = aws.function(A, ANSWERING.format(answer=None), *statements, **function)
    properties = {"EventSourceArn": arn, "FunctionName": made} | mapping
    if path == "stack":
        mapping_resource = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}
        assert aws.deploy(A, name("stack"), Mapping=mapping_resource) == "ROLLBACK_COMPLETE"
    else:
        with refused("InvalidParameterValueException"):
            aws.root("lambda", A).create_event_source_mapping(**properties)


@pytest.mark.parametrize(
    "answer",
    ['{"batchItemFailures": [{"itemIdentifier": ""}]}', '{"batchItemFailures": [{"id": "x"}]}', '"failed"'],
    ids=["empty identifier", "wrong name", "no object"],
)
@pytest.mark.gap("malformed_batch_response")
def test_a_response_that_cannot_be_understood_fails_the_batch(aws: Aws, answer: str) -> None:
    dead_letter_url, dead_letter_arn = aws.queue(A)
    redrive = {"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": 1}
    url, arn = aws.queue(A, RedrivePolicy=json.dumps(redrive), VisibilityTimeout="1")
    aws.root("sqs", A).send_message(QueueUrl=url, MessageBody="log")
    _mapped(aws, arn, ANSWERING.format(answer=answer), FunctionResponseTypes=["ReportBatchItemFailures"])
    assert eventually(lambda: aws.count(A, url) == 0)
    assert aws.count(A, dead_letter_url) == 1


def _mapped(aws: Aws, queue_arn: str, code: str, **mapping: Any) -> str:
    """Return the name of a new function that the queue's messages go to."""
    function = aws.function(A, code, EVERYTHING, Timeout=1)
    aws.root("lambda", A).create_event_source_mapping(EventSourceArn=queue_arn, FunctionName=function, **mapping)
    return function


def _batches(aws: Aws, function: str) -> list[int]:
    """Return the sizes of the batches that the function has logged, largest first."""
    logs, group = aws.root("logs", A), f"/aws/lambda/{function}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    lines = [event["message"].split() for event in logs.filter_log_events(logGroupName=group)["events"]]
    return sorted((int(line[1]) for line in lines if line[0] == "batch"), reverse=True)
