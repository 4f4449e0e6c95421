"""Several receivers of one log file, and notifications: each delivery has its own fate, and what is done stays done."""

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from fakes import Context, MadeDeliverer, NearlyDone, make_deliverer
from samples import CENTRAL_BUCKET, SETTINGS, A, B, C, Z, batch, cloudtrail_key, created, failed, plain_subscription

from distributary.breakers import OPENS_AFTER
from distributary.copies import Copy
from distributary.events import Addressee, ObjectCreated
from distributary.messages import UndeliveredError
from distributary.publishing import Notification
from distributary.queues import redelivery
from distributary.subscription_forms import from_mapping
from distributary.subscription_table import to_item
from distributary.subscriptions import ALL

AUDITOR = plain_subscription(Z, name="auditor", scope="all", copy_to={"bucket": "audit", "region": "us-east-1"})
TOPIC = f"arn:aws:sns:us-east-1:{Z}:log-files"


def third_party(name: str, *, copies: bool = True, notifies: bool = False, **changes: Any) -> dict[str, Any]:
    plain = AUDITOR | {"name": name, "copy_to": {"bucket": name, "region": "us-east-1"}} | changes
    if notifies:
        plain["notify"] = {"topic_arn": TOPIC}
    if not copies:
        del plain["copy_to"]
    return plain


