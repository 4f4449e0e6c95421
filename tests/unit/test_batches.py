"""The whole function without AWS's permissions: real envelopes in, outcomes and a partial batch response out."""

import json
import threading
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from fakes import Context, Engine, MadeDeliverer, NearlyDone, RecordingReporter, make_deliverer
from samples import CENTRAL_BUCKET, SETTINGS, A, B, C, batch, cloudtrail_key, created, failed, subscription

from distributary import rounds
from distributary.batches import Deliverer
from distributary.copies import Copy
from distributary.events import Addressee, ObjectCreated
from distributary.messages import UndeliveredError
from distributary.queues import redelivery
from distributary.subscription_table import to_item

STRANGER = "444444444444"


@pytest.fixture
def made(aws: None) -> Iterator[MadeDeliverer]:  # noqa: ARG001 - it stands up what this needs
    with make_deliverer() as made:
        yield made


@pytest.fixture
def deliverer(made: MadeDeliverer) -> Deliverer:
    """One without a queue of its own, as with `sam local invoke`: what isn't done returns whole."""
    made.deliverer.queue = None
    return made.deliverer


@pytest.fixture
def engine(made: MadeDeliverer) -> Engine:
    return made.engine


@pytest.fixture
def reporter(made: MadeDeliverer) -> RecordingReporter:
    return made.reporter


def test_each_file_goes_to_its_owner(deliverer: Deliverer, engine: Engine, reporter: RecordingReporter) -> None:
    response = deliverer.handle(batch(created(cloudtrail_key(B)), created(cloudtrail_key(C))), Context())
    assert failed(response) == []
    assert {copy.bucket: copy.key for copy in engine.copies} == {
        f"owner-logs-{B}": cloudtrail_key(B),
        f"owner-logs-{C}": cloudtrail_key(C),
    }
    assert {(copy.bucket_owner, copy.source.owner) for copy in engine.copies} == {(B, A), (C, A)}
    assert reporter.outcomes == {"delivered": 2}


def test_a_repeated_event_is_already_delivered(deliverer: Deliverer, reporter: RecordingReporter) -> None:
    for _ in range(2):
        assert failed(deliverer.handle(batch(created(cloudtrail_key())), Context())) == []
    assert reporter.outcomes == {"delivered": 1, "already_delivered": 1}


def test_every_message_ends_as_one_outcome_and_only_failures_return(
    deliverer: Deliverer, engine: Engine, reporter: RecordingReporter
) -> None:
    def deny_one(copy: Copy) -> None:
        if copy.source.key == cloudtrail_key(C, 7):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CopyObject")
        if copy.source.key == cloudtrail_key(C, 8):
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "CopyObject")

    engine.trouble = deny_one
    response = deliverer.handle(
        batch(
            created(cloudtrail_key(B)),
            created(cloudtrail_key(C, 7)),
            created(cloudtrail_key(C, 8)),
            created(cloudtrail_key(STRANGER)),
            created(f"AWSLogs/{B}/Config/ConfigWritabilityCheckFile"),
            created("not/a/log/file"),
            created(f"AWSLogs/{B}/x/AWSLogs/{C}/f"),
            created(cloudtrail_key(B), bucket="another-bucket"),
            "{not json",
            "",
            "CloudTrail validation message.",
        ),
        Context(),
    )
    assert failed(response) == ["m1", "m8", "m9"]
    assert reporter.outcomes == {
        "delivered": 1,
        "failed": 3,
        "gone": 1,
        "unsubscribed": 1,
        "ignored": 2,
        "unroutable": 2,
        "refused": 1,
    }
    assert all(result.reason for result in reporter.results if result.outcome != "delivered")


def test_one_of_two_subscriptions_failing_does_not_keep_the_other_waiting(
    deliverer: Deliverer, engine: Engine, reporter: RecordingReporter
) -> None:
    both = [
        subscription(B, name="broken", copy_to={"bucket": "broken", "region": "us-east-1"}),
        subscription(B, name="good", copy_to={"bucket": "good", "region": "us-east-1"}),
    ]
    boto3.client("dynamodb").put_item(TableName=SETTINGS.subscriptions_table, Item=to_item(B, both))

    def deny(copy: Copy) -> None:
        if copy.bucket == "broken":
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "no"}}, "CopyObject")

    engine.trouble = deny
    assert failed(deliverer.handle(batch(created(cloudtrail_key(B))), Context())) == ["m0"]
    assert [copy.bucket for copy in engine.copies] == ["good"]
    [result] = reporter.results
    assert (result.outcome, result.fault) == ("failed", "receiver_broken")
    assert result.reason is not None
    assert result.reason.startswith("broken: ")


def test_a_batch_is_delivered_concurrently(deliverer: Deliverer, engine: Engine) -> None:
    together = threading.Barrier(8, timeout=10)  # raises unless eight copies are under way at once

    def wait_for_the_others(_: Copy) -> None:
        together.wait()

    engine.trouble = wait_for_the_others
    assert failed(deliverer.handle(batch(*(created(cloudtrail_key(B, n)) for n in range(8))), Context())) == []


def test_no_work_is_started_near_the_deadline_and_the_rest_goes_back(
    deliverer: Deliverer, engine: Engine, reporter: RecordingReporter
) -> None:
    event = batch(*(created(cloudtrail_key(B, n)) for n in range(3)))
    assert failed(deliverer.handle(event, Context(9_000))) == ["m0", "m1", "m2"]
    assert engine.copies == []
    assert {result.fault for result in reporter.results} == {"out_of_time"}


