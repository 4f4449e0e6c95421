"""A second judge of the isolation matrix: an IAM simulator that has nothing in common with the local AWS.

It gets the policies as they are deployed: identity, session, bucket, key, topic, queue and trust policies. Root keys
are left out, since no policy of their account binds them.
"""

import pytest
from integration.isolation_questions import rows
from integration.isolation_world import ACCOUNTS, World
from integration.simulation import Principal, Questions, judge, simulation
from integration.stacks import reader_stack

from distributary_local.deployment import CENTRAL_ACCOUNT_ID, Deployment
from distributary_local.trespass import EVERYTHING

ROWS = [row for row in rows() if not row.principal.startswith("root")]


def test_the_simulator_agrees_with_the_matrix(matrix_world: World) -> None:
    makes = Questions(matrix_world)
    asked = [
        (row, question, one) for row in ROWS for question in row.questions for one in makes.of(row.principal, *question)
    ]
    verdicts = judge([one for *_, one in asked])
    said: dict[tuple[str, str], set[str]] = {}
    for (row, question, _), verdict in zip(asked, verdicts, strict=True):
        said.setdefault((row.name, " ".join(question)), set()).add(verdict)
    expected = {
        (row.name, " ".join(question)): "allow" if question in row.may else "deny"
        for row in ROWS
        for question in row.questions
    }
    assert set(said) == set(expected)
    wrong = {cell: verdicts for cell, verdicts in said.items() if together(verdicts) != expected[cell]}
    assert wrong == {}


def together(verdicts: set[str]) -> str:
    """Several permissions are needed together: one that is denied denies the call; an error is neither."""
    if verdicts <= {"allow", "deny"}:
        return "deny" if "deny" in verdicts else "allow"
    return str(verdicts)


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [
        ({"aws:MultiFactorAuthPresent": "true"}, "allow"),
        ({"aws:MultiFactorAuthPresent": "false"}, "deny"),
        ({}, "deny"),
    ],
)
def test_mfa_lets_a_user_in_where_it_is_required(deployment: Deployment, shown: dict[str, str], verdict: str) -> None:
    """The local AWS knows no MFA."""
    account_id = ACCOUNTS["B"]
    asking = Principal(account_id, "user/somebody", {"everything": EVERYTHING})
    with reader_stack(deployment, "simulated-mfa", ReceivingAccountId=account_id, RequireMfa="yes") as outputs:
        iam = deployment.emulator.client("iam", CENTRAL_ACCOUNT_ID)
        trust = iam.get_role(RoleName="simulated-mfa")["Role"]["AssumeRolePolicyDocument"]
    asked = simulation(asking, "sts:AssumeRole", outputs["RoleArn"], CENTRAL_ACCOUNT_ID, trust, **shown)
    assert judge([asked]) == [verdict]
