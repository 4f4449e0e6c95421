"""AWS's own trouble is transient, whatever a service calls it."""

import pytest
from botocore.exceptions import ClientError

from distributary.faults import Fault, classify


@pytest.mark.parametrize(
    ("code", "operation", "status"),
    [
        ("InternalServerError", "BatchGetItem", 500),
        ("KMSInternalException", "CopyObject", 500),
        ("DependencyTimeoutException", "CopyObject", 503),
        ("GatewayTimeout", "PublishBatch", 504),
    ],
)
def test_an_answer_of_5xx_is_transient(code: str, operation: str, status: int) -> None:
    response = {"Error": {"Code": code, "Message": "injected"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert classify(ClientError(response, operation)) is Fault.TRANSIENT  # type: ignore[arg-type]
