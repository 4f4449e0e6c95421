"""What Account A's stack says of the receivers: whether its functions deliver to them at all. Reads only."""

from collections.abc import Iterator, Mapping, Sequence

from boto3.session import Session
from botocore.exceptions import ClientError

from distributary.subscriptions import Subscription
from distributary_cli.aws_errors import DENIED
from distributary_cli.findings import Finding
from distributary_cli.stacks import StackError, read_stack

TABLE_SUFFIX = "-subscriptions"
"""The template names the table after its stack; a table of another name belongs to none."""


def look_at_stack(subscriptions: Sequence[Subscription], session: Session, table: str) -> Iterator[Finding]:
    """Whom the stack doesn't deliver to; a warning about the whole file where that can't be found out.

    Raises:
        botocore.exceptions.ClientError: for another reason than a missing permission.
    """
    name = table.removesuffix(TABLE_SUFFIX)
    if name == table:
        return
    not_checked = "whether the stack delivers to these accounts was not checked"
    try:
        parameters = read_stack(session, name).parameters
    except StackError:
        yield Finding("", "", f"{not_checked}: there is no stack {name} of template.yaml here", is_problem=False)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        yield Finding("", "", f"{not_checked}: cloudformation:DescribeStacks is denied", is_problem=False)
    else:
        for subscription in subscriptions:
            yield from _left_out(subscription, name, parameters)


def _left_out(subscription: Subscription, stack: str, parameters: Mapping[str, str]) -> Iterator[Finding]:
    if subscription.is_third_party:
        parameter, reason = "ThirdPartyAccountIds", "no log file would be sent there"
    elif parameters.get("OrganizationId"):
        return  # who is in the organisation can't be seen from here
    else:
        parameter, reason = "AccountIds", "its delivery role could not be assumed"
    listed = [one.strip() for one in parameters.get(parameter, "").split(",")]
    if subscription.account_id not in listed:
        reason = f"{subscription.account_id} is not in {parameter} of stack {stack}: {reason}"
        yield Finding(subscription.name, "account_id", reason)
