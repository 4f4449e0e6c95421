"""What isn't done comes back alone, after as long as its fault says, or goes to the dead letters with why."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fakes import Context, MadeDeliverer, NearlyDone, make_deliverer
from samples import CENTRAL_BUCKET, B, C, batch, cloudtrail_key, created, failed, subscription

from distributary.breakers import OPEN_SECONDS, OPENS_AFTER, Breakers
from distributary.copies import Copy
from distributary.queues import Letter
from distributary.retries import FIRST_SECONDS, PATIENCE_SECONDS


@pytest.fixture
def made(aws: None) -> Iterator[MadeDeliverer]:  # noqa: ARG001 - it stands up what this needs
    with make_deliverer() as made:
        yield made


def break_c(made: MadeDeliverer, code: str = "AccessDenied") -> None:
    def deny(copy: Copy) -> None:
        if copy.bucket_owner == C:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "CopyObject")

    made.engine.trouble = deny


def ours(letter: Letter) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(letter.body)["distributary"]
    return found


def test_a_failed_file_comes_back_as_a_delayed_message_and_a_delivered_one_does_not(made: MadeDeliverer) -> None:
    break_c(made)
    event = batch(created(cloudtrail_key(B)), created(cloudtrail_key(C)))
    assert failed(made.deliverer.handle(event, Context())) == []
    [letter] = made.queue.sent
    assert json.loads(letter.body)["detail"]["object"]["key"] == cloudtrail_key(C)
    assert ours(letter)["subscriptions"] == [f"owner-{C}"]
    assert FIRST_SECONDS // 2 <= letter.delay_seconds <= FIRST_SECONDS


def test_it_rests_longer_each_time_and_remembers_since_when(made: MadeDeliverer) -> None:
    break_c(made)
    body: Any = created(cloudtrail_key(C))
    for _ in range(3):
        made.deliverer.carrier._breakers = Breakers()  # as in another environment
        made.deliverer.handle(batch(body, age=60), Context())
        body = made.queue.sent[-1].body
    delays = [letter.delay_seconds for letter in made.queue.sent]
    assert [ours(letter)["attempts"] for letter in made.queue.sent] == [1, 2, 3]
    assert delays[0] < 2 * delays[1] < 4 * delays[2] <= 4 * 900
    assert len({ours(letter)["since"] for letter in made.queue.sent}) == 1


def test_throttling_rests_shorter_than_a_broken_receiver(made: MadeDeliverer) -> None:
    for code, longest in (("SlowDown", 300), ("AccessDenied", 900)):
        break_c(made, code)
        made.deliverer.handle(batch(created(cloudtrail_key(C)), receives=14), Context())
        assert longest // 2 <= made.queue.sent[-1].delay_seconds <= longest


def test_a_message_that_cannot_be_replaced_returns_whole_and_says_so(made: MadeDeliverer) -> None:
    break_c(made)
    made.queue.is_broken = True
    assert failed(made.deliverer.handle(batch(created(cloudtrail_key(C))), Context())) == ["m0"]
    [(note, message_id, _)] = made.reporter.notes
    assert (note, message_id) == ("it returns when the queue's visibility timeout ends: broken", "m0")


def test_what_nobody_can_read_goes_to_the_dead_letters_at_once_with_why(made: MadeDeliverer) -> None:
    assert failed(made.deliverer.handle(batch("{not json", created(cloudtrail_key(B))), Context())) == []
    [letter] = made.queue.buried
    assert letter.body == "{not json"
    assert letter.attributes is not None
    assert letter.attributes["fault"] == "unreadable"
    assert "not JSON" in letter.attributes["reason"]
    assert made.queue.sent == []


def test_after_hours_a_file_is_dead_with_its_last_reason_and_starts_anew_when_it_is_sent_back(
    made: MadeDeliverer,
) -> None:
    break_c(made)
    event = batch(created(cloudtrail_key(C)), age=PATIENCE_SECONDS + 1)
    assert failed(made.deliverer.handle(event, Context())) == []
    [letter] = made.queue.buried
    assert letter.attributes is not None
    assert letter.attributes["fault"] == "receiver_broken"
    assert "AccessDenied" in letter.attributes["reason"]
    assert ours(letter) == {"subscriptions": [f"owner-{C}"], "account_ids": [C], "attempts": 0, "since": 0}
    assert made.reporter.notes[0][0] == "dead letter"


def test_of_a_dead_message_only_what_is_left_is_buried(made: MadeDeliverer) -> None:
    break_c(made)
    body = {"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": [cloudtrail_key(owner) for owner in (B, C)]}
    made.deliverer.handle(batch(body, age=PATIENCE_SECONDS + 1), Context())
    [letter] = made.queue.buried
    assert json.loads(letter.body)["detail"]["object"]["key"] == cloudtrail_key(C)


def test_a_dead_message_that_cannot_be_buried_returns(made: MadeDeliverer) -> None:
    made.queue.is_broken = True
    assert failed(made.deliverer.handle(batch("{not json"), Context())) == ["m0"]


def test_what_there_was_no_time_for_comes_back_at_once_and_that_was_no_attempt(made: MadeDeliverer) -> None:
    event = batch(created(cloudtrail_key(B)), age=PATIENCE_SECONDS + 1)
    assert failed(made.deliverer.handle(event, Context(9_000))) == []
    [letter] = made.queue.sent
    assert (letter.delay_seconds, ours(letter)["attempts"]) == (0, 0)


def test_a_broken_receiver_is_not_asked_for_each_of_its_files(made: MadeDeliverer) -> None:
    asked: list[Copy] = []

    def deny(copy: Copy) -> None:
        if copy.bucket_owner == C:
            asked.append(copy)
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "no"}}, "CopyObject")

    made.engine.trouble = deny
    for first in range(0, 1000, 100):
        keys = [cloudtrail_key(owner, first + number) for number in range(50) for owner in (B, C)]
        assert failed(made.deliverer.handle(batch(*(created(key) for key in keys)), Context())) == []
    # Those that were under way at once when it first refused, and no more.
    assert len(asked) <= made.deliverer.settings.concurrency + 3
    assert len(made.queue.sent) == 500
    assert made.reporter.outcomes == {"delivered": 500, "failed": 500}


def test_when_the_probe_gets_through_so_do_the_others_of_its_batch(made: MadeDeliverer) -> None:
    """Even those that are so old that another failure would bury them."""
    breakers = made.deliverer.carrier._breakers = Breakers(clock := Clock())
    for _ in range(OPENS_AFTER):
        with suppress(ClientError), breakers.guard((subscription(C), "place")):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CopyObject")
    clock.now = OPEN_SECONDS
    keys = [created(cloudtrail_key(C, number)) for number in range(100)]
    made.deliverer.handle(batch(*keys, age=PATIENCE_SECONDS + 1), Context())
    assert made.reporter.outcomes == {"delivered": 100}
    assert made.queue.buried == []


def test_one_subscription_that_hangs_holds_up_nobody_else(made: MadeDeliverer) -> None:
    release = threading.Event()

    def hang(copy: Copy) -> None:
        if copy.bucket_owner == C:
            release.wait(30)

    made.engine.trouble = hang
    keys = [cloudtrail_key(C, number) for number in range(30)] + [cloudtrail_key(B, number) for number in range(30)]
    try:
        made.deliverer.handle(batch(*(created(key) for key in keys)), NearlyDone())
    finally:
        release.set()
    assert made.reporter.outcomes == {"delivered": 30, "failed": 30}


class Clock:
    """Time that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now
