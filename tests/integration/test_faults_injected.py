"""AWS's faults, injected between the functions and the local AWS: afterwards nothing is missing, doubled or astray.

Receivers don't touch each other, so each of them has faults of its own in most scenarios. Of the requests that a fault
is for, the first ones meet it, or every third; which log file that is depends on how the threads run.
"""

import copy
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from integration.fault_world import FAN_OUT, FUNCTIONS, OWNERS_FUNCTION, A, B, C, FaultWorld, Z, fault_world, log_files
from integration.permissions import statement
from integration.waiting import wait_until

from distributary_local.deployment import Deployment
from distributary_local.faults import COPY_OBJECT, Rule
from distributary_local.functions import kill


@pytest.fixture(scope="module")
def made(deployment: Deployment) -> Iterator[FaultWorld]:
    with fault_world(deployment) as world:
        yield world


@pytest.fixture
def world(made: FaultWorld) -> Iterator[FaultWorld]:
    made.begin()
    yield made
    made.proxy.inject()


def error(code: str, status: int, **limits: object) -> Rule:
    return {"error": {"code": code, "status": status, "message": "injected"}, **limits}


LOST_ANSWER = {"response": {"abort_bytes": 0}}
"""AWS has done it, and the connection breaks."""


SOME = {"fail": 3, "pass": 6}
"""A third, and several in a row: the SDK's own repetition fails as well."""
FEW = (2, 2, 2, 0)
"""So few files of a receiver that its circuit breaker stays closed, which would cost each test half a minute."""


def copies_to(account_id: str, fault: Rule) -> Rule:
    return COPY_OBJECT | {"resource": f"faults-{account_id}"} | fault


def publishing_to(account_id: str, fault: Rule) -> Rule:
    return {"service": "sns", "operation": "PublishBatch", "body": f"contains(TopicArn, '{account_id}')"} | fault


def assuming_in(account_id: str, fault: Rule) -> Rule:
    return {"service": "sts", "operation": "AssumeRole", "body": f"contains(RoleArn, '{account_id}')"} | fault


def reading_the_table(fault: Rule) -> Rule:
    return {"service": "dynamodb", "operation": "BatchGetItem"} | fault


