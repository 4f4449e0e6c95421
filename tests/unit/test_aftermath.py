"""What isn't done: it rests as long as its fault says, comes back alone, or goes to the dead letters with why."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from fakes import Context, MadeDeliverer, make_deliverer
from samples import CENTRAL_BUCKET, B, C, batch, cloudtrail_key, created, failed

from distributary.copies import Copy
from distributary.retries import FIRST_SECONDS, MAX_RECEIVES


@pytest.fixture
def made(aws: None) -> Iterator[MadeDeliverer]:  # noqa: ARG001 - it stands up what this needs
    with make_deliverer() as made:
        yield made


def break_c(made: MadeDeliverer, code: str = "AccessDenied") -> None:
    def deny(copy: Copy) -> None:
        if copy.bucket_owner == C:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "CopyObject")

    made.engine.trouble = deny


def test_a_failed_message_rests_and_a_delivered_one_does_not_come_back(made: MadeDeliverer) -> None:
    break_c(made)
    event = batch(created(cloudtrail_key(B)), created(cloudtrail_key(C)))
    assert failed(made.deliverer.handle(event, Context())) == ["m1"]
    [(handle, seconds)] = made.queue.postponed
    assert handle == "handle-1"
    assert FIRST_SECONDS // 2 <= seconds <= FIRST_SECONDS


def test_it_rests_longer_each_time(made: MadeDeliverer) -> None:
    break_c(made)
    for receives in (1, 4, 7):
        made.deliverer.handle(batch(created(cloudtrail_key(C)), receives=receives), Context())
    (_, first), (_, fourth), (_, seventh) = made.queue.postponed
    assert first < fourth < seventh <= 900


def test_throttling_rests_shorter_than_a_broken_receiver(made: MadeDeliverer) -> None:
    for code, longest in (("SlowDown", 300), ("AccessDenied", 900)):
        break_c(made, code)
        made.deliverer.handle(batch(created(cloudtrail_key(C)), receives=MAX_RECEIVES - 1), Context())
        assert longest // 2 <= made.queue.postponed[-1][1] <= longest


def test_a_message_that_cannot_rest_returns_all_the_same_and_says_so(made: MadeDeliverer) -> None:
    break_c(made)
    made.queue.is_broken = True
    assert failed(made.deliverer.handle(batch(created(cloudtrail_key(C))), Context())) == ["m0"]
    [(note, message_id, _)] = made.reporter.notes
    assert (note, message_id) == ("it rests for the queue's whole visibility timeout: broken", "m0")


def test_what_nobody_can_read_goes_to_the_dead_letters_at_once_with_why(made: MadeDeliverer) -> None:
    assert failed(made.deliverer.handle(batch("{not json", created(cloudtrail_key(B))), Context())) == []
    [letter] = made.queue.buried
    assert letter.body == "{not json"
    assert letter.attributes is not None
    assert letter.attributes["fault"] == "unreadable"
    assert "not JSON" in letter.attributes["reason"]
    assert made.queue.postponed == []


def test_after_too_many_receives_a_message_is_dead_with_its_last_reason(made: MadeDeliverer) -> None:
    break_c(made)
    event = batch(created(cloudtrail_key(C)), receives=MAX_RECEIVES)
    assert failed(made.deliverer.handle(event, Context())) == []
    [letter] = made.queue.buried
    assert json.loads(letter.body) == created(cloudtrail_key(C))
    assert letter.attributes is not None
    assert letter.attributes["fault"] == "receiver_broken"
    assert "AccessDenied" in letter.attributes["reason"]
    assert made.reporter.notes[0][0] == "dead letter"


def test_of_a_dead_message_only_what_is_left_is_buried(made: MadeDeliverer) -> None:
    break_c(made)
    body = {"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": [cloudtrail_key(owner) for owner in (B, C)]}
    made.deliverer.handle(batch(body, receives=MAX_RECEIVES), Context())
    [letter] = made.queue.buried
    assert json.loads(letter.body)["detail"]["object"]["key"] == cloudtrail_key(C)


def test_a_dead_message_that_cannot_be_buried_returns(made: MadeDeliverer) -> None:
    made.queue.is_broken = True
    assert failed(made.deliverer.handle(batch("{not json"), Context())) == ["m0"]


def test_what_there_was_no_time_for_comes_back_at_once(made: MadeDeliverer) -> None:
    event = batch(created(cloudtrail_key(B)))
    assert failed(made.deliverer.handle(event, Context(9_000))) == ["m0"]
    assert made.queue.postponed == [("handle-0", 0)]


def test_a_broken_receiver_is_not_asked_for_each_of_its_files(made: MadeDeliverer) -> None:
    asked: list[Copy] = []

    def deny(copy: Copy) -> None:
        if copy.bucket_owner == C:
            asked.append(copy)
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "no"}}, "CopyObject")

    made.engine.trouble = deny
    for first in range(0, 1000, 100):
        keys = [cloudtrail_key(owner, first + number) for number in range(50) for owner in (B, C)]
        response = made.deliverer.handle(batch(*(created(key) for key in keys)), Context())
        assert len(failed(response)) == 50
    # Those that were under way at once when it first refused, and no more.
    assert len(asked) <= made.deliverer.settings.concurrency + 3
    assert made.reporter.outcomes == {"delivered": 500, "failed": 500}
