"""One deployment for all tests that need one: the real templates on the local AWS, IAM enforced.

The tests that use it are of one xdist group, so that it is deployed once. They share it, so each uses keys of its own.
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from integration.isolation_world import World, world

from distributary_local import emulator
from distributary_local.deployment import ORGANIZATIONS, Deployment, deploy

DELAY_SCALE = 0.2
"""The first rest of what has failed takes two or three seconds instead of ten or fifteen."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "deployment" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("deployment"))
        if item.path.name == "test_faults_injected.py" and "FAULTS" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="AWS's faults take minutes: make test-faults runs them"))


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("deployment")
    options: dict[str, Any] = {"organizations": ORGANIZATIONS, "delay_scale": DELAY_SCALE}
    with emulator.running(emulator.free_port(), directory, **options) as running:
        yield deploy(running, progress=lambda _: None)


@pytest.fixture(scope="session")
def matrix_world(deployment: Deployment) -> Iterator[World]:
    """The world of the isolation matrix, beside the deployment."""
    with world(deployment) as made:
        yield made


@pytest.fixture
def new_key() -> Callable[[str], str]:
    """Makes CloudTrail keys of an account that no other test uses."""

    def make(account_id: str) -> str:
        folder = f"AWSLogs/{account_id}/CloudTrail/us-east-1/2026/11/21"
        return f"{folder}/{account_id}_CloudTrail_us-east-1_20261121T0000Z_{uuid.uuid4().hex[:16]}.json.gz"

    return make


@pytest.fixture
def as_user(deployment: Deployment) -> Callable[[str, Any], Any]:
    """Makes a boto3 session of a new user of an account, with one inline policy: root keys would prove nothing."""

    def make(account_id: str, statements: Any) -> Any:
        import boto3

        iam = deployment.emulator.client("iam", account_id)
        name = f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")

    return make
