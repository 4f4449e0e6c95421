"""Each of the programs in docs/notifications.md reads what we publish, and refuses what the table there says."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from delivered import CENTRAL, COPY, USUAL_KEYS, any_key, from_sns_to_lambda, from_sns_to_sqs, from_sns_to_sqs_raw
from hypothesis import given
from siems import RefusedError, datadog, elastic, falco, graylog, logstash, panther, splunk, vector, wazuh

from distributary.notifications import DeliveredObject, message
from distributary.subscriptions import Format

S3, CLOUDTRAIL, EVENTBRIDGE = Format.S3, Format.CLOUDTRAIL, Format.EVENTBRIDGE
PINNED = {"IfMatch": COPY.etag, "VersionId": COPY.version_id}
usual_keys = pytest.mark.parametrize("key", USUAL_KEYS)
not_s3 = pytest.mark.parametrize("form", [CLOUDTRAIL, EVENTBRIDGE])
not_cloudtrail = pytest.mark.parametrize("form", [S3, EVENTBRIDGE])


def raw(form: Format, key: str = COPY.key, of: DeliveredObject = COPY) -> Any:
    """The body of the message in the queue, with raw message delivery."""
    return json.loads(from_sns_to_sqs_raw(message(form, replace(of, key=key)))["Records"][0]["body"])


def wrapped(form: Format, key: str = COPY.key, of: DeliveredObject = COPY) -> Any:
    """The same without: SNS's envelope."""
    return json.loads(from_sns_to_sqs(message(form, replace(of, key=key)))["Records"][0]["body"])


either = pytest.mark.parametrize("body", [raw, wrapped])
Body = Callable[..., Any]


@either
@given(any_key)
def test_elastic_reads_s3_events_raw_or_wrapped_and_decodes_any_key(body: Body, key: str) -> None:
    assert elastic(body(S3, key)) == [(COPY.region, COPY.bucket, key)]


@either
@not_s3
def test_elastic_deletes_other_formats(body: Body, form: Format) -> None:
    with pytest.raises(RefusedError, match="deletes"):
        elastic(body(form))


@either
@given(any_key)
def test_splunk_reads_an_s3_event_and_asks_for_just_this_object(body: Body, key: str) -> None:
    assert splunk(body(S3, key)) == [(COPY.bucket, key, PINNED)]


@either
@usual_keys
def test_splunk_reads_an_eventbridge_event_with_usual_keys(body: Body, key: str) -> None:
    assert splunk(body(EVENTBRIDGE, key)) == [(COPY.bucket, key, PINNED)]


def test_splunk_decodes_the_plain_key_of_an_eventbridge_event() -> None:
    assert splunk(raw(EVENTBRIDGE, "a+b%20c")) == [(COPY.bucket, "a b c", PINNED)]


@either
@given(any_key)
def test_splunk_reads_cloudtrail_s_format_and_asks_for_whatever_version_there_is(body: Body, key: str) -> None:
    assert splunk(body(CLOUDTRAIL, key)) == [(COPY.bucket, key, {})]


@pytest.mark.parametrize("form", [S3, EVENTBRIDGE])
def test_splunk_passes_over_empty_files(form: Format) -> None:
    assert splunk(raw(form, of=replace(COPY, size=0))) == []


@either
@given(any_key)
def test_vector_reads_s3_events_raw_or_wrapped_in_the_bucket_s_region(body: Body, key: str) -> None:
    assert vector(json.dumps(body(S3, key), separators=(",", ":")), COPY.region) == [(COPY.bucket, key)]


@either
def test_vector_refuses_another_region_than_its_own(body: Body) -> None:
    with pytest.raises(RefusedError, match="Region"):
        vector(json.dumps(body(S3)), "us-east-1")
    assert vector(json.dumps(body(S3, of=replace(COPY, region="us-east-1"))), "us-east-1")


@either
@not_s3
def test_vector_refuses_other_formats(body: Body, form: Format) -> None:
    with pytest.raises(RefusedError, match="neither"):
        vector(json.dumps(body(form), separators=(",", ":")), COPY.region)


@given(any_key)
def test_datadog_s_forwarder_reads_s3_events_from_sns(key: str) -> None:
    assert datadog(from_sns_to_lambda(message(S3, replace(COPY, key=key)))) == (COPY.bucket, key)


@not_s3
def test_datadog_s_forwarder_takes_other_formats_for_logs(form: Format) -> None:
    with pytest.raises(RefusedError, match="as a log"):
        datadog(from_sns_to_lambda(message(form, COPY)))


@pytest.mark.parametrize("of", [COPY, CENTRAL])
def test_who_reads_only_the_first_record_misses_none(of: DeliveredObject) -> None:
    """Datadog's forwarder and Wazuh."""
    assert len(raw(S3, of=of)["Records"]) == 1
    assert len(raw(CLOUDTRAIL, of=of)["s3ObjectKey"]) == 1


