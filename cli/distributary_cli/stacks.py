"""What Account A's stack says of itself: outputs and parameters that commands need, so that nobody has to copy them.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from boto3.session import Session
from botocore.exceptions import ClientError

from distributary.errors import DistributaryError
from distributary.keys import KeyLayout
from distributary.settings import read_layout


class StackError(DistributaryError):
    """There is no such stack in this account and Region, or it is another one."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Account A's stack."""

    outputs: Mapping[str, str]
    layout: KeyLayout
    """The keys' layout that its parameters describe."""
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_stack(session: Session, name: str) -> Stack:
    """Account A's stack.

    Raises:
        StackError: if there is no such stack, or it isn't ours.
        botocore.exceptions.ClientError: as DescribeStacks does.
    """
    try:
        described = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise StackError(
                f"there is no stack {name} in this account and Region: name yours with --stack, and the account and "
                "Region with --profile and --region"
            ) from error
        raise
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}
    if "OwnerQueueUrl" not in outputs:
        raise StackError(f"stack {name} has no output OwnerQueueUrl: it is not the stack of template.yaml")
    parameters = {one["ParameterKey"]: one.get("ParameterValue", "") for one in described.get("Parameters", [])}
    return Stack(outputs, _layout(parameters), parameters)


def _layout(parameters: Mapping[str, str]) -> KeyLayout:
    mapped = (value for name, value in parameters.items() if name.startswith("PrefixAccount"))
    return read_layout(
        {
            "KEY_PREFIXES": parameters.get("KeyPrefixes", ",/"),
            "ORGANIZATION_ID": parameters.get("OrganizationId", ""),
            "PREFIX_ACCOUNTS": ",".join(mapped),
        }
    )
