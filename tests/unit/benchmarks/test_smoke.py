"""The real functions against the fake AWS: what is asked for a few files. No times: a busy machine is no error."""

from collections.abc import Iterator

import pytest

from benchmarks.cloud import Cloud, fake_cloud
from benchmarks.contestants import contestant
from benchmarks.samples import account, bucket


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with fake_cloud() as running:
        yield running


def test_each_file_costs_one_request_and_each_account_one_session(cloud: Cloud) -> None:
    with contestant(cloud, "deliver_to_owner", connections=4) as function:
        cloud.counts()
        function.run(20, accounts=5)
        first = cloud.counts()
        function.run(20, accounts=5, first=20)
        second = cloud.counts()
    assert first["requests"] == {"BatchGetItem": 1, "AssumeRole": 5, "CopyObject": 20}
    assert second["requests"] == {"CopyObject": 20}
    assert sum(first["connections"].values()) <= 9  # four for each service at most; one that is free serves the next
    assert second["connections"] == {}
    assert first["log_bytes"] == second["log_bytes"] == 0
    assert first["refused"] == {}


def test_a_third_party_costs_a_tenth_of_a_request_more(cloud: Cloud) -> None:
    with contestant(cloud, "fan_out", connections=4) as function:
        cloud.counts()
        function.run(20, accounts=5)
    assert cloud.counts()["requests"] == {"BatchGetItem": 1, "AssumeRole": 1, "CopyObject": 20, "PublishBatch": 2}


def test_a_broken_bucket_is_given_up_on_and_the_others_are_served(cloud: Cloud) -> None:
    cloud.break_buckets(bucket(account(0)))
    try:
        with contestant(cloud, "deliver_to_owner", connections=4) as function:
            cloud.counts()
            function.run(40, accounts=2)
            counts = cloud.counts()
    finally:
        cloud.break_buckets()
    refused = counts["refused"][bucket(account(0))]
    assert refused < 20
    assert counts["requests"]["CopyObject"] - refused == 20
    assert counts["requests"]["SendMessageBatch"] > 0


@pytest.mark.parametrize("name", ["bare", "boto3_threads", "client_per_account", "tutorial"])
def test_the_others_do_the_same_work(cloud: Cloud, name: str) -> None:
    with contestant(cloud, name, connections=4) as other:
        cloud.counts()
        other.run(4, accounts=2)
    counts = cloud.counts()
    assert counts["requests"]["PutObject" if name == "tutorial" else "CopyObject"] == 4
    assert counts["refused"] == {}
