import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from distributary.credentials import AssumeRoleError
from distributary.faults import Fault, classify
from distributary.subscription_table import TableThrottledError


def client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "the text is never looked at"}}, operation)


@pytest.mark.parametrize(
    ("code", "operation", "fault"),
    [
        ("SlowDown", "CopyObject", Fault.THROTTLED),
        ("Throttling", "AssumeRole", Fault.THROTTLED),
        ("ProvisionedThroughputExceededException", "BatchGetItem", Fault.THROTTLED),
        ("InternalError", "CopyObject", Fault.TRANSIENT),
        ("ServiceUnavailable", "CopyObject", Fault.TRANSIENT),
        ("ConditionalRequestConflict", "CopyObject", Fault.TRANSIENT),
        ("ExpiredToken", "CopyObject", Fault.TRANSIENT),
        ("NoSuchKey", "CopyObject", Fault.GONE),
        ("NoSuchVersion", "CopyObject", Fault.GONE),
        ("AccessDenied", "CopyObject", Fault.RECEIVER_BROKEN),
        ("AccessDenied", "AssumeRole", Fault.RECEIVER_BROKEN),
        ("NoSuchBucket", "CopyObject", Fault.RECEIVER_BROKEN),
        ("KMS.DisabledException", "CopyObject", Fault.RECEIVER_BROKEN),
        ("AccessDeniedException", "BatchGetItem", Fault.MISCONFIGURED),
        ("ResourceNotFoundException", "BatchGetItem", Fault.MISCONFIGURED),
    ],
)
def test_an_aws_error_is_classed_by_code_and_operation(code: str, operation: str, fault: Fault) -> None:
    assert classify(client_error(code, operation)) is fault


def test_a_role_that_cannot_be_assumed_is_classed_by_its_cause() -> None:
    error = AssumeRoleError("arn", client_error("Throttling", "AssumeRole"))
    error.__cause__ = client_error("Throttling", "AssumeRole")
    assert classify(error) is Fault.THROTTLED


def test_an_unreachable_endpoint_is_transient() -> None:
    assert classify(ConnectTimeoutError(endpoint_url="https://s3")) is Fault.TRANSIENT


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "transient"),
        ("https://s3-fips.dualstack.us-gov-east-1.amazonaws.com", "transient"),
        ("https://sns.cn-north-1.amazonaws.com.cn/", "transient"),
        ("http://localhost:4566", "transient"),
        ("http://my-proxy-1.internal", "transient"),
        ("https://vpce-0a1b-us-east-1a.s3.us-east-1.vpce.amazonaws.com", "transient"),
        ("https://sns.eu-wst-1.amazonaws.com/", "receiver_broken"),
        ("https://s3.cn-nrth-1.amazonaws.com.cn", "receiver_broken"),
        ("https://sns.eu-west-9.amazonaws.com", "receiver_broken"),
    ],
)
def test_an_endpoint_in_a_region_that_there_is_not_is_the_receivers_mistake(url: str, fault: str) -> None:
    assert classify(EndpointConnectionError(endpoint_url=url, error="no such host")) == fault
    assert classify(ConnectTimeoutError(endpoint_url=url)) == "transient"


def test_a_retryable_error_of_ours_is_transient() -> None:
    assert classify(TableThrottledError("table")) is Fault.TRANSIENT


def test_an_error_nobody_foresaw_is_our_own() -> None:
    assert classify(ZeroDivisionError()) is Fault.MISCONFIGURED
