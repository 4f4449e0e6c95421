"""What AWS refuses a reader, as one sentence: who may not do what, and the likely fix.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore import exceptions as sdk

from distributary.errors import DistributaryError
from distributary_cli import aws_errors, output
from distributary_cli.logs_queues import queue_account
from distributary_cli.reader_codes import DENIED, ENDING, EXPIRED, NO_BUCKET, NO_KEY, NO_QUEUE, OF_ONE, SLOW, UNKNOWN
from distributary_cli.reader_sessions import ReaderSessions


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command was asked, as far as its errors speak of it."""

    sessions: ReaderSessions
    bucket: str = ""
    names_account: bool = False
    queue_url: str = ""
    read_action: str = "s3:GetObject"
    """What reading a log file takes; of a version that is named, another permission."""

    def say(self, error: BaseException, key: str | None = None) -> str:
        """An error in one sentence."""
        if isinstance(error, sdk.ClientError):
            return self._answer(error, key)
        if isinstance(error, EOFError):  # botocore asks for a code, where the profile's source is a role with MFA
            return "a role on the way to the reader role demands an MFA code, and nobody gives one: use a terminal"
        if isinstance(error, sdk.ParamValidationError):
            return str(error).splitlines()[-1]
        return aws_errors.say(error, "")

    def ends_all(self, error: BaseException) -> bool:
        """Whether the next log file would meet the same error."""
        if isinstance(error, sdk.ClientError):
            return error.operation_name == "AssumeRole" or _code(error) in ENDING
        return not isinstance(error, OF_ONE)

    def _answer(self, error: sdk.ClientError, key: str | None) -> str:
        code = _code(error)
        place = f"s3://{self.bucket}/{key}" if key is not None else f"s3://{self.bucket}"
        if code in EXPIRED and self.sessions.sign_in.mfa_serial:
            return "the session with MFA has ended: repeat the command with a new code; what is complete stays"
        if code in EXPIRED:
            return f"the AWS credentials have expired: {aws_errors.SIGN_IN}"
        if code in UNKNOWN:
            return f"AWS does not know these credentials ({_message(error)}): check --profile and the AWS_… variables"
        if code in DENIED or code.startswith("KMS."):
            return self._denial(error, place)
        if code in NO_BUCKET:
            return f"there is no bucket {self.bucket}: check --bucket, and the Region and partition of your credentials"
        if code in NO_KEY:
            return f"there is no {place}"
        if code in NO_QUEUE:
            return f"there is no queue {self.queue_url}: check --queue-url, and the account with --profile"
        if code == "InvalidObjectState":
            return f"{place} is archived: it has to be restored before anybody can read it"
        if code in SLOW:
            return self._overload(code, place)
        return f"{error.operation_name} was refused by AWS: {code}: {_message(error)}"

    def _overload(self, code: str, place: str) -> str:
        if self.queue_url:
            return f"SQS answers {code} for {self.queue_url} again and again: repeat the command later"
        return f"S3 answers {code} for {place} again and again: repeat the command later, or lower --concurrency"

    def _denial(self, error: sdk.ClientError, place: str) -> str:
        match error.operation_name:
            case "AssumeRole":
                return self._role_denial(error)
            case "ListObjectsV2":
                fix = (
                    "a reader role lists its own account's prefixes only: check --account, --key-prefixes and "
                    "--organization-id"
                    if self.names_account
                    else "a reader role lists its own account's prefixes only: name the account, such as --account "
                    "222222222222"
                )
                return f"{self.reader()} may not list {place} (s3:ListBucket): {fix}"
            case "GetObject" | "HeadObject" if "kms:" in _message(error).lower() or _code(error).startswith("KMS."):
                return (
                    f"{self.reader()} may not decrypt {place} (kms:Decrypt): the KMS key's policy must allow this "
                    f"principal, and so must its own policy. AWS says: {_message(error)}"
                )
            case "GetObject" | "HeadObject":
                return (
                    f"{self.reader()} may not read {place} ({self.read_action}): it is another account's, its KMS key "
                    "refuses (kms:Decrypt), or it is not there"
                )
            case "ReceiveMessage" | "DeleteMessage" as action:
                return self._queue_denial(action)
        return f"{self.caller()} may not do {error.operation_name}: {_message(error)}"

    def _queue_denial(self, action: str) -> str:
        if self.sessions.is_role_of(queue_account(self.queue_url)):
            who, why = self.reader(), "if this is the reader role, name it with --role-arn too, to ask as yourself"
        else:
            who, why = self.caller(), "the queue is asked with your own credentials, not as the reader role"
        return f"{who} may not use the queue {self.queue_url} (sqs:{action}): its owner's policies must allow it; {why}"

    def _role_denial(self, error: sdk.ClientError) -> str:
        asked, caller = self.sessions.sign_in, self.caller()
        if caller.endswith(":root"):
            return f"{caller} is a root user, and AWS lets none assume a role: sign in as an IAM user or role"
        parts = [
            "its trust policy must name this principal or its account, and your own policies allow sts:AssumeRole",
            "the external ID must be the one it demands"
            if asked.external_id
            else "if it demands an external ID, add --external-id",
            "the MFA code must be fresh" if asked.mfa_serial else "if it demands MFA, add --mfa-serial",
        ]
        if not self.sessions.caller():  # it may be a role of the profile's source that was refused
            parts.append(f"AWS says: {_message(error)}")
        role = asked.role_arn or "the profile's role"
        return f"{caller} may not assume {role} (sts:AssumeRole): {'; '.join(parts)}"

    def reader(self) -> str:
        """Who reads the bucket."""
        return self.sessions.sign_in.role_arn or self.caller()

    def caller(self) -> str:
        """The principal that AWS takes the own credentials for, or what else there is to call it."""
        profile = self.sessions.own.profile_name
        return self.sessions.caller() or (f"profile {profile}" if profile != "default" else "this principal")


@contextmanager
def said_plainly(asked: Asked) -> Iterator[None]:
    """Turn AWS's errors, and the library's, into one sentence on standard error and exit code 1."""
    try:
        yield
    except (sdk.ClientError, sdk.BotoCoreError, DistributaryError, EOFError) as error:
        output.fail(asked.say(error))


def _code(error: sdk.ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))


def _message(error: sdk.ClientError) -> str:
    return str(error.response["Error"].get("Message", ""))
