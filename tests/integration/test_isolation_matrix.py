"""Who may do what: isolation_matrix.yaml, tried cell by cell with IAM enforced."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from integration.isolation_questions import THINGS, Row, ask, rows
from integration.isolation_world import World
from templates import ROOT, load, resources

ROWS = rows()
SERVICES = ("s3", "sns", "kms", "dynamodb", "sqs", "sts")


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_principal_may_do_what_the_matrix_says_and_nothing_else(matrix_world: World, row: Row) -> None:
    session, account_id = matrix_world.session(row.principal), matrix_world.account_of(row.principal)
    clients = {service: matrix_world.emulator.client_of(session, service) for service in SERVICES}
    questions = list(row.questions)
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda question: ask(matrix_world, clients.__getitem__, account_id, *question), questions)
    said = dict(zip(questions, answers, strict=True))
    expected = {question: "allow" if question in row.may else "deny" for question in questions}
    wrong = {" ".join(one): f"{said[one]}, not {expected[one]}" for one in questions if said[one] != expected[one]}
    assert not wrong


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_row_allows_nothing_that_is_not_tried(row: Row) -> None:
    assert row.may <= set(row.questions)


def test_every_role_of_the_templates_has_a_row() -> None:
    paths = ["template.yaml", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("accounts/*/template.yaml"))]
    made = {f"{path} {name}" for path in paths for name in resources(load(path), "AWS::IAM::Role")}
    assert {row.role for row in ROWS if row.role} == made


def test_sam_adds_no_role_to_those_of_the_template() -> None:
    """A function or state machine without one gets one, as does an event such as ScheduleV2: it would have no row."""
    template = load("template.yaml")
    named = [{"Fn::GetAtt": f"{name}.Arn"} for name in resources(template, "AWS::IAM::Role")]
    functions = resources(template, "AWS::Serverless::Function")
    assert {name for name, one in functions.items() if one.get("Role") in named} == set(functions)
    events = {event["Type"] for one in functions.values() for event in one.get("Events", {}).values()}
    assert events == {"SQS", "Schedule"}
    kinds = {one["Type"] for one in template["Resources"].values() if one["Type"].startswith("AWS::Serverless::")}
    assert kinds == {"AWS::Serverless::Function", "AWS::Serverless::LayerVersion"}


def test_what_nobody_may_do_is_what_must_never_happen() -> None:
    """All the rest is allowed to somebody: a call that never works would else pass for one that is denied."""
    allowed = {one for row in ROWS for one in row.may}
    never = {f"{verb} {thing}" for verb, things in THINGS.items() for thing in things} - {
        " ".join(one) for one in allowed
    }
    across = {f"copy {owner}>{receiver}" for owner in "ABCD" for receiver in "BC" if owner != receiver}
    with_ids = ("delivery-A", "delivery-B", "delivery-C", "delivery-Z", "reader-C", "reader-Z")
    without_the_right_one = {f"assume {role}{how}" for role in with_ids for how in ("+wrong", "+none")}
    functions = {f"assume function-{name}" for name in ("owners", "third-parties", "reconcile", "backfill")}
    assert never == across | without_the_right_one | functions