def test_a_copy_that_hangs_is_given_up_on_before_the_function_is_killed(deliverer: Deliverer, engine: Engine) -> None:
    release = threading.Event()

    def hang(copy: Copy) -> None:
        if copy.bucket_owner == C:
            release.wait(30)

    engine.trouble = hang
    try:
        hanging = [created(cloudtrail_key(C, number)) for number in range(SETTINGS.concurrency)]
        event = batch(*hanging)
        context = NearlyDone()
        assert len(failed(deliverer.handle(event, context))) == SETTINGS.concurrency
        # What hung has kept its threads; the next invocation has its own.
        assert failed(deliverer.handle(batch(created(cloudtrail_key(B, 1))), Context())) == []
    finally:
        release.set()


def test_an_unreadable_table_fails_the_files_not_the_function(
    deliverer: Deliverer, reporter: RecordingReporter
) -> None:
    boto3.client("dynamodb").delete_table(TableName=SETTINGS.subscriptions_table)
    event = batch(created(cloudtrail_key(B)), created("not/a/log/file"))
    assert failed(deliverer.handle(event, Context())) == ["m0"]
    assert reporter.outcomes == {"failed": 1, "unroutable": 1}
    assert {result.fault for result in reporter.results} == {None, "misconfigured"}


def test_a_malformed_item_fails_its_owners_files_only(deliverer: Deliverer) -> None:
    boto3.client("dynamodb").put_item(TableName=SETTINGS.subscriptions_table, Item={"scope": {"S": B}})
    event = batch(created(cloudtrail_key(B)), created(cloudtrail_key(C)))
    assert failed(deliverer.handle(event, Context())) == ["m0"]


def test_an_empty_batch_is_answered(deliverer: Deliverer) -> None:
    assert deliverer.handle({"Records": []}, Context()) is not None


def test_a_direct_invocation_answers_with_its_counts(deliverer: Deliverer) -> None:
    assert deliverer.handle(created(cloudtrail_key()), Context()) == {"outcomes": {"delivered": 1}}


def test_a_direct_invocation_with_a_failure_raises_so_that_lambda_repeats_it(
    deliverer: Deliverer, engine: Engine
) -> None:
    def deny(_: Copy) -> None:
        raise ClientError({"Error": {"Code": "SlowDown", "Message": "later"}}, "CopyObject")

    engine.trouble = deny
    with pytest.raises(UndeliveredError, match="1 of 1 failed"):
        deliverer.handle(created(cloudtrail_key()), Context())


def test_a_direct_invocation_that_nobody_can_read_does_not_raise(deliverer: Deliverer) -> None:
    assert deliverer.handle({"hello": "world"}, Context()) == {"outcomes": {"failed": 1}}


def test_an_expired_session_is_asked_for_anew(deliverer: Deliverer, engine: Engine) -> None:
    seen: list[int] = []

    def expire_first(_: Copy) -> None:
        seen.append(len(seen))
        if len(seen) == 1:
            raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "no"}}, "CopyObject")

    engine.trouble = expire_first
    event = batch(created(cloudtrail_key()))
    first = deliverer.carrier._sessions.credentials(subscription(B))
    assert failed(deliverer.handle(event, Context())) == ["m0"]
    assert failed(deliverer.handle(event, Context())) == []
    assert deliverer.carrier._sessions.credentials(subscription(B)) is not first


def test_a_file_announced_for_a_subscription_younger_than_the_cache_is_delivered(
    deliverer: Deliverer, engine: Engine
) -> None:
    key = cloudtrail_key(STRANGER)
    assert failed(deliverer.handle(batch(created(key)), Context())) == []  # that nobody is subscribed is remembered now
    item = to_item(STRANGER, [subscription(STRANGER)])
    boto3.client("dynamodb").put_item(TableName=SETTINGS.subscriptions_table, Item=item)
    addressee = Addressee(subscription(STRANGER).name, STRANGER)
    body = redelivery(ObjectCreated(CENTRAL_BUCKET, key), [addressee])
    assert failed(deliverer.handle(batch(body), Context())) == []
    assert [copy.key for copy in engine.copies] == [key]


def test_a_mistake_of_ours_returns_the_whole_batch(deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda takes a function that raises for one that has done nothing."""
    monkeypatch.setattr(rounds, "Ended", None)
    with pytest.raises(TypeError):
        deliverer.handle(batch(*(created(cloudtrail_key(B, number)) for number in range(150))), Context())


def test_what_the_time_did_not_suffice_to_read_returns(
    deliverer: Deliverer, reporter: RecordingReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table hangs: one message has a file that ended at once, and all are handed back, each file counted."""
    release = threading.Event()
    monkeypatch.setattr(deliverer.table, "read", lambda _: release.wait(30))
    forged = f"AWSLogs/{A}/AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/log.json.gz"
    both = json.dumps({"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": [forged, cloudtrail_key(B)]})
    event = batch(both, *(created(cloudtrail_key(C, number)) for number in range(150)))
    try:
        assert len(failed(deliverer.handle(event, NearlyDone()))) == 151
    finally:
        release.set()
    assert reporter.outcomes == {"refused": 1, "failed": 151}


def test_a_mistake_counts_even_where_something_else_hangs(
    deliverer: Deliverer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hang(copy: Copy) -> None:
        if copy.bucket_owner == C:
            release.wait(30)

    engine.trouble = hang
    monkeypatch.setattr(rounds, "Ended", None)
    try:
        with pytest.raises(TypeError):
            deliverer.handle(batch(created(cloudtrail_key(B)), created(cloudtrail_key(C))), NearlyDone())
    finally:
        release.set()
