from typing import Any

import pytest
from integration.gaps.world import EVERYTHING, A, Aws, B, refused

from distributary_local.emulator import EmulatorError


@pytest.mark.gap("root_assumes_no_role")
def test_the_root_user_assumes_no_role(aws: Aws) -> None:
    with refused("AccessDenied"):
        aws.assume(aws.emulator.session(B), aws.role(A, {"AWS": B}))


@pytest.mark.gap("session_durations")
def test_a_session_lasts_no_longer_than_the_role_allows(aws: Aws) -> None:
    user, role_arn = aws.user(A, EVERYTHING), aws.role(A, {"AWS": A}, MaxSessionDuration=7200)
    aws.assume(user, role_arn, DurationSeconds=7200)
    with refused("ValidationError"):
        aws.assume(user, role_arn, DurationSeconds=7201)


@pytest.mark.gap("session_durations")
def test_a_chained_session_lasts_an_hour_at_most(aws: Aws) -> None:
    role_arn = aws.role(A, {"AWS": A}, MaxSessionDuration=7200)
    _, session = aws.role_session(A, EVERYTHING)
    aws.assume(session, role_arn, DurationSeconds=3600)
    with refused("ValidationError"):
        aws.assume(session, role_arn, DurationSeconds=3601)


@pytest.mark.gap("session_names")
def test_a_session_name_has_no_slash(aws: Aws) -> None:
    with refused("ValidationError"):
        aws.assume(aws.user(A, EVERYTHING), aws.role(A, {"AWS": A}), RoleSessionName="deliver/to/owner")


@pytest.mark.gap("role_paths")
def test_the_path_is_part_of_the_role(aws: Aws) -> None:
    user, role_arn = aws.user(A, EVERYTHING), aws.role(A, {"AWS": A}, path="/delivery/")
    aws.assume(user, role_arn)
    with refused("AccessDenied"):
        aws.assume(user, role_arn.replace("/delivery/", "/"))


@pytest.mark.parametrize(
    ("service", "call", "arguments", "codes"),
    [
        ("s3", "list_buckets", {}, ["ExpiredToken"]),
        ("s3", "head_bucket", {"Bucket": "any-bucket"}, ["400"]),
        ("sqs", "list_queues", {}, ["ExpiredToken", "ExpiredTokenException"]),
        ("dynamodb", "list_tables", {}, ["ExpiredTokenException"]),
    ],
)
@pytest.mark.gap("expired_sessions")
def test_an_ended_session_stays_known(
    aws: Aws, service: str, call: str, arguments: dict[str, Any], codes: list[str]
) -> None:
    role_arn, session = aws.role_session(A, EVERYTHING)
    credentials = session.get_credentials()
    assert credentials is not None
    aws.emulator.expire_session(str(credentials.access_key))
    aws.assume(aws.user(A, EVERYTHING), role_arn)  # ministack tidies up here
    with refused(*codes):
        getattr(aws.of(session, service), call)(**arguments)


@pytest.mark.gap("expire_session")
def test_a_test_can_end_a_session(aws: Aws) -> None:
    _, session = aws.role_session(A, EVERYTHING)
    credentials = session.get_credentials()
    assert credentials is not None
    try:
        aws.emulator.expire_session(str(credentials.access_key))
    except EmulatorError as error:
        raise AssertionError from error
    with refused("ExpiredToken"):
        aws.of(session, "sts").get_caller_identity()
