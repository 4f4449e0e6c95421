import gzip
import json
from collections.abc import Sequence
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from samples import CENTRAL_BUCKET, B, cloudtrail_key, created

from distributary_cli.logs_queues import follow, queue_account, queue_region

KEY = cloudtrail_key(B)
S3_EVENT = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": "2026-11-21T06:05:00.000Z",
            "s3": {"bucket": {"name": CENTRAL_BUCKET}, "object": {"key": KEY, "size": 5, "versionId": "v"}},
        }
    ]
}  # fmt: skip
CLOUDTRAIL = {"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": [KEY, cloudtrail_key(B, 1)]}


@pytest.fixture
def sqs(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ARG001 - it stands up what this needs
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="log-files")["QueueUrl"]
    monkeypatch.setenv("DISTRIBUTARY_QUEUE_URL", url)
    return client


@pytest.fixture
def send(sqs: Any) -> Any:
    url = sqs.get_queue_url(QueueName="log-files")["QueueUrl"]

    def send_message(body: Any) -> None:
        sqs.send_message(QueueUrl=url, MessageBody=body if isinstance(body, str) else json.dumps(body))

    return send_message


def left(sqs: Any) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = sqs.get_queue_url(QueueName="log-files")["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(number) for number in answer.values())


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        (S3_EVENT, [KEY]),
        (CLOUDTRAIL, [KEY, cloudtrail_key(B, 1)]),
        (created(KEY), [KEY]),
        ({"Type": "Notification", "Message": json.dumps(S3_EVENT)}, [KEY]),
    ],
)
def test_each_form_is_printed_and_then_deleted(run: Any, sqs: Any, send: Any, message: Any, keys: list[str]) -> None:
    send(message)
    answer = run("logs", "tail", "--until-empty")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == [f"s3://{CENTRAL_BUCKET}/{key}" for key in keys]
    assert left(sqs) == 0


def test_json_says_what_the_message_says(run: Any, send: Any) -> None:
    send(S3_EVENT)
    assert json.loads(run("logs", "tail", "--until-empty", "--json").stdout) == {
        "bucket": CENTRAL_BUCKET,
        "key": KEY,
        "version_id": "v",
        "size": 5,
        "etag": None,
        "event_time": "2026-11-21T06:05:00.000Z",
    }


def test_a_message_that_cannot_be_read_is_told_and_left(run: Any, sqs: Any, send: Any) -> None:
    send("what is this\x1b[31m")
    send(S3_EVENT)
    answer = run("logs", "tail", "--until-empty")
    assert (answer.exit_code, answer.stdout) == (1, f"s3://{CENTRAL_BUCKET}/{KEY}\n")
    assert "cannot be read and stays in the queue: not JSON" in answer.stderr
    assert "\x1b" not in answer.stderr
    assert left(sqs) == 1


def test_a_message_that_announces_nothing_is_told_and_deleted(run: Any, sqs: Any, send: Any) -> None:
    send("CloudTrail validation message.")
    answer = run("logs", "tail", "--until-empty")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert answer.stderr == "CloudTrail validation message.: no new log file\n"
    assert left(sqs) == 0


def test_records_are_printed_where_they_can_be_read_and_else_the_message_stays(run: Any, sqs: Any, send: Any) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=CENTRAL_BUCKET)
    s3.put_object(Bucket=CENTRAL_BUCKET, Key=KEY, Body=gzip.compress(b'{"Records":[{"a":1}]}'))
    send({"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": [KEY]})
    send(created("gone"))
    answer = run("logs", "tail", "--until-empty", "--records")
    assert (answer.exit_code, answer.stdout) == (1, '{"a":1}\n')
    assert answer.stderr == f"Error: there is no s3://{CENTRAL_BUCKET}/gone; its message stays in the queue\n"
    assert left(sqs) == 1


def test_records_are_those_of_the_version_that_was_announced(run: Any, send: Any) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=CENTRAL_BUCKET)
    s3.put_bucket_versioning(Bucket=CENTRAL_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    announced = s3.put_object(Bucket=CENTRAL_BUCKET, Key=KEY, Body=b'{"Records":[{"a":1}]}')["VersionId"]
    s3.put_object(Bucket=CENTRAL_BUCKET, Key=KEY, Body=b'{"Records":[{"forged":1}]}')
    send(json.dumps(S3_EVENT).replace('"v"', json.dumps(announced)))
    answer = run("logs", "tail", "--until-empty", "--records")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, '{"a":1}\n', "")


class Queue:
    """A queue whose answers to ReceiveMessage and DeleteMessage are given: messages, or errors that are raised."""

    def __init__(self, *received: Any, deleted: Sequence[Exception | None] = ()) -> None:
        self.received, self.answers = list(received), list(deleted)
        self.deleted: list[str] = []

    def receive_message(self, **_: Any) -> dict[str, Any]:
        answer = self.received.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return {"Messages": [{"MessageId": answer, "ReceiptHandle": answer, "Body": json.dumps(S3_EVENT)}]}

    def delete_message(self, **asked: Any) -> None:
        error = self.answers.pop(0) if self.answers else None
        if error:
            raise error
        self.deleted.append(asked["ReceiptHandle"])


OUTAGE = EndpointConnectionError(endpoint_url="https://sqs.us-east-1.amazonaws.com")
OVERLOAD = ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "no"}}, "ReceiveMessage")
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ReceiveMessage")


def follow_until(error: type[BaseException], queue: Any, **options: Any) -> list[Exception]:
    outages: list[Exception] = []
    with pytest.raises(error):
        follow(queue, "url", lambda _: True, pytest.fail, outage=outages.append, pause_seconds=0, **options)
    return outages


@pytest.mark.parametrize("outage", [OUTAGE, OVERLOAD])
def test_an_outage_is_told_once_and_outlasted(outage: Exception) -> None:
    queue = Queue("1", outage, outage, "2", outage, "3", KeyboardInterrupt(), deleted=[None, outage, outage])
    assert follow_until(KeyboardInterrupt, queue, until_empty=False) == [outage] * 3
    assert queue.deleted == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("queue", "until_empty"),
    [
        (Queue(OUTAGE), False),  # it has never answered: more likely a wrong Region than an outage
        (Queue("1", OUTAGE), True),
        (Queue("1", DENIED), False),
    ],
)
def test_what_may_not_pass_ends_it(queue: Queue, until_empty: bool) -> None:
    assert follow_until(Exception, queue, until_empty=until_empty) == []


@pytest.mark.usefixtures("aws")
def test_a_queue_that_is_not_there_is_one_sentence(run: Any) -> None:
    url = "https://sqs.us-east-1.amazonaws.com/222222222222/nowhere"
    answer = run("logs", "tail", "--queue-url", url)
    assert answer.exit_code == 1
    assert answer.stderr.startswith(f"Error: there is no queue {url}: check --queue-url")


@pytest.mark.parametrize(
    ("url", "region", "account_id"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/222222222222/log-files", "eu-west-1", B),
        ("https://eu-west-1.queue.amazonaws.com/222222222222/log-files", "eu-west-1", B),
        ("https://sqs.cn-north-1.amazonaws.com.cn/222222222222/log-files", "cn-north-1", B),
        ("http://localhost:4566/222222222222/log-files", None, B),
        ("http://localhost:9324/queue/log-files", None, None),
    ],
)
def test_a_queue_s_url_names_its_region_and_account(url: str, region: str | None, account_id: str | None) -> None:
    assert (queue_region(url), queue_account(url)) == (region, account_id)
