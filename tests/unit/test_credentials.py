import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from samples import B, C, subscription

from distributary.credentials import (
    REMEMBER_REFUSAL,
    AssumeRoleError,
    DeliverySessions,
    SessionCredentials,
)
from distributary.subscriptions import Subscription

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Sts:
    """An STS client whose answers are queued; botocore's stubber checks what is sent against the service's model."""

    def __init__(self) -> None:
        self.client = boto3.client("sts", region_name="us-east-1")
        self.stubber = Stubber(self.client)
        self.stubber.activate()

    def answers(self, key: str, expires: datetime, **sent: Any) -> None:
        credentials = {
            "AccessKeyId": key.ljust(16, "X"),
            "SecretAccessKey": "secret",
            "SessionToken": "token",
            "Expiration": expires,
        }
        self.stubber.add_response("assume_role", {"Credentials": credentials}, sent or None)

    def refuses(self, code: str = "AccessDenied") -> None:
        self.stubber.add_client_error("assume_role", code)


@pytest.fixture
def sts() -> Iterator[Sts]:
    made = Sts()
    yield made
    made.stubber.assert_no_pending_responses()


def access_key(credentials: SessionCredentials) -> str:
    return str(credentials.access_key)


def sessions(sts: Sts, clock: Clock, policy_for: Callable[[Subscription], str] = lambda _: "{}") -> DeliverySessions:
    return DeliverySessions(sts.client, "distributary-deliver-to-owner", policy_for, clock)


def test_the_role_is_assumed_with_the_external_id_and_the_session_policy(sts: Sts) -> None:
    sts.answers(
        "FIRST",
        NOW + timedelta(hours=1),
        RoleArn=f"arn:aws:iam::{B}:role/distributary-delivery",
        RoleSessionName="distributary-deliver-to-owner",
        ExternalId=f"external-id-of-{B}",
        DurationSeconds=3600,
        Policy="the policy",
    )
    got = sessions(sts, Clock(), lambda _: "the policy").credentials(subscription(B))
    assert (got.secret_key, got.token) == ("secret", "token")


def test_a_session_is_kept_until_five_minutes_before_it_expires(sts: Sts) -> None:
    clock = Clock()
    cache = sessions(sts, clock)
    sts.answers("FIRST", NOW + timedelta(hours=1))
    first = cache.credentials(subscription())
    clock.now += timedelta(minutes=54, seconds=59)
    assert cache.credentials(subscription()) is first
    clock.now += timedelta(seconds=1)
    sts.answers("SECOND", clock.now + timedelta(hours=1))
    assert access_key(cache.credentials(subscription())).startswith("SECOND")


def test_each_subscription_has_a_session_of_its_own_and_a_changed_one_a_new_one(sts: Sts) -> None:
    cache = sessions(sts, Clock())
    for key in ("B", "C", "CHANGED"):
        sts.answers(key, NOW + timedelta(hours=1))
    changed = subscription(B, copy_to={"bucket": "another", "region": "us-east-1"})
    keys = [access_key(cache.credentials(one))[:7] for one in (subscription(B), subscription(C), changed)]
    assert keys == ["BXXXXXX", "CXXXXXX", "CHANGED"]


def test_many_threads_ask_sts_once(sts: Sts) -> None:
    sts.answers("ONLY", NOW + timedelta(hours=1))  # a second call would find no answer queued and fail
    cache = sessions(sts, Clock())
    start = threading.Barrier(16)

    def ask(_: int) -> str:
        start.wait()
        return access_key(cache.credentials(subscription()))

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(ask, range(16)))) == 1


def test_a_refusal_is_remembered_for_a_while_and_then_tried_again(sts: Sts) -> None:
    clock = Clock()
    cache = sessions(sts, clock)
    sts.refuses()
    for _ in range(3):
        with pytest.raises(AssumeRoleError, match="role/distributary-delivery") as caught:
            cache.credentials(subscription())
        assert caught.value.__cause__ is not None
    clock.now += REMEMBER_REFUSAL
    sts.answers("MENDED", clock.now + timedelta(hours=1))
    assert access_key(cache.credentials(subscription())).startswith("MENDED")


def test_a_forgotten_session_is_asked_for_anew(sts: Sts) -> None:
    cache = sessions(sts, Clock())
    sts.answers("FIRST", NOW + timedelta(hours=1))
    first = cache.credentials(subscription())
    cache.forget(subscription(), first)
    sts.answers("SECOND", NOW + timedelta(hours=1))
    assert access_key(cache.credentials(subscription())).startswith("SECOND")


def test_many_failures_with_one_dead_session_ask_sts_once(sts: Sts) -> None:
    cache = sessions(sts, Clock())
    sts.answers("FIRST", NOW + timedelta(hours=1))
    dead = cache.credentials(subscription())
    sts.answers("SECOND", NOW + timedelta(hours=1))  # a third call would find no answer queued and fail
    for _ in range(5):
        cache.forget(subscription(), dead)
        assert access_key(cache.credentials(subscription())).startswith("SECOND")


def test_a_young_session_is_not_blamed_for_a_refusal_that_may_be_the_buckets(sts: Sts) -> None:
    clock = Clock()
    cache = sessions(sts, clock)
    sts.answers("FIRST", NOW + timedelta(hours=1))
    first = cache.credentials(subscription())
    cache.forget(subscription(), first, min_age=timedelta(minutes=1))
    assert cache.credentials(subscription()) is first
    clock.now += timedelta(minutes=1)
    cache.forget(subscription(), first, min_age=timedelta(minutes=1))
    sts.answers("SECOND", NOW + timedelta(hours=2))
    assert cache.credentials(subscription()) is not first


def test_expired_sessions_of_others_do_not_pile_up(sts: Sts) -> None:
    clock = Clock()
    cache = sessions(sts, clock)
    sts.answers("B", NOW + timedelta(hours=1))
    cache.credentials(subscription(B))
    clock.now += timedelta(hours=2)
    sts.answers("C", clock.now + timedelta(hours=1))
    cache.credentials(subscription(C))
    assert list(cache._entries) == [subscription(C)]


def test_who_forgets_waits_for_no_renewal() -> None:
    """The event loop forgets, and a renewal waits for the event loop."""
    asked, go_on = threading.Event(), threading.Event()
    answers = iter(["first", "second"])

    class Slow:
        def assume_role(self, **_: Any) -> Any:
            name = next(answers)
            if name == "second":
                asked.set()
                assert go_on.wait(10)
            told = {"AccessKeyId": name, "SecretAccessKey": "secret", "SessionToken": "token"}
            return {"Credentials": {**told, "Expiration": datetime.now(UTC) + timedelta(hours=1)}}

    sessions = DeliverySessions(Slow(), "test", lambda _: "{}")
    used = sessions.credentials(subscription(B))
    sessions.forget(subscription(B), used)
    with ThreadPoolExecutor(2) as pool:
        renewal = pool.submit(sessions.credentials, subscription(B))
        assert asked.wait(10)
        forgetting = pool.submit(sessions.forget, subscription(B), used)
        try:
            forgetting.result(5)
        finally:
            go_on.set()
        assert access_key(renewal.result()) == "second"
