"""The other words of sam that people use, against the local AWS."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from integration.waiting import wait_until
from sam_local.conftest import Event

from distributary_local import emulator
from distributary_local.deliveries import read_outcomes
from distributary_local.deployment import CENTRAL_ACCOUNT_ID, ORGANIZATIONS, STACK, Deployment, deploy
from distributary_local.emulator import REGION, Emulator
from distributary_local.invocation import EVENTS
from distributary_local.tools import ROOT, environment, run

Sam = Callable[..., str]


@pytest.fixture
def sam(deployment: Deployment) -> Sam:
    return lambda *words: _sam(deployment, *words)


def test_remote_invoke_runs_the_deployed_function(sam: Sam) -> None:
    event = EVENTS / "forged-eventbridge-sqs.json"
    answer = sam("remote", "invoke", "DeliverToOwner", "--event-file", event, "--output", "json")
    assert json.loads(json.loads(answer)["Payload"]) == {"batchItemFailures": []}


def test_a_message_sent_by_remote_invoke_is_delivered_and_logs_show_it(
    sam: Sam, staged: Callable[[str], Event], deployment: Deployment
) -> None:
    [record] = staged("key-colons-s3-sqs.json")["Records"]
    [[expected]] = json.loads((EVENTS / "expected.json").read_text())["key-colons-s3-sqs.json"]
    sam("remote", "invoke", "OwnerQueue", "--event", record["body"])
    wait_until(lambda: expected["key"] not in {told.key for told in read_outcomes(deployment)})
    assert expected["key"] in sam("logs", "--name", "DeliverToOwner")


def test_list_shows_every_function_and_resource(sam: Sam, deployment: Deployment) -> None:
    endpoints = {one["LogicalResourceId"] for one in json.loads(sam("list", "endpoints", "--output", "json"))}
    assert endpoints >= {"DeliverToOwner", "FanOut", "Reconcile"}
    resources = {one["LogicalResourceId"] for one in json.loads(sam("list", "resources", "--output", "json"))}
    assert resources >= {"CentralBucket", "OwnerQueue", "SubscriptionsTable"}
    outputs = json.loads(sam("list", "stack-outputs", "--output", "json"))
    assert {one["OutputKey"]: one["OutputValue"] for one in outputs} == deployment.outputs


def test_every_question_of_a_guided_deployment_has_a_default(deployment: Deployment, tmp_path: Path) -> None:
    """But for who receives. The last question is whether to deploy, and there it is no."""
    settings = tmp_path / "samconfig.toml"
    settings.write_text((ROOT / "samconfig.toml").read_text())
    template = deployment.emulator.directory / "build" / "template.yaml"
    guided = ("sam", "deploy", "--guided", "--stack-name", "guided", "--template-file", template)
    done = subprocess.run(  # noqa: S603  # our own tool
        [*guided, "--config-file", settings, "--parameter-overrides", "OrganizationId=o-exampleorg1"],
        cwd=ROOT,
        env=environment(deployment.emulator, CENTRAL_ACCOUNT_ID),
        input="\n" * 100,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Deploy this changeset? [y/N]" in done.stdout
    assert 'OrganizationId=\\"o-exampleorg1\\"' in settings.read_text()


def test_delete_leaves_nothing_but_what_the_template_retains(tmp_path: Path) -> None:
    with emulator.running(emulator.free_port(), tmp_path, organizations=ORGANIZATIONS) as running:
        deployment = deploy(running, progress=lambda _: None)
        stacks = running.client("cloudformation", CENTRAL_ACCOUNT_ID)
        before = stacks.describe_stack_resources(StackName=STACK)["StackResources"]
        _sam(deployment, "delete", "--no-prompts")
        retained = _retained(tmp_path / "build" / "template.yaml")
        left = {one["LogicalResourceId"] for one in before if _exists(running, one)}
        assert {"CentralBucket"} <= left <= retained
        kinds = {one["ResourceType"] for one in before}
        assert kinds >= set(_LISTS), "what is asked for below must be what there was"


_LISTS: dict[str, tuple[str, str, str, str]] = {
    "AWS::DynamoDB::Table": ("dynamodb", "describe_table", "TableName", "ResourceNotFoundException"),
    "AWS::Events::Rule": ("events", "describe_rule", "Name", "ResourceNotFoundException"),
    "AWS::IAM::Role": ("iam", "get_role", "RoleName", "NoSuchEntity"),
    "AWS::Lambda::Function": ("lambda", "get_function", "FunctionName", "ResourceNotFoundException"),
    "AWS::S3::Bucket": ("s3", "head_bucket", "Bucket", "404"),
    "AWS::SNS::Topic": ("sns", "get_topic_attributes", "TopicArn", "NotFound"),
    "AWS::SQS::Queue": ("sqs", "get_queue_attributes", "QueueUrl", "AWS.SimpleQueueService.NonExistentQueue"),
}
"""How to see whether a resource is there: the service, its call, the parameter, and the error where it isn't."""


def _exists(running: Emulator, resource: dict[str, Any]) -> bool:
    if resource["ResourceType"] not in _LISTS:
        return False
    service, call, parameter, missing = _LISTS[resource["ResourceType"]]
    client = running.client(service, CENTRAL_ACCOUNT_ID)
    try:
        getattr(client, call)(**{parameter: resource["PhysicalResourceId"]})
    except ClientError as error:
        if error.response["Error"]["Code"] != missing:
            raise
        return False
    return True


def _retained(template: Path) -> set[str]:
    resources = yaml.safe_load(template.read_text())["Resources"].items()
    return {name for name, resource in resources if resource.get("DeletionPolicy") == "Retain"}


def _sam(deployment: Deployment, *words: object) -> str:
    stack = ("--stack-name", STACK, "--region", REGION)
    return run(deployment.emulator, CENTRAL_ACCOUNT_ID, "sam", *words, *stack).stdout