@given(any_key)
def test_panther_reads_s3_events_wrapped_and_takes_no_plus_for_a_space(key: str) -> None:
    assert panther(wrapped(S3, key)) == [(COPY.bucket, key)]


@given(any_key)
def test_panther_reads_cloudtrail_s_format_wrapped(key: str) -> None:
    assert panther(wrapped(CLOUDTRAIL, key)) == [(COPY.bucket, key)]


@pytest.mark.parametrize("form", list(Format))
def test_panther_refuses_what_is_raw(form: Format) -> None:
    with pytest.raises(RefusedError, match="envelope"):
        panther(raw(form))


def test_panther_refuses_eventbridge_events() -> None:
    with pytest.raises(RefusedError, match="known type"):
        panther(wrapped(EVENTBRIDGE))


@usual_keys
@pytest.mark.parametrize(("form", "use_s3_sns"), [(S3, True), (CLOUDTRAIL, False)])
def test_falco_reads_either_format_wrapped_as_it_is_told(form: Format, use_s3_sns: bool, key: str) -> None:
    assert falco(wrapped(form, key), use_s3_sns=use_s3_sns) == [(COPY.bucket, key)]


def test_falco_decodes_nothing() -> None:
    assert falco(wrapped(S3, "a b"), use_s3_sns=True) == [(COPY.bucket, "a%20b")]
    assert falco(wrapped(CLOUDTRAIL, "a b"), use_s3_sns=False) == [(COPY.bucket, "a b")]


@pytest.mark.parametrize("use_s3_sns", [True, False])
@pytest.mark.parametrize("form", list(Format))
def test_falco_refuses_what_is_raw(form: Format, use_s3_sns: bool) -> None:
    with pytest.raises(RefusedError, match="envelope"):
        falco(raw(form), use_s3_sns=use_s3_sns)


@pytest.mark.parametrize(
    ("form", "use_s3_sns"), [(S3, False), (CLOUDTRAIL, True), (EVENTBRIDGE, True), (EVENTBRIDGE, False)]
)
def test_falco_finds_no_file_in_another_format_than_it_is_told(form: Format, use_s3_sns: bool) -> None:
    assert falco(wrapped(form), use_s3_sns=use_s3_sns) == []


@given(any_key)
def test_wazuh_reads_s3_events_raw_and_takes_no_plus_for_a_space(key: str) -> None:
    assert wazuh(raw(S3, key)) == (COPY.bucket, key)


def test_wazuh_leaves_what_is_wrapped_in_the_queue() -> None:
    with pytest.raises(RefusedError, match="leaves"):
        wazuh(wrapped(S3))


@not_s3
def test_wazuh_leaves_other_formats_in_the_queue(form: Format) -> None:
    with pytest.raises(RefusedError, match="leaves"):
        wazuh(raw(form))


@pytest.mark.parametrize(("body", "from_sns"), [(wrapped, True), (raw, False)])
@given(any_key)
def test_logstash_reads_s3_events_wrapped_or_raw_as_it_is_told(body: Body, from_sns: bool, key: str) -> None:
    assert logstash(body(S3, key), from_sns=from_sns) == [(COPY.bucket, key)]


@pytest.mark.parametrize(("body", "from_sns"), [(wrapped, False), (raw, True)])
def test_logstash_refuses_the_one_that_it_is_not_told(body: Body, from_sns: bool) -> None:
    with pytest.raises(RefusedError):
        logstash(body(S3), from_sns=from_sns)


@pytest.mark.parametrize(("body", "from_sns"), [(wrapped, True), (raw, False)])
@not_s3
def test_logstash_returns_other_formats_to_the_queue(body: Body, from_sns: bool, form: Format) -> None:
    with pytest.raises(RefusedError, match="returns"):
        logstash(body(form), from_sns=from_sns)


@given(any_key)
def test_graylog_reads_cloudtrail_s_format_wrapped_with_its_plain_key(key: str) -> None:
    assert graylog(wrapped(CLOUDTRAIL, key)) == [(COPY.bucket, key)]


@not_cloudtrail
def test_graylog_passes_over_other_formats(form: Format) -> None:
    assert graylog(wrapped(form)) == []


@pytest.mark.parametrize("form", list(Format))
def test_graylog_passes_over_what_is_raw(form: Format) -> None:
    assert graylog(raw(form)) == []


@pytest.mark.parametrize(
    "program",
    [elastic, splunk, partial(logstash, from_sns=False), lambda body: vector(json.dumps(body), CENTRAL.region)],
    ids=["Elastic", "Splunk", "Logstash", "Vector"],
)
def test_a_central_object_passes_for_an_object_created_too(program: Callable[[Any], list[Any]]) -> None:
    """What these check of the event's name holds for both names."""
    [found] = program(raw(S3, of=CENTRAL))
    assert {CENTRAL.bucket, CENTRAL.key} <= {one for one in found if isinstance(one, str)}
