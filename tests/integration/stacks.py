"""More stacks of the real templates, beside the shared deployment: other parameters, other names, gone afterwards."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from integration.waiting import wait_until
from templates import ROOT

from distributary.subscription_table import to_item
from distributary.subscriptions import Subscription
from distributary_local.deployment import CENTRAL_ACCOUNT_ID, STACK, Deployment
from distributary_local.emulator import Emulator


class StackError(Exception):
    """A stack did not become complete; the message says why."""


@contextmanager
def central_stack(deployment: Deployment, name: str, **parameters: str) -> Iterator[dict[str, str]]:
    """Account A's stack once more; its outputs. It uses what `sam deploy` has packaged for the first one."""
    cloudformation = deployment.emulator.client("cloudformation", CENTRAL_ACCOUNT_ID)
    template = cloudformation.get_template(StackName=STACK, TemplateStage="Original")["TemplateBody"]
    with _stack(deployment.emulator, CENTRAL_ACCOUNT_ID, name, template, parameters) as outputs:
        yield outputs


@contextmanager
def owner_stack(deployment: Deployment, account_id: str, name: str, **parameters: str) -> Iterator[dict[str, str]]:
    """An owner's stack once more; its outputs."""
    template = (ROOT / "accounts" / "owner" / "template.yaml").read_text()
    with _stack(deployment.emulator, account_id, name, template, parameters) as outputs:
        yield outputs


@contextmanager
def third_party_stack(
    deployment: Deployment, account_id: str, name: str, **parameters: str
) -> Iterator[dict[str, str]]:
    """A third party's stack once more; its outputs."""
    template = (ROOT / "accounts" / "third-party" / "template.yaml").read_text()
    with _stack(deployment.emulator, account_id, name, template, parameters) as outputs:
        yield outputs


@contextmanager
def topic_stack(deployment: Deployment, name: str, **parameters: str) -> Iterator[dict[str, str]]:
    """One more topic in Account A for a receiving account; its outputs."""
    template = (ROOT / "accounts" / "topics" / "template.yaml").read_text()
    with _stack(deployment.emulator, CENTRAL_ACCOUNT_ID, name, template, parameters) as outputs:
        yield outputs


@contextmanager
def reader_stack(deployment: Deployment, name: str, **parameters: str) -> Iterator[dict[str, str]]:
    """One more reader role in Account A, of the stack's name; its outputs."""
    template = (ROOT / "accounts" / "readers" / "template.yaml").read_text()
    central = {"CentralBucketName": deployment.outputs["CentralBucketName"], "RoleName": name}
    with _stack(deployment.emulator, CENTRAL_ACCOUNT_ID, name, template, central | parameters) as outputs:
        yield outputs


def subscribe(deployment: Deployment, table: str, *subscriptions: Subscription) -> None:
    """Write subscriptions into a stack's table, one item for each scope."""
    client = deployment.emulator.client("dynamodb", CENTRAL_ACCOUNT_ID)
    for scope in {one.scope for one in subscriptions}:
        item = to_item(scope, [one for one in subscriptions if one.scope == scope])
        client.put_item(TableName=table, Item=item)


@contextmanager
def _stack(
    emulator: Emulator, account_id: str, name: str, template: str, parameters: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    client = emulator.client("cloudformation", account_id)
    client.create_stack(
        StackName=name,
        TemplateURL=_uploaded(emulator, account_id, name, template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    try:
        yield _outputs(client, name)
    finally:
        client.delete_stack(StackName=name)
        wait_until(lambda: _present(client).get(name, "DELETE_FAILED") != "DELETE_FAILED")
        if name in _present(client):
            raise StackError(f"{name} could not be deleted")


def _uploaded(emulator: Emulator, account_id: str, name: str, template: str) -> str:
    """Where CloudFormation finds a template: a request takes none of more than 51,200 bytes."""
    bucket = f"templates-{account_id}"
    s3 = emulator.client("s3", account_id)
    s3.create_bucket(Bucket=bucket)  # one's own again is no error
    s3.put_object(Bucket=bucket, Key=name, Body=template.encode())
    return f"{emulator.endpoint_url}/{bucket}/{name}"


def _outputs(client: Any, name: str) -> dict[str, str]:
    def described() -> dict[str, Any]:
        stack: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
        return stack

    wait_until(lambda: described()["StackStatus"].endswith("_IN_PROGRESS"))
    stack = described()
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise StackError(f"{name}: {stack['StackStatus']} {stack.get('StackStatusReason')}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _present(client: Any) -> dict[str, str]:
    """The stacks that are not, or not yet, deleted, and their status."""
    pages = client.get_paginator("list_stacks").paginate()
    found = [(one["StackName"], one["StackStatus"]) for page in pages for one in page["StackSummaries"]]
    return {name: status for name, status in found if status != "DELETE_COMPLETE"}
