"""What went wrong with a delivery, by AWS error code and never by text."""

import re
from enum import StrEnum
from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from distributary.credentials import AssumeRoleError
from distributary.errors import DistributaryError, is_unreadable_answer
from distributary.regions import is_in_unknown_region


class OutOfTimeError(DistributaryError):
    """The function's timeout is near: what isn't done goes back to the queue."""

    def __init__(self) -> None:
        super().__init__("handed back before the function's timeout")


class CircuitOpenError(DistributaryError):
    """The receiver has refused several times in a row, lately: it isn't asked now."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not tried, as lately: {reason}")


class Fault(StrEnum):
    """The class of a failure. Only `gone` is final."""

    THROTTLED = "throttled"
    TRANSIENT = "transient"
    """The network, or AWS's own trouble."""
    RECEIVER_BROKEN = "receiver_broken"
    """The receiver's role, bucket or key refuses or is missing: somebody there has to mend it."""
    GONE = "gone"
    """The log file has left the central bucket. Seen only where S3 says so: without s3:ListBucket it says 403."""
    MISCONFIGURED = "misconfigured"
    """Our own stack or subscription table is wrong."""
    OUT_OF_TIME = "out_of_time"
    """Handed back untouched before the function's timeout."""
    UNREADABLE = "unreadable"
    """The message is not an event that anything here understands."""


THROTTLED = frozenset(
    {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}
    | {
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "BandwidthLimitExceeded",
        "KMS.ThrottlingException",
        "Throttled",
        "KMSThrottling",
    }
)
TRANSIENT = frozenset(
    {"InternalError", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "OperationAborted", "503", "500"}
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html: until S3's own DNS knows a new bucket
    | {"TemporaryRedirect"}
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: a conflict is tried again
    | {"ConditionalRequestConflict", "ExpiredToken", "ExpiredTokenException", "RequestTimeTooSkewed"}
)
OUR_OWN = frozenset({"PackedPolicyTooLarge", "MalformedPolicyDocument", "InvalidParameter", "ParameterValueInvalid"})
"""STS refuses the session policy that we wrote, or SNS the message."""
GONE = frozenset({"NoSuchKey", "NoSuchVersion"})
SERVER_ERROR = re.compile("5[0-9]{2}", re.ASCII)
"""What botocore has for a code where an answer has no body, as a proxy's or a HEAD's: the HTTP status."""


def classify(error: BaseException) -> Fault:
    """The class of an error that a delivery raised; an error of a kind nobody foresaw is `misconfigured`."""
    if isinstance(error, AssumeRoleError) and error.__cause__ is not None:
        return classify(error.__cause__)
    if isinstance(error, OutOfTimeError):
        return Fault.OUT_OF_TIME
    if isinstance(error, CircuitOpenError):
        return Fault.RECEIVER_BROKEN
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _of_code(error.response["Error"]["Code"], error.operation_name, status)
    # A bucket's or topic's mistyped Region; where the SDK merely doesn't know it, trying again is right as well.
    if isinstance(error, EndpointConnectionError) and is_in_unknown_region(error.kwargs["endpoint_url"]):
        return Fault.RECEIVER_BROKEN
    if isinstance(error, BotoCoreError) or is_unreadable_answer(error):
        return Fault.TRANSIENT
    if isinstance(error, DistributaryError) and error.retryable:
        return Fault.TRANSIENT
    return Fault.MISCONFIGURED


def _of_code(code: str, operation: str, status: int) -> Fault:
    if code in THROTTLED or code == "429":
        return Fault.THROTTLED
    if code in TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR or SERVER_ERROR.fullmatch(code):
        return Fault.TRANSIENT
    if code in GONE or (code == "404" and operation == "HeadObject"):
        return Fault.GONE
    return Fault.MISCONFIGURED if operation == "BatchGetItem" or code in OUR_OWN else Fault.RECEIVER_BROKEN
