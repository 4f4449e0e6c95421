"""The template's numbers fit together, and fit the library's and AWS's: queue by queue.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html,
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html,
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from templates import load, resources

from distributary.events import Addressee, ObjectCreated
from distributary.queues import redelivery
from distributary.reconcile_jobs import GRACE_MINUTES, STOP_MILLISECONDS
from distributary.retries import LONGEST_PATIENCE_SECONDS, LONGEST_SECONDS, PATIENCE_SECONDS
from distributary_cli.cost_batches import owner_queue
from distributary_cli.cost_inputs import Measured, Stack, Traffic

TEMPLATE = load("template.yaml")
FUNCTIONS = resources(TEMPLATE, "AWS::Serverless::Function")
QUEUES = resources(TEMPLATE, "AWS::SQS::Queue")
DAY = 86_400
IN_FLIGHT_AT_MOST = 120_000
"""Messages of a standard queue that are received and not deleted."""
PAYLOAD_BYTES_AT_MOST = 6_291_556
"""Of a batch: Lambda's limit for a synchronous invocation."""
RECORD_BYTES = 1_500
"""What Lambda adds to each message in a batch: receipt handle, attributes, ARNs."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A queue, and the function that it feeds."""

    function: dict[str, Any]
    event: dict[str, Any]
    queue: dict[str, Any]
    dead_letters: dict[str, Any]


@pytest.fixture(
    params=[("DeliverToOwner", "OwnerQueue"), ("FanOut", "ThirdPartyQueue")], ids=["owners", "third-parties"]
)
def feed(request: pytest.FixtureRequest) -> Feed:
    function, queue = request.param
    event = FUNCTIONS[function]["Events"][queue]["Properties"]
    return Feed(FUNCTIONS[function], event, QUEUES[queue], QUEUES[queue.replace("Queue", "DeadLetterQueue")])


def test_a_message_stays_hidden_for_six_runs_and_the_window_fits_into_one_of_them(feed: Feed) -> None:
    assert feed.queue["VisibilityTimeout"] >= 6 * feed.function["Timeout"]
    assert feed.event["MaximumBatchingWindowInSeconds"] < feed.function["Timeout"]
    assert feed.queue["VisibilityTimeout"] <= DAY / 2  # SQS's longest


def test_batches_are_such_as_lambda_takes(feed: Feed) -> None:
    assert 1 <= feed.event["BatchSize"] <= 10_000
    assert 0 <= feed.event["MaximumBatchingWindowInSeconds"] <= 300
    assert feed.event["BatchSize"] <= 10 or feed.event["MaximumBatchingWindowInSeconds"] >= 1


def test_a_full_batch_of_the_longest_messages_is_no_larger_than_lambda_takes(feed: Feed) -> None:
    """A key has 1,024 bytes at most; each can take six in a JSON string, and seven in one inside another."""
    longest = ObjectCreated("b" * 63, "\x01" * 1024, "v" * 1024, 5 * 1024**4, "e" * 40, "2026-11-21T06:05:00Z")
    body = redelivery(longest, [Addressee("s" * 64, "9" * 12)] * 10, attempts=99, since=1_795_265_604)
    assert feed.event["BatchSize"] * (len(json.dumps(body)) + RECORD_BYTES) <= PAYLOAD_BYTES_AT_MOST


def test_a_full_batch_has_time_even_if_s3_takes_fifty_times_as_long(feed: Feed) -> None:
    """Beyond that nothing is lost: what isn't begun ten seconds before the timeout goes back."""
    stack = Stack(
        batch_size=feed.event["BatchSize"],
        memory_mb=feed.function["MemorySize"],
        connections=int(feed.function["Environment"]["Variables"]["CONCURRENCY"]),
    )
    queue = owner_queue(Traffic(), stack, Measured(copy_ms=50 * Measured().copy_ms))
    assert queue.work_ms(stack.batch_size) / 1000 < feed.function["Timeout"] - 10


def test_no_concurrency_that_the_template_takes_exceeds_what_sqs_gives_out(feed: Feed) -> None:
    concurrency = TEMPLATE["Parameters"]["MaximumConcurrency"]
    assert feed.event["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    assert 2 <= concurrency["MinValue"] <= concurrency["Default"] <= concurrency["MaxValue"] <= 1_000
    assert concurrency["MaxValue"] * feed.event["BatchSize"] <= IN_FLIGHT_AT_MOST
    assert "ReservedConcurrentExecutions" not in feed.function  # below the maximum, it would throttle the poller


def test_a_crash_is_tried_often_enough_and_never_outlives_its_message(feed: Feed) -> None:
    receives = feed.queue["RedrivePolicy"]["maxReceiveCount"]
    assert 5 <= receives <= 1_000  # with fewer, throttled polls alone could bury a message
    assert receives * feed.queue["VisibilityTimeout"] < feed.queue["MessageRetentionPeriod"]


def test_what_rests_is_decided_upon_long_before_sqs_forgets_it(feed: Feed) -> None:
    """Each rest begins a new message. The last may be begun just before the patience ends, and its try may crash."""
    retention = feed.queue["MessageRetentionPeriod"]
    crashes = feed.queue["RedrivePolicy"]["maxReceiveCount"] * feed.queue["VisibilityTimeout"]
    assert LONGEST_PATIENCE_SECONDS + max(LONGEST_SECONDS.values()) + crashes < retention <= 14 * DAY
    assert PATIENCE_SECONDS < LONGEST_PATIENCE_SECONDS


def test_the_dead_are_kept_as_long_as_sqs_can_and_longer_than_the_living(feed: Feed) -> None:
    """SQS counts from when a message was first sent, not from when it was moved."""
    assert feed.queue["MessageRetentionPeriod"] < feed.dead_letters["MessageRetentionPeriod"] == 14 * DAY
    assert "RedrivePolicy" not in feed.dead_letters


def test_no_rest_is_longer_than_sqs_takes_and_none_is_the_queue_s_own(feed: Feed) -> None:
    assert max(LONGEST_SECONDS.values()) <= 900
    assert "DelaySeconds" not in feed.queue  # a new log file goes at once


def test_both_queues_and_functions_have_the_same_numbers() -> None:
    assert {key: QUEUES["OwnerQueue"][key] for key in ("VisibilityTimeout", "MessageRetentionPeriod")} == {
        key: QUEUES["ThirdPartyQueue"][key] for key in ("VisibilityTimeout", "MessageRetentionPeriod")
    }
    for key in ("MemorySize", "Timeout"):
        assert FUNCTIONS["DeliverToOwner"][key] == FUNCTIONS["FanOut"][key]


def test_the_comparison_leaves_alone_what_may_still_be_tried() -> None:
    [schedule] = (event["Properties"] for event in FUNCTIONS["Reconcile"]["Events"].values())
    grace_seconds = GRACE_MINUTES * 60
    rests_and_a_crash = max(LONGEST_SECONDS.values()) + QUEUES["OwnerQueue"]["VisibilityTimeout"]
    assert PATIENCE_SECONDS + rests_and_a_crash < grace_seconds
    asked = schedule["Input"]["Fn::Sub"][0]
    assert f'"grace_minutes": {GRACE_MINUTES}' in asked
    assert '"days": 2' in asked  # each file is looked for twice, and once at least when it is out of its grace
    assert 2 * DAY - grace_seconds > DAY
    assert STOP_MILLISECONDS / 1000 < FUNCTIONS["Reconcile"]["Timeout"] <= 900
