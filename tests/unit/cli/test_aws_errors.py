from typing import Any

import pytest
from botocore import exceptions as sdk

from distributary_cli.aws_errors import say

DENIED = (
    "User: arn:aws:sts::111111111111:assumed-role/reader/jo is not authorized to perform: dynamodb:Scan on resource: "
    "arn:aws:dynamodb:eu-west-1:111111111111:table/t because no identity-based policy allows the dynamodb:Scan action"
)


def answer(code: str, message: str = "what AWS says", operation: str = "Scan") -> sdk.ClientError:
    return sdk.ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sdk.NoCredentialsError(), "AWS credentials were not found: name a profile with --profile, or sign in"),
        (sdk.PartialCredentialsError(provider="env", cred_var="x"), "AWS credentials are unusable"),
        (sdk.NoRegionError(), "no AWS Region is chosen: add --region"),
        (sdk.ProfileNotFound(profile="typo"), "there is no AWS profile named typo"),
        (sdk.InvalidRegionError(region_name="eu west"), "eu west is not a Region"),
        (sdk.EndpointConnectionError(endpoint_url="https://x", error="refused"), "AWS cannot be reached"),
        (sdk.ConnectTimeoutError(endpoint_url="https://x"), "AWS cannot be reached"),
        (sdk.ReadTimeoutError(endpoint_url="https://x"), "AWS cannot be reached"),
        (sdk.SSLError(endpoint_url="https://x", error=ValueError("bad certificate")), "AWS cannot be reached"),
        (sdk.UnauthorizedSSOTokenError(), "the AWS sign-in is missing or has expired"),
        (sdk.SSOTokenLoadError(error_msg="none"), "the AWS sign-in is missing or has expired"),
        (sdk.TokenRetrievalError(provider="sso", error_msg="x"), "the AWS sign-in is missing or has expired"),
        (answer("ResourceNotFoundException"), "there is no table subscriptions in this account and Region"),
        (
            answer("ResourceNotFoundException", "Function not found", "Invoke"),
            "Invoke was refused by AWS: ResourceNotFoundException: Function not found",
        ),
        (answer("AccessDeniedException", DENIED), f"access denied. {DENIED}. Allow it"),
        (answer("AccessDenied", "no"), "access denied. Scan: no. Allow it"),
        (answer("AuthorizationError", "no"), "access denied. Scan: no. Allow it"),
        (answer("ExpiredTokenException"), "the AWS credentials have expired: sign in again"),
        (answer("ExpiredToken"), "the AWS credentials have expired: sign in again"),
        (answer("UnrecognizedClientException"), "AWS does not know these credentials (what AWS says)"),
        (answer("ThrottlingException"), "AWS is throttling Scan: wait a moment"),
        (answer("ValidationException"), "Scan was refused by AWS: ValidationException: what AWS says"),
        (sdk.UnknownServiceError(service_name="x", known_service_names="y"), "Unknown service"),
    ],
)
def test_each_error_is_one_sentence_with_the_likely_fix(error: Exception, expected: str) -> None:
    said = say(error, "subscriptions")
    assert said.startswith(expected)
    assert "\n" not in said


COMMANDS = [("subscriptions", "list"), ("explain", "AWSLogs/222222222222/CloudTrail/x/222222222222_x.json.gz")]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_table_is_said_and_fails(run: Any, aws: None, command: tuple[str, ...]) -> None:  # noqa: ARG001
    failed = run(*command, "--table", "none")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr.startswith("Error: there is no table none in this account and Region")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_region_no_credentials_no_profile_are_said(
    run: Any, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "no AWS Region is chosen" in run(*command).stderr
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "AWS credentials were not found" in run(*command, "--region", "eu-west-1").stderr
    assert "there is no AWS profile named typo" in run(*command, "--profile", "typo").stderr
    assert "is not a Region" in run(*command, "--region", "eu west").stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_an_endpoint_that_nothing_answers_at_is_said(
    run: Any, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    failed = run(*command)
    assert failed.exit_code == 1
    assert failed.stderr.startswith("Error: AWS cannot be reached: ")


def test_a_bad_endpoint_url_is_said(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    failed = run("subscriptions", "list")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("Error: ")