def refuse(code: str, operation: str = "CopyObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class World:
    """The fan-out with the third parties that a test subscribes."""

    def __init__(self, made: MadeDeliverer) -> None:
        self.made = made

    def subscribe(self, *plain: dict[str, Any]) -> None:
        item = to_item(ALL, [from_mapping(one) for one in plain])
        boto3.client("dynamodb").put_item(TableName=SETTINGS.subscriptions_table, Item=item)

    def handle(self, *bodies: Any, context: Context | None = None) -> list[str]:
        return failed(self.made.deliverer.handle(batch(*bodies), context or Context()))

    def break_bucket(self, bucket: str, code: str = "AccessDenied") -> None:
        def deny(copy: Copy) -> None:
            if copy.bucket == bucket:
                raise refuse(code)

        self.made.engine.trouble = deny

    def mend(self) -> None:
        self.made.engine.trouble = lambda _: None
        self.made.topic.trouble = lambda asked: [None] * len(asked)

    @property
    def buckets(self) -> list[str]:
        return sorted(copy.bucket for copy in self.made.engine.copies)

    @property
    def announced(self) -> list[str]:
        return [json.loads(body)["Records"][0]["s3"]["object"]["key"] for body in self.made.topic.messages]


@pytest.fixture
def world(aws: None) -> Iterator[World]:  # noqa: ARG001 - it stands up what this needs
    with make_deliverer(scope_of=lambda _: ALL) as made:
        yield World(made)


def test_every_third_party_gets_every_owners_files(world: World) -> None:
    world.subscribe(third_party("one"), third_party("two"))
    assert world.handle(*(created(cloudtrail_key(owner)) for owner in (A, B, C))) == []
    assert world.buckets == ["one"] * 3 + ["two"] * 3
    assert world.made.reporter.outcomes == {"delivered": 3}


def test_nobody_subscribed_is_an_outcome(world: World) -> None:
    assert world.handle(created(cloudtrail_key())) == []
    [result] = world.made.reporter.results
    assert (result.outcome, result.reason) == ("unsubscribed", "no third party subscribed")


def test_what_one_has_is_not_delivered_again_for_the_others_sake(world: World) -> None:
    world.subscribe(third_party("good", notifies=True), third_party("broken", notifies=True))
    world.break_bucket("broken")
    assert world.handle(created(cloudtrail_key())) == []  # what is left of the message replaces it
    assert (world.buckets, len(world.announced)) == (["good"], 1)
    [first] = world.made.reporter.results
    assert (first.outcome, first.deliveries) == ("failed", (f"s3://good/{cloudtrail_key()}", TOPIC))

    world.mend()
    [left] = world.made.queue.sent
    assert world.handle(left.body) == []
    assert (world.buckets, len(world.announced)) == (["broken", "good"], 2)
    assert world.made.reporter.outcomes == {"failed": 1, "delivered": 1}


def test_a_message_whose_rest_cannot_be_sent_returns_whole(world: World) -> None:
    world.subscribe(third_party("good"), third_party("broken"))
    world.break_bucket("broken")
    world.made.queue.is_broken = True
    assert world.handle(created(cloudtrail_key(B)), created(cloudtrail_key(C))) == ["m0", "m1"]


def test_two_faults_of_one_file_rest_each_as_long_as_it_should(world: World) -> None:
    world.subscribe(third_party("broken"), third_party("busy"))

    def refuse_both(copy: Copy) -> None:
        raise refuse("AccessDenied" if copy.bucket == "broken" else "SlowDown")

    world.made.engine.trouble = refuse_both
    late = created(cloudtrail_key()) | {"distributary": {"subscriptions": [], "attempts": 12}}
    assert world.handle(late) == []
    sent = world.made.queue.sent
    delays = {json.loads(one.body)["distributary"]["subscriptions"][0]: one.delay_seconds for one in sent}
    assert delays["busy"] <= 300 < 450 <= delays["broken"]


def test_of_several_files_in_a_message_only_the_failed_ones_come_back(world: World) -> None:
    world.subscribe(third_party("one"))

    def deny_c(copy: Copy) -> None:
        if C in copy.key:
            raise refuse("SlowDown")

    world.made.engine.trouble = deny_c
    keys = [cloudtrail_key(owner) for owner in (A, B, C)]
    assert world.handle({"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": keys}) == []
    world.mend()
    [left] = world.made.queue.sent
    assert world.handle(left.body) == []
    assert world.made.reporter.outcomes == {"delivered": 3, "failed": 1}


def test_a_rest_whose_subscription_is_gone_is_nobodys(world: World) -> None:
    world.subscribe(third_party("one"))
    left = {"subscriptions": ["two"], "account_ids": [C]}
    assert world.handle(created(cloudtrail_key()) | {"distributary": left}) == []
    [result] = world.made.reporter.results
    assert (result.outcome, result.reason) == ("unsubscribed", "no longer subscribed: two")


def refuse_publishing(_: Sequence[Notification]) -> list[Exception | None]:
    raise refuse("Throttled", "PublishBatch")


def test_a_rest_finds_its_subscription_under_another_name(world: World) -> None:
    world.subscribe(third_party("one", notifies=True))
    world.made.topic.trouble = refuse_publishing
    world.handle(created(cloudtrail_key()))
    assert (world.buckets, world.announced) == (["one"], [])

    world.mend()
    [left] = world.made.queue.sent
    other = plain_subscription(C, name="other", scope="all", copy_to={"bucket": "other", "region": "us-east-1"})
    world.subscribe(third_party("one", notifies=True) | {"name": "renamed"}, other)
    world.made.deliverer.table.read([ALL], afresh=True)  # the old one is remembered for a minute
    assert world.handle(left.body) == []
    assert ({*world.buckets}, world.announced) == ({"one"}, [cloudtrail_key()])
    assert world.made.reporter.results[-1].subscriptions == ("renamed",)


def test_a_rest_of_an_older_version_knows_its_subscription_by_name_only(world: World) -> None:
    world.subscribe(third_party("one"), third_party("two"))
    left = created(cloudtrail_key()) | {"distributary": {"subscriptions": ["one"], "attempts": 1, "since": 0}}
    assert world.handle(left) == []
    assert world.buckets == ["one"]


def test_one_malformed_third_party_is_nobody_elses_trouble(world: World) -> None:
    item = to_item(ALL, [from_mapping(third_party(name, notifies=True)) for name in ("good", "bad")])
    item["subscriptions"]["L"][1]["M"]["later_field"] = {"S": "x"}
    boto3.client("dynamodb").put_item(TableName=SETTINGS.subscriptions_table, Item=item)
    assert world.handle(created(cloudtrail_key())) == []
    assert (world.buckets, len(world.announced)) == (["good"], 1)
    [result] = world.made.reporter.results
    assert (result.outcome, result.fault, result.deliveries) == (
        "failed",
        "misconfigured",
        (f"s3://good/{cloudtrail_key()}", TOPIC),
    )
    assert str(result.reason).startswith("bad of third parties in the table is malformed (later_field")

    [left] = world.made.queue.sent
    assert world.handle(left.body) == []  # nobody has mended it yet
    assert world.buckets == ["good"]
    assert world.made.reporter.outcomes == {"failed": 2}

    world.subscribe(third_party("good", notifies=True), third_party("bad", notifies=True))
    world.made.deliverer.table.read([ALL], afresh=True)
    assert world.handle(world.made.queue.sent[-1].body) == []
    assert (world.buckets, len(world.announced)) == (["bad", "good"], 2)
    assert world.made.reporter.outcomes == {"failed": 2, "delivered": 1}


def test_a_malformed_third_party_and_a_broken_one_come_back_each_by_itself(world: World) -> None:
    item = to_item(ALL, [from_mapping(third_party(name)) for name in ("broken", "bad")])
    item["subscriptions"]["L"][1]["M"]["later_field"] = {"S": "x"}
    boto3.client("dynamodb").put_item(TableName=SETTINGS.subscriptions_table, Item=item)
    world.break_bucket("broken", "SlowDown")
    assert world.handle(created(cloudtrail_key())) == []
    left = [json.loads(letter.body)["distributary"]["subscriptions"] for letter in world.made.queue.sent]
    assert left == [["broken"], ["bad"]]
    [result] = world.made.reporter.results
    assert result.fault == "throttled"
    assert "broken: " in str(result.reason)
    assert "bad of third parties" in str(result.reason)


def test_what_is_queued_again_is_announced_although_its_copy_is_there(world: World) -> None:
    world.subscribe(third_party("one", notifies=True), third_party("two", notifies=True))
    world.handle(created(cloudtrail_key()))
    anew = redelivery(ObjectCreated(CENTRAL_BUCKET, cloudtrail_key()), [Addressee("one", Z)])
    assert world.handle(anew) == []
    told = [json.loads(body)["Records"][0]["s3"] for body in world.made.topic.messages]
    first, again = (one for one in told if one["bucket"]["name"] == "one")
    assert (len(told), again) == (3, first)
    assert world.made.reporter.outcomes == {"delivered": 1, "already_delivered": 1}


def test_a_copy_that_is_gone_for_good_does_not_come_back(world: World) -> None:
    world.subscribe(third_party("one"), third_party("two"))
    world.break_bucket("two", "NoSuchKey")
    assert world.handle(created(cloudtrail_key())) == []
    assert world.made.queue.sent == []
    assert world.made.reporter.outcomes == {"gone": 1}


def test_ten_notifications_go_out_in_one_request(world: World) -> None:
    world.subscribe(third_party("one", notifies=True))
    assert world.handle(*(created(cloudtrail_key(B, number)) for number in range(23))) == []
    assert sorted(len(notifications) for _, notifications in world.made.topic.requests) == [3, 10, 10]
    assert sorted(world.announced) == [cloudtrail_key(B, number) for number in range(23)]


def test_a_notification_tells_of_the_copy(world: World) -> None:
    world.subscribe(third_party("one", notifies=True))
    world.handle(created(cloudtrail_key(), version_id="v1"))
    record = json.loads(world.made.topic.messages[0])["Records"][0]
    assert record["s3"]["bucket"]["name"] == "one"
    assert record["s3"]["object"]["eTag"] == "of-the-copy"
    assert record["s3"]["object"]["versionId"] == "v2"
    assert record["s3"]["object"]["size"] == 5
    assert world.made.engine.looks == []


@pytest.mark.parametrize(("etag", "looks"), [("of-the-copy", 0), ("of-what-it-was-before", 1)])
def test_where_no_versions_are_kept_another_etag_gives_away_another_size(world: World, etag: str, looks: int) -> None:
    world.subscribe(third_party("one", notifies=True))
    event = created(cloudtrail_key())
    event["detail"]["object"] |= {"etag": etag, "size": 5 if looks == 0 else 7}
    assert world.handle(event) == []
    record = json.loads(world.made.topic.messages[0])["Records"][0]
    assert record["s3"]["object"]["size"] == 5
    assert world.made.engine.looks == [f"copy {cloudtrail_key()}"] * looks


def test_without_a_copy_it_tells_of_the_central_object_as_the_event_does(world: World) -> None:
    world.subscribe(third_party("one", copies=False, notifies=True))
    assert world.handle(created(cloudtrail_key())) == []
    record = json.loads(world.made.topic.messages[0])["Records"][0]
    assert record["s3"]["bucket"]["name"] == CENTRAL_BUCKET
    assert record["s3"]["object"]["eTag"] == "b1946ac92492d2347c6235b4d2611184"
    assert (world.buckets, world.made.engine.looks) == ([], [])
    assert world.made.reporter.results[0].deliveries == (TOPIC,)


@pytest.mark.parametrize(("copies", "look"), [(True, "copy"), (False, "source")])
def test_what_the_event_does_not_say_is_looked_up(world: World, copies: bool, look: str) -> None:
    world.subscribe(third_party("one", copies=copies, notifies=True))
    cloudtrails_own = {"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": [cloudtrail_key()]}
    assert world.handle(cloudtrails_own) == []
    record = json.loads(world.made.topic.messages[0])["Records"][0]
    assert (record["s3"]["object"]["size"], record["s3"]["object"]["eTag"]) == (5, f"of-the-{look}")
    assert world.made.engine.looks == [f"{look} {cloudtrail_key()}"]


def test_a_failure_between_copy_and_notification_repeats_the_notification(world: World) -> None:
    world.subscribe(third_party("one", notifies=True))

    def refuse_all(_: Sequence[Notification]) -> list[Exception | None]:
        raise refuse("AuthorizationError", "PublishBatch")

    world.made.topic.trouble = refuse_all
    assert world.handle(created(cloudtrail_key(), version_id="v1")) == []
    assert world.made.reporter.results[0].fault == "receiver_broken"
    world.mend()
    [left] = world.made.queue.sent
    assert world.handle(left.body) == []
    assert world.announced == [cloudtrail_key()]
    assert world.made.engine.looks == [f"copy {cloudtrail_key()}"]
    assert world.made.reporter.outcomes == {"failed": 1, "delivered": 1}


def test_what_was_copied_is_announced_although_its_source_is_gone_since(world: World) -> None:
    world.subscribe(third_party("one", notifies=True))
    world.break_bucket("one", "NoSuchKey")
    assert world.handle(created(cloudtrail_key())) == []
    assert world.announced == [cloudtrail_key()]  # the fake has every copy that it is asked to find


def test_while_a_topic_refuses_retries_ask_nothing_of_s3(world: World) -> None:
    world.subscribe(third_party("one", notifies=True))

    def refuse_all(_: Sequence[Notification]) -> list[Exception | None]:
        raise refuse("AuthorizationError", "PublishBatch")

    world.made.topic.trouble = refuse_all
    for number in range(OPENS_AFTER):
        world.handle(created(cloudtrail_key(B, number)))
    asked = len(world.made.engine.copies)
    world.handle(*(letter.body for letter in list(world.made.queue.sent)))
    assert len(world.made.engine.copies) == asked
    # Its bucket refuses nothing, and new files go there.
    world.handle(created(cloudtrail_key(B, OPENS_AFTER)))
    assert len(world.made.engine.copies) == asked + 1


@pytest.mark.parametrize(("code", "asked"), [("AuthorizationError", OPENS_AFTER), ("Throttled", 2 * OPENS_AFTER)])
def test_a_topic_that_refuses_each_notification_is_asked_now_and_then(world: World, code: str, asked: int) -> None:
    world.subscribe(third_party("one", notifies=True))
    world.made.topic.trouble = lambda notifications: [refuse(code, "PublishBatch")] * len(notifications)
    for number in range(2 * OPENS_AFTER):
        world.handle(created(cloudtrail_key(B, number)))
    assert len(world.made.topic.requests) == asked


def test_each_notifications_failure_is_its_own(world: World) -> None:
    world.subscribe(third_party("one", notifies=True))
    unlucky = cloudtrail_key(B, 1)

    def refuse_one(asked: Sequence[Notification]) -> list[Exception | None]:
        return [refuse("Throttled", "PublishBatch") if unlucky in one.message else None for one in asked]

    world.made.topic.trouble = refuse_one
    assert world.handle(*(created(cloudtrail_key(B, number)) for number in range(3))) == []
    assert [json.loads(letter.body)["detail"]["object"]["key"] for letter in world.made.queue.sent] == [unlucky]


def test_nobodys_notification_waits_for_somebody_elses_copy(world: World) -> None:
    world.subscribe(third_party("quick", notifies=True), third_party("slow", notifies=True))
    quick_is_announced = threading.Event()

    def wait(copy: Copy) -> None:
        if copy.bucket == "slow":
            assert quick_is_announced.wait(10)

    def note(asked: Sequence[Notification]) -> list[Exception | None]:
        quick_is_announced.set()
        return [None] * len(asked)

    world.made.engine.trouble, world.made.topic.trouble = wait, note
    assert world.handle(created(cloudtrail_key())) == []
    assert world.made.reporter.outcomes == {"delivered": 1}


def test_a_copy_that_hangs_holds_no_notification_back(world: World) -> None:
    world.subscribe(third_party("one", notifies=True))
    announced = threading.Event()

    def hang_once(copy: Copy) -> None:
        if copy.key == cloudtrail_key(B, 8):
            assert announced.wait(10)

    def note(asked: Sequence[Notification]) -> list[Exception | None]:
        announced.set()
        return [None] * len(asked)

    world.made.engine.trouble, world.made.topic.trouble = hang_once, note
    assert world.handle(*(created(cloudtrail_key(B, number)) for number in range(9))) == []
    assert world.made.reporter.outcomes == {"delivered": 9}


def test_who_hangs_is_given_up_on_and_the_others_keep_what_they_have(world: World) -> None:
    world.subscribe(third_party("good", notifies=True), third_party("hanging"))
    release = threading.Event()

    def hang(copy: Copy) -> None:
        if copy.bucket == "hanging":
            release.wait(30)

    world.made.engine.trouble = hang
    try:
        assert world.handle(created(cloudtrail_key()), context=NearlyDone()) == []
    finally:
        release.set()
    [left] = world.made.queue.sent
    assert json.loads(left.body)["distributary"]["subscriptions"] == ["hanging"]
    assert world.made.reporter.results[0].fault == "out_of_time"


def test_a_direct_invocation_sends_nothing_and_raises(world: World) -> None:
    world.subscribe(third_party("good"), third_party("broken"))
    world.break_bucket("broken")
    with pytest.raises(UndeliveredError):
        world.made.deliverer.handle(created(cloudtrail_key()), Context())
    assert world.made.queue.sent == []


def test_two_subscriptions_of_one_name_both_end(world: World) -> None:
    """Only another tool than ours could write them; a file that never ended would be lost."""
    world.subscribe(third_party("same"), third_party("same", filters={"regions": ["us-east-1"]}))
    assert world.handle(created(cloudtrail_key())) == []
    assert len(world.made.reporter.results) == 1