SCENARIOS: dict[str, tuple[Rule, ...]] = {
    "errors": (
        assuming_in(A, error("Throttling", 400, times=3)),
        assuming_in(Z, error("Throttling", 400, times=1)),
        copies_to(B, error("SlowDown", 503, sequence=SOME)),
        copies_to(C, error("InternalError", 500, sequence=SOME)),
        copies_to(C, error("ServiceUnavailable", 503, sequence=SOME)),
        copies_to(Z, error("InternalError", 200, sequence=SOME)),  # S3 has begun to answer before the copy fails
        publishing_to(B, error("Throttled", 429, times=2)),
        publishing_to(C, error("InternalError", 500, times=2)),
    ),
    "network": (
        copies_to(A, {"reset": True, "sequence": SOME}),
        copies_to(B, LOST_ANSWER | {"sequence": SOME}),
        copies_to(C, {"latency": 11_000, "times": 3}),  # the function waits ten seconds
        publishing_to(B, {"reset": True, "times": 2}),
        publishing_to(Z, LOST_ANSWER | {"times": 1}),
        {"service": "sqs", "operation": "SendMessageBatch", "times": 1} | LOST_ANSWER,
    ),
    "dynamodb": (
        reading_the_table(error("ProvisionedThroughputExceededException", 400, times=3)),
        reading_the_table(error("InternalServerError", 500, times=3)),
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_aws_answers_badly_arrives_all_the_same(world: FaultWorld, scenario: str) -> None:
    files = log_files(scenario)
    world.proxy.inject(*SCENARIOS[scenario])
    world.put(files)
    world.wait_until_tried(files)
    wait_until(lambda: world.proxy.fired().count(0))
    world.proxy.inject()
    world.verify(files, repeats=scenario == "network")  # a message that SQS has taken unnoticed is sent twice


def test_its_own_queue_refuses(world: FaultWorld) -> None:
    """C fails, and what is left can't be sent: the messages return whole, and what was done of them is repeated."""
    world.set_visibility_timeout(12)  # longer than an invocation takes on a busy machine
    files = log_files("queue", a=0, b=10, c=10, d=0)
    refused: Rule = {"service": "sqs", "operation": "SendMessageBatch"} | error("RequestThrottled", 403)
    world.proxy.inject(copies_to(C, error("SlowDown", 503)), copies_to(Z, error("SlowDown", 503)), refused)
    with world.unannounced():
        world.put(files)
        for function in FUNCTIONS:
            world.announce(function, *(file.key for file in files[:10]))
            for file in files[10:]:
                world.announce(function, file.key)
        world.wait_until_failed([file for file in files if file.account_id == C], OWNERS_FUNCTION)
        world.wait_until_failed(files, FAN_OUT)
        wait_until(lambda: world.proxy.fired().count(0))
        world.proxy.inject()
        world.verify(files, repeats=True)


def test_broken_receivers_are_mended(world: FaultWorld) -> None:
    """A's bucket is gone, B's role made anew, C's key disabled, each for a while; Z doesn't notice."""
    before = log_files("before", a=1, b=1, c=1, d=1)
    world.put(before)
    world.wait_until_final(before)  # there are sessions now, which the new role won't know
    files = log_files("broken", *FEW)
    kms, key = world.client("kms", C), world.receivers[C]["KeyArn"]
    with role_deleted(world, B):
        kms.disable_key(KeyId=key)
        world.proxy.inject(copies_to(A, error("NoSuchBucket", 404)))
        world.put(files)
        world.wait_until_failed(files, OWNERS_FUNCTION)
        world.wait_until_final(files, FAN_OUT)
        world.proxy.inject()
        kms.enable_key(KeyId=key)
    world.verify([*before, *files])
    assert causes(world, A) == {("NoSuchBucket", "CopyObject")}
    assert causes(world, B) == {("AccessDenied", "CopyObject")}  # as a session of the role that is gone
    assert causes(world, C) == {("KMS.DisabledException", "CopyObject")}


def test_a_topic_that_refuses_and_a_changed_external_id_are_mended(world: FaultWorld) -> None:
    """B's topic denies publishing, C's trust wants another external ID, each for a while; A and Z don't notice."""
    files = log_files("refusing", *FEW)
    refused = [file for file in files if file.account_id in (B, C)]
    with topic_closed(world, B), external_id_changed(world, C):
        world.put(files)
        world.wait_until_failed(refused, OWNERS_FUNCTION)
        world.wait_until_final([file for file in files if file.account_id == A], OWNERS_FUNCTION)
        world.wait_until_final(files, FAN_OUT)
    world.verify(files)
    assert causes(world, A) == set()
    assert causes(world, B) == {("AuthorizationError", "PublishBatch")}
    assert causes(world, C) == {("AccessDenied", "AssumeRole")}


def test_the_central_key_is_disabled_for_a_while(world: FaultWorld) -> None:
    files = log_files("central key", a=1, b=1, c=0, d=0)
    kms, key = world.client("kms"), world.central["CentralKeyArn"]
    with world.unannounced():
        world.put(files)
        kms.disable_key(KeyId=key)
        try:
            for function in FUNCTIONS:
                for file in files:
                    world.announce(function, file.key)
            for function in FUNCTIONS:
                world.wait_until_failed(files, function)
        finally:
            kms.enable_key(KeyId=key)
        world.verify(files)


def test_sessions_that_expire_early_are_taken_anew(world: FaultWorld) -> None:
    earlier = set(world.proxy.sessions())
    files = log_files("expired")
    world.put(files[:20])
    world.wait_until_final(files[:20])
    sessions = set(world.proxy.sessions()) - earlier
    assert len(sessions) == 4  # one for each receiver
    for session in sessions:
        world.deployment.emulator.expire_session(session)
    world.put(files[20:])
    world.verify(files)
    assert len(set(world.proxy.sessions()) - earlier - sessions) == 4


def test_a_slow_owner_with_most_of_the_files(world: FaultWorld) -> None:
    """A batch would outlast the function's timeout: what isn't begun is handed back in time, and done next."""
    world.begin(timeout=16, CONCURRENCY="4")
    files = log_files("hot", a=2, b=20, c=0, d=0)
    world.proxy.inject(copies_to(B, {"latency": 2000, "times": 20}))
    world.put(files)
    world.verify(files)
    assert any("handed back" in (one.reason or "") for one in world.told(OWNERS_FUNCTION))


def test_events_repeated_out_of_order_and_lost(world: FaultWorld) -> None:
    """5 % are lost, 20 % come twice. What no event has told of is found when the buckets are compared."""
    dice = random.Random(20261121)  # noqa: S311 - test data
    files = log_files("events", a=5, b=15, c=15, d=5)
    lost = dice.sample([file for file in files if file.account_id in (A, B, C)], k=len(files) // 20)
    told = [file for file in files if file not in lost]
    messages = [*told, *dice.sample(told, k=len(files) // 5)]
    dice.shuffle(messages)
    with world.unannounced():
        world.put(files)
        for file in messages:
            for function in FUNCTIONS:
                world.announce(function, file.key)
        world.verify(told, repeats=True)
        for function in FUNCTIONS:
            wait_until(partial(left, world, function, [file.key for file in messages]))
        missing = Counter([*(file.account_id for file in lost), *[Z] * len(lost)])
        assert Counter({one: world.reconcile(one)["missing"] for one in (A, B, C, Z)}) == missing
        assert Counter({one: world.reconcile(one, repair=True)["repaired"] for one in (A, B, C, Z)}) == missing
        world.verify(files, repeats=True)
        world.verify(lost)
        assert {one: world.reconcile(one)["missing"] for one in (A, B, C, Z)} == dict.fromkeys((A, B, C, Z), 0)
    for function in FUNCTIONS:
        outcomes = Counter(one.outcome for one in world.told(function) if one.outcome != "failed")
        assert outcomes.total() == len(messages) + len(lost)


def test_both_functions_are_killed(world: FaultWorld) -> None:
    """One between two copies, one between copies and notifications. Nothing is copied twice, and all is announced."""
    world.begin(CONCURRENCY="4")
    world.set_visibility_timeout(20)
    files = log_files("killed", a=0, b=20, c=0, d=0)
    keys = {file.key for file in files}
    world.proxy.inject(copies_to(B, {"latency": 3000}), publishing_to(Z, {"latency": 9000}))
    with world.unannounced():
        world.put(files)
        for function in FUNCTIONS:
            world.announce(function, *keys)  # in one message, so that one invocation has them all
        wait_until(lambda: not keys & world.copies(B).keys())
        assert kill(world.deployment.emulator, world.central[OWNERS_FUNCTION])
        assert keys - world.copies(B).keys()
        wait_until(lambda: keys - world.copies(Z).keys())
        assert kill(world.deployment.emulator, world.central[FAN_OUT])
        assert not keys & world.notifications(Z).keys()
        world.proxy.inject()
        world.verify(files)
    assert already_delivered(world, OWNERS_FUNCTION)
    assert already_delivered(world, FAN_OUT) == 20


def already_delivered(world: FaultWorld, function: str) -> int:
    return sum(one.outcome == "already_delivered" for one in world.told(function))


def left(world: FaultWorld, function: str, keys: list[str]) -> Counter[str]:
    """The keys of messages that have no final outcome yet."""
    return Counter(keys) - Counter(one.key for one in world.told(function) if one.outcome != "failed")


def causes(world: FaultWorld, account_id: str) -> set[tuple[str, str]]:
    """Why an owner's files have failed in this scenario, as the log says: each error's code, and the operation."""
    failed = [one for one in world.told(OWNERS_FUNCTION) if one.outcome == "failed" and f"/{account_id}/" in one.key]
    said = [re.search(r"\((\S+)\) when calling the (\w+) operation", one.reason or "") for one in failed]
    return {(one[1], one[2]) if one else ("", "") for one in said}


@contextmanager
def topic_closed(world: FaultWorld, account_id: str) -> Iterator[None]:
    """Within the block, the policy of a receiver's topic lets nobody publish."""
    sns, topic = world.client("sns", account_id), {"TopicArn": world.receivers[account_id]["NotificationTopicArn"]}
    before = sns.get_topic_attributes(**topic)["Attributes"]["Policy"]
    closed = json.loads(before)
    closed["Statement"].append(statement("sns:Publish", Effect="Deny", Principal="*", Resource=topic["TopicArn"]))
    sns.set_topic_attributes(**topic, AttributeName="Policy", AttributeValue=json.dumps(closed))
    try:
        yield
    finally:
        sns.set_topic_attributes(**topic, AttributeName="Policy", AttributeValue=before)


@contextmanager
def external_id_changed(world: FaultWorld, account_id: str) -> Iterator[None]:
    """Within the block, a receiver's delivery role demands another external ID."""
    iam, name = world.client("iam", account_id), world.receivers[account_id]["DeliveryRoleArn"].rpartition("/")[2]
    trust: Any = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    changed = copy.deepcopy(trust)
    changed["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] = "another"
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(changed))
    try:
        yield
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


@contextmanager
def role_deleted(world: FaultWorld, account_id: str) -> Iterator[None]:
    """Within the block, a receiver's delivery role is gone; afterwards there is a new one of the same name."""
    iam = world.client("iam", account_id)
    name = world.receivers[account_id]["DeliveryRoleArn"].rpartition("/")[2]
    role: Any = iam.get_role(RoleName=name)["Role"]
    policies = {
        one: iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"]
        for one in iam.list_role_policies(RoleName=name)["PolicyNames"]
    }
    for policy in policies:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)
    try:
        yield
    finally:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
        for policy, document in policies.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
