from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from samples import A, B, C, Z, plain_subscription, subscription

from distributary_cli import stack_checks
from distributary_cli.checks import check
from distributary_cli.findings import Finding
from distributary_cli.stack_checks import look_at_stack
from distributary_cli.stacks import StackError

TABLE = "distributary-subscriptions"
AUDITOR = subscription(Z, scope="all")
NOT_CHECKED = "whether the stack delivers to these accounts was not checked"
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks")
EXPIRED = ClientError({"Error": {"Code": "ExpiredToken", "Message": "no"}}, "DescribeStacks")
Write = Callable[[Sequence[dict[str, Any]]], Path]


def found(*subscriptions: Any, table: str = TABLE) -> list[tuple[str, str]]:
    findings = list(look_at_stack(subscriptions, boto3.Session(), table))
    assert all(finding.is_problem and finding.field == "account_id" for finding in findings)
    return [(finding.subscription, finding.reason) for finding in findings]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    def refuse_with(error: Exception) -> None:
        def refused(*_: Any) -> Any:
            raise error

        monkeypatch.setattr(stack_checks, "read_stack", refused)

    return refuse_with


@pytest.mark.parametrize("third_parties", ["", "888888888888", "888888888888,099999999999"])
def test_a_third_party_that_the_stack_does_not_name_gets_nothing(
    parameters: dict[str, str], third_parties: str
) -> None:
    parameters["ThirdPartyAccountIds"] = third_parties
    reason = f"{Z} is not in ThirdPartyAccountIds of stack distributary: no log file would be sent there"
    assert found(subscription(B), AUDITOR) == [(AUDITOR.name, reason)]


def test_a_third_party_that_it_names_is_fine(parameters: dict[str, str]) -> None:
    parameters["ThirdPartyAccountIds"] = f"888888888888,{Z}"
    assert found(AUDITOR) == []


def test_an_owner_that_it_does_not_name_cannot_be_delivered_to(parameters: dict[str, str]) -> None:
    parameters |= {"OrganizationId": "", "AccountIds": f"{A}, {B}"}
    reason = f"{C} is not in AccountIds of stack distributary: its delivery role could not be assumed"
    assert found(subscription(A), subscription(B), subscription(C)) == [(f"owner-{C}", reason)]


def test_who_is_in_an_organisation_is_not_known_here(parameters: dict[str, str]) -> None:
    parameters["AccountIds"] = A  # ignored with one
    assert found(subscription(B)) == []


def test_a_table_under_another_name_belongs_to_no_stack(refuse: Callable[[Exception], None]) -> None:
    refuse(StackError())
    assert found(AUDITOR, table="by-hand") == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (StackError(), "there is no stack other of template.yaml here"),
        (DENIED, "cloudformation:DescribeStacks is denied"),
    ],
)
def test_a_stack_that_cannot_be_seen_is_one_warning(
    refuse: Callable[[Exception], None], error: Exception, why: str
) -> None:
    refuse(error)
    expected = [Finding("", "", f"{NOT_CHECKED}: {why}", is_problem=False)]
    assert list(look_at_stack([AUDITOR, subscription(B)], boto3.Session(), "other-subscriptions")) == expected


def test_another_error_than_a_denial_is_raised(refuse: Callable[[Exception], None]) -> None:
    refuse(EXPIRED)
    with pytest.raises(ClientError, match="ExpiredToken"):
        found(AUDITOR)


@pytest.mark.usefixtures("parameters")
def test_what_is_paused_is_not_looked_at() -> None:
    assert check([subscription("888888888888", scope="all", paused=True)], boto3.Session(), TABLE) == ()


def test_apply_writes_nothing_for_a_third_party_without_a_stack_for_it(
    run: Any, client: Any, parameters: dict[str, str], write: Write
) -> None:
    parameters["ThirdPartyAccountIds"] = ""
    path = write([plain_subscription(Z, name="auditor", scope="all")])
    refused = run("subscriptions", "apply", "--yes")
    problem, last = refused.stderr.splitlines()
    [line] = [number for number, text in enumerate(path.read_text().splitlines(), 1) if "account_id: " in text]
    assert problem.startswith(f"subscriptions.yaml:{line}:")
    assert f": subscriptions[0].account_id: {Z} is not in ThirdPartyAccountIds of stack distributary: " in problem
    assert (refused.exit_code, last) == (1, "Error: subscriptions.yaml has 1 problem in AWS; nothing was written")
    assert not client.scan(TableName=TABLE)["Items"]


@pytest.mark.usefixtures("client")
def test_a_warning_about_the_whole_file_names_no_line(
    run: Any, refuse: Callable[[Exception], None], write: Write
) -> None:
    refuse(StackError())
    write([plain_subscription(B)])
    planned = run("subscriptions", "plan")
    said = f"Warning: subscriptions.yaml: {NOT_CHECKED}: there is no stack distributary of template.yaml here\n"
    assert (planned.exit_code, planned.stderr) == (0, said)
