"""Against botocore's model of SNS; what topics' policies allow is integration tests' business."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from samples import B

from distributary.credentials import SessionCredentials
from distributary.faults import Fault, classify
from distributary.keys import LogFile
from distributary.notifications import DeliveredObject, attributes, message
from distributary.publishing import Notification
from distributary.sdk.publishing import SdkPublisher
from distributary.subscriptions import Format, NotifyTarget

CREDENTIALS = SessionCredentials("AKIAEXAMPLE", "secret", None)
TOPIC = NotifyTarget("arn:aws:sns:us-east-1:222222222222:log-files")
NOTIFICATIONS = [
    Notification(f"message {n}", {"account_id": {"DataType": "String", "StringValue": "222222222222"}})
    for n in range(3)
]


@pytest.fixture
def publisher() -> SdkPublisher:
    return SdkPublisher(connections=1)


@pytest.fixture
def sns(publisher: SdkPublisher) -> Iterator[Stubber]:
    with Stubber(publisher.client("us-east-1")) as stubber:
        yield stubber


def test_several_go_out_in_one_request_signed_by_the_delivery_session(aws: None) -> None:  # noqa: ARG001
    sqs, topic = boto3.client("sqs"), boto3.client("sns").create_topic(Name="log-files")["TopicArn"]
    queue = sqs.create_queue(QueueName="siem")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    publisher, sent = SdkPublisher(connections=1), list[Any]()
    publisher.client("us-east-1").meta.events.register("before-send.sns", lambda request, **_: sent.append(request))
    assert publisher.publish(NotifyTarget(topic), NOTIFICATIONS, CREDENTIALS) == [None, None, None]
    [request] = sent
    assert b"Credential=AKIAEXAMPLE/" in request.headers["Authorization"]
    got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
    assert {message["Body"] for message in got} == {"message 0", "message 1", "message 2"}
    assert got[0]["MessageAttributes"]["account_id"]["StringValue"] == "222222222222"


def test_each_entrys_failure_is_its_own(publisher: SdkPublisher, sns: Stubber) -> None:
    sns.add_response(
        "publish_batch",
        {
            "Successful": [{"Id": "0", "MessageId": "m0"}],
            "Failed": [{"Id": "1", "Code": "Throttled", "SenderFault": False, "Message": "later"}],
        },
    )
    none, throttled, unnamed = publisher.publish(TOPIC, NOTIFICATIONS, CREDENTIALS)
    assert none is None
    assert throttled is not None
    assert classify(throttled) is Fault.THROTTLED
    assert unnamed is not None  # an entry that the answer forgets is not taken for published
    assert classify(unnamed) is Fault.TRANSIENT


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("NotFound", Fault.RECEIVER_BROKEN),
        ("AuthorizationError", Fault.RECEIVER_BROKEN),
        ("KMSDisabled", Fault.RECEIVER_BROKEN),
        ("KMSAccessDenied", Fault.RECEIVER_BROKEN),
        ("KMSThrottling", Fault.THROTTLED),
        ("Throttled", Fault.THROTTLED),
        ("InternalError", Fault.TRANSIENT),
        ("InvalidParameter", Fault.MISCONFIGURED),
    ],
)
def test_a_refused_request_is_classed_by_its_code(
    publisher: SdkPublisher, sns: Stubber, code: str, fault: Fault
) -> None:
    sns.add_client_error("publish_batch", code, http_status_code=400)
    with pytest.raises(ClientError) as raised:
        publisher.publish(TOPIC, NOTIFICATIONS, CREDENTIALS)
    assert classify(raised.value) is fault


@pytest.mark.parametrize("form", list(Format))
def test_ten_of_the_longest_notifications_fit_into_one_request(form: Format) -> None:
    longest = DeliveredObject(
        bucket="b" * 63,
        key="☃" * 341,  # 1,023 bytes
        region="ap-northeast-1",
        account_id=B,
        partition="aws-us-gov",
        size=5 * 1024**4,
        etag="e" * 40,
        version_id="v" * 1024,
        time=datetime(2026, 11, 21, tzinfo=UTC),
        copied=True,
    )
    told = attributes(LogFile(longest.key, B, "t" * 900, "ap-northeast-1"))
    assert 10 * (len(message(form, longest)) + len(json.dumps(told))) < 256 * 1024
