"""The codes of AWS's errors that a reader meets, by what they mean.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from botocore import exceptions as sdk

from distributary_cli import aws_errors

DENIED = aws_errors.DENIED | {"403", "AllAccessDisabled"}
NO_BUCKET = {"NoSuchBucket"}
NO_KEY = {"NoSuchKey", "404", "NoSuchVersion"}
NO_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
EXPIRED = aws_errors.EXPIRED | {"InvalidToken"}
UNKNOWN = aws_errors.UNKNOWN | {"InvalidAccessKeyId"}
SLOW = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "RequestThrottled"}
ENDING = EXPIRED | UNKNOWN
"""Codes after which no other log file can be read either."""

OF_ONE = (
    sdk.ReadTimeoutError,
    sdk.ResponseStreamingError,
    sdk.IncompleteReadError,
    sdk.FlexibleChecksumError,
    sdk.ParamValidationError,
)
"""Errors that the next log file may well escape."""


def passes(error: Exception) -> bool:
    """Whether the same request may well be answered later: there is no network, or AWS is overloaded."""
    if isinstance(error, sdk.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error.response["Error"].get("Code") in SLOW | aws_errors.THROTTLED
    return isinstance(error, sdk.HTTPClientError | sdk.ConnectionError)
