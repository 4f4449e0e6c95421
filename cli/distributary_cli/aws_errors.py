"""AWS's errors as one sentence with the likely fix, instead of a traceback.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore import exceptions as sdk

from distributary.errors import DistributaryError
from distributary_cli import output

SIGN_IN = "sign in again (for example `aws sso login`) and repeat the command"
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN = {"UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException"}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttled",
    "Throttling",
    "ThrottlingException",
}

# In the order in which they are tried: some are subclasses of others.
Sentence = Callable[[sdk.BotoCoreError], str]
SENTENCES: tuple[tuple[tuple[type[sdk.BotoCoreError], ...], Sentence], ...] = (
    (
        (sdk.NoCredentialsError,),
        lambda _: (
            "AWS credentials were not found: name a profile with --profile, or sign in (for example `aws sso login`)"
        ),
    ),
    (
        (sdk.PartialCredentialsError, sdk.CredentialRetrievalError),
        lambda error: f"AWS credentials are unusable: {error}",
    ),
    (
        (sdk.NoRegionError,),
        lambda _: "no AWS Region is chosen: add --region, such as --region eu-west-1, or set AWS_REGION",
    ),
    (
        (sdk.InvalidRegionError,),
        lambda error: f"{error.kwargs['region_name']} is not a Region: --region wants one such as eu-west-1",
    ),
    (
        (sdk.ProfileNotFound,),
        lambda error: (
            f"there is no AWS profile named {error.kwargs['profile']}: `aws configure list-profiles` names yours"
        ),
    ),
    (
        (sdk.SSOError, sdk.TokenRetrievalError, sdk.LoginError),
        lambda error: f"the AWS sign-in is missing or has expired ({error}): {SIGN_IN}",
    ),
    (
        (sdk.SSLError, sdk.HTTPClientError, sdk.ConnectionError),
        lambda error: f"AWS cannot be reached: {error}; check the network, the Region and AWS_ENDPOINT_URL",
    ),
)


@contextmanager
def said_plainly(table: str) -> Iterator[None]:
    """Turn AWS's errors, and the library's, into one message on standard error and exit code 1."""
    try:
        yield
    except (sdk.ClientError, sdk.BotoCoreError, DistributaryError) as error:
        output.fail(say(error, table))


def say(error: BaseException, table: str) -> str:
    """An error in words, with the likely fix."""
    if isinstance(error, sdk.ClientError):
        return _answer(error, table)
    for kinds, sentence in SENTENCES:
        if isinstance(error, kinds):
            return sentence(error)
    return str(error)


def _answer(error: sdk.ClientError, table: str) -> str:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code == "ResourceNotFoundException" and error.operation_name != "Invoke":  # Lambda's is about a function
        return (
            f"there is no table {table} in this account and Region: deploy the stack first, or name its output "
            "SubscriptionsTableName with --table, and the account and Region with --profile and --region"
        )
    if code in DENIED:
        said = message if "not authorized to perform" in message else f"{error.operation_name}: {message}"
        return f"access denied. {said}. Allow it (docs/subscriptions.md has the policy), or use another --profile"
    if code in EXPIRED:
        return f"the AWS credentials have expired: {SIGN_IN}"
    if code in UNKNOWN:
        return f"AWS does not know these credentials ({message}): check --profile and the AWS_… variables"
    if code in THROTTLED:
        return f"AWS is throttling {error.operation_name}: wait a moment and repeat the command"
    return f"{error.operation_name} was refused by AWS: {code}: {message}"
