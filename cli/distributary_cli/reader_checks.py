"""Tries what a reader needs, one step after the other: who they are, their role, their listing, a log file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from distributary.errors import DistributaryError
from distributary.keys import ROOT
from distributary.prefixes import Planner
from distributary.selections import Selection
from distributary_cli.reader_codes import DENIED
from distributary_cli.reader_errors import Asked
from distributary_cli.reader_sessions import ReaderSessions, client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Check:
    """One step: what AWS answered, as a sentence."""

    action: str
    """As IAM names it, such as `s3:ListBucket`."""
    ok: bool
    sentence: str
    arn: str | None = None
    """The principal that it has shown, if it has."""
    account_id: str | None = None
    """That principal's account."""
    needed: bool = True
    """Whether a reader needs it: not every one may list all accounts' log files."""


def check_reader(asked: Asked, planner: Planner) -> Iterator[Check]:
    """Each step in turn; none after one that all others need."""
    account_id = ""
    try:
        sessions = asked.sessions
        own = _caller(sessions)
        account_id = own.account_id or ""
        yield own
        if sessions.sign_in.role_arn:
            yield _role(sessions, sessions.sign_in.role_arn)
        s3 = client(sessions.reader, "s3")
    except (ClientError, BotoCoreError, DistributaryError, EOFError) as error:
        yield Check("sts:AssumeRole" if account_id else "sts:GetCallerIdentity", False, f"{asked.say(error)}.")
        return
    if asked.bucket:
        yield from _bucket(s3, asked, planner, account_id)


def _caller(sessions: ReaderSessions) -> Check:
    answer = client(sessions.own, "sts").get_caller_identity()
    sentence = f"You are {answer['Arn']}, in account {answer['Account']}."
    return Check("sts:GetCallerIdentity", True, sentence, answer["Arn"], answer["Account"])


def _role(sessions: ReaderSessions, role_arn: str) -> Check:
    answer = client(sessions.reader, "sts").get_caller_identity()
    sentence = f"You can assume {role_arn}: you are then {answer['Arn']}."
    return Check("sts:AssumeRole", True, sentence, answer["Arn"], answer["Account"])


def _bucket(s3: "S3Client", asked: Asked, planner: Planner, account_id: str) -> Iterator[Check]:
    wanted = planner.selection
    own = Planner(Selection(wanted.layout, wanted.account_ids or frozenset({account_id})), planner.now)
    listed, key = [], None
    for place in own.start():
        try:
            answer = s3.list_objects_v2(Bucket=asked.bucket, Prefix=place.prefix, MaxKeys=1)
        except (ClientError, BotoCoreError) as error:
            yield Check("s3:ListBucket", False, f"{asked.say(error, place.prefix)}.")
        else:
            listed.append(place.prefix)
            key = key or next((one["Key"] for one in answer.get("Contents", ())), None)
    if listed:
        holds = "and there are log files" if key else "and nothing is there"
        yield Check("s3:ListBucket", True, f"You can list {', '.join(listed)} in s3://{asked.bucket}, {holds}.")
    if key:
        yield _read(s3, asked, key)
    if not wanted.account_ids:
        yield _list_all(s3, asked)


def _read(s3: "S3Client", asked: Asked, key: str) -> Check:
    try:
        s3.get_object(Bucket=asked.bucket, Key=key)["Body"].close()
    except (ClientError, BotoCoreError) as error:
        return Check("s3:GetObject", False, f"{asked.say(error, key)}.")
    return Check("s3:GetObject", True, f"You can read s3://{asked.bucket}/{key}.")


def _list_all(s3: "S3Client", asked: Asked) -> Check:
    try:
        s3.list_objects_v2(Bucket=asked.bucket, Prefix=ROOT, MaxKeys=1)
    except ClientError as error:
        if error.response["Error"].get("Code") not in DENIED:
            return Check("s3:ListBucket", False, f"{asked.say(error, ROOT)}.")
        sentence = "You cannot list other accounts' log files, as an owner should not: name yours with --account."
        return Check("s3:ListBucket", False, sentence, needed=False)
    return Check("s3:ListBucket", True, "You can list every account's log files.", needed=False)
