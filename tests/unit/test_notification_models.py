"""Powertools' strict models and its data classes read each format, bare and in SNS's and SQS's envelopes."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import (
    S3EventBridgeNotificationEvent,
    SNSEvent,
    SQSEvent,
)
from aws_lambda_powertools.utilities.data_classes.s3_event import S3Event
from aws_lambda_powertools.utilities.parser.envelopes import SnsEnvelope, SnsSqsEnvelope, SqsEnvelope
from aws_lambda_powertools.utilities.parser.models import (
    S3EventNotificationEventBridgeModel,
    S3Model,
    S3SqsEventNotificationModel,
    SnsModel,
    SqsModel,
)
from delivered import CENTRAL, COPY, from_sns_to_lambda, from_sns_to_sqs, from_sns_to_sqs_raw
from pydantic import BaseModel

from distributary.notifications import DeliveredObject, message
from distributary.subscriptions import Format


class CloudTrailModel(BaseModel, extra="forbid"):
    """Powertools has none of it."""

    s3Bucket: str  # noqa: N815 - CloudTrail's spelling
    s3ObjectKey: list[str]  # noqa: N815


MODELS: dict[Format, type[BaseModel]] = {
    Format.S3: S3Model,
    Format.CLOUDTRAIL: CloudTrailModel,
    Format.EVENTBRIDGE: S3EventNotificationEventBridgeModel,
}
each_format = pytest.mark.parametrize("form", list(Format))
each_object = pytest.mark.parametrize(
    "delivered", [COPY, CENTRAL, replace(COPY, version_id=None), replace(COPY, key="a b+c%20é", size=0)]
)


@each_object
@each_format
def test_the_strict_models_read_the_bare_message(form: Format, delivered: DeliveredObject) -> None:
    MODELS[form].model_validate_json(message(form, delivered))


@pytest.mark.parametrize(
    ("envelope", "wrap"),
    [
        (SnsSqsEnvelope(), from_sns_to_sqs),
        (SqsEnvelope(), from_sns_to_sqs_raw),
        (SnsEnvelope(), from_sns_to_lambda),
    ],
)
@each_format
def test_the_strict_models_read_it_in_every_envelope(
    form: Format, envelope: Any, wrap: Callable[[str], dict[str, Any]]
) -> None:
    [parsed] = envelope.parse(wrap(message(form, COPY)), MODELS[form])
    assert parsed == MODELS[form].model_validate_json(message(form, COPY))


@each_format
def test_the_envelopes_themselves_are_as_the_models_want_them(form: Format) -> None:
    text = message(form, COPY)
    assert SqsModel.model_validate(from_sns_to_sqs_raw(text)).Records[0].body == text
    assert SnsModel.model_validate(from_sns_to_lambda(text)).Records[0].Sns.Message == text


def test_the_model_of_s3_to_sqs_reads_an_s3_event_delivered_raw() -> None:
    parsed = S3SqsEventNotificationModel.model_validate(from_sns_to_sqs_raw(message(Format.S3, COPY)))
    [record] = parsed.Records[0].body.Records
    assert record.s3.object is not None
    assert (record.s3.bucket.name, record.s3.object.key) == (COPY.bucket, COPY.key)
    assert (record.s3.object.size, record.s3.object.eTag) == (COPY.size, COPY.etag)
    assert record.s3.object.versionId == COPY.version_id
    assert (record.eventTime, record.awsRegion) == (COPY.time, COPY.region)


def test_the_model_of_eventbridge_reads_every_field() -> None:
    event = S3EventNotificationEventBridgeModel.model_validate_json(message(Format.EVENTBRIDGE, COPY))
    assert (event.account, event.region) == (COPY.account_id, COPY.region)
    assert (event.detail.bucket.name, event.detail.object.key) == (COPY.bucket, COPY.key)
    assert (event.detail.object.size, event.detail.object.etag) == (COPY.size, COPY.etag)
    assert event.detail.object.version_id == COPY.version_id
    assert event.detail.reason == "CopyObject"


@pytest.mark.parametrize("wrap", [from_sns_to_sqs, from_sns_to_sqs_raw])
def test_the_data_classes_read_an_s3_event_from_sqs(wrap: Callable[[str], dict[str, Any]]) -> None:
    [record] = SQSEvent(wrap(message(Format.S3, COPY))).records
    if wrap is from_sns_to_sqs:
        s3_event = S3Event(json.loads(record.decoded_nested_sns_event.message))
    else:
        s3_event = record.decoded_nested_s3_event
    assert (s3_event.bucket_name, s3_event.object_key) == (COPY.bucket, COPY.key)
    assert s3_event.record.event_name == "ObjectCreated:Copy"
    assert s3_event.record.s3.get_object.version_id == COPY.version_id


def test_the_data_classes_read_an_s3_event_from_sns() -> None:
    event = SNSEvent(from_sns_to_lambda(message(Format.S3, replace(COPY, key="a b+c%é"))))
    assert S3Event(json.loads(event.sns_message)).object_key == "a b+c%é"


def test_the_data_classes_read_an_eventbridge_event() -> None:
    event = S3EventBridgeNotificationEvent(json.loads(message(Format.EVENTBRIDGE, COPY)))
    assert event.detail_type == "Object Created"
    assert (event.detail.bucket.name, event.detail.object.key) == (COPY.bucket, COPY.key)
    assert (event.detail.object.size, event.detail.object.etag) == (COPY.size, COPY.etag)
    assert event.detail.requester == COPY.account_id
