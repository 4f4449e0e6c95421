from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from distributary_cli.stacks import StackError, read_stack

STACK = {"StackName": "distributary", "CreationTime": "2026-11-21T00:00:00Z", "StackStatus": "CREATE_COMPLETE"}


class Session:
    """A session whose CloudFormation answers as told; botocore checks the answers against the service's model."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._client = boto3.client("cloudformation")
        self.stub = Stubber(self._client)
        self.session = boto3.Session()
        monkeypatch.setattr(self.session, "client", lambda _: self._client)
        self.stub.activate()


@pytest.fixture
def aws_session(monkeypatch: pytest.MonkeyPatch) -> Session:
    return Session(monkeypatch)


def answer(outputs: dict[str, str], parameters: dict[str, str]) -> dict[str, Any]:
    told = {
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    }
    return {"Stacks": [STACK | told]}


def test_outputs_and_the_keys_layout_are_read(aws_session: Session) -> None:
    parameters = {
        "KeyPrefixes": ",trails/",
        "OrganizationId": "o-exampleorg",
        "PrefixAccount1": "cdn/=222222222222",
        "PrefixAccount2": "",
    }
    aws_session.stub.add_response("describe_stacks", answer({"OwnerQueueUrl": "https://…"}, parameters))
    stack = read_stack(aws_session.session, "distributary")
    assert stack.outputs == {"OwnerQueueUrl": "https://…"}
    assert stack.parameters == parameters
    assert stack.layout.key_prefixes == ("", "trails/")
    assert stack.layout.organization_id == "o-exampleorg"
    assert dict(stack.layout.prefix_accounts) == {"cdn/": "222222222222"}


def test_a_missing_stack_is_one_sentence(aws_session: Session) -> None:
    aws_session.stub.add_client_error("describe_stacks", "ValidationError", "Stack with id another does not exist")
    with pytest.raises(StackError, match="there is no stack another in this account and Region: name yours"):
        read_stack(aws_session.session, "another")


def test_another_stack_is_not_taken_for_ours(aws_session: Session) -> None:
    aws_session.stub.add_response("describe_stacks", answer({"Something": "else"}, {}))
    with pytest.raises(StackError, match="is not the stack of"):
        read_stack(aws_session.session, "distributary")
