"""What AWS can tell beforehand about subscriptions: the stack, each bucket, and each topic in Account A. Reads only.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError

from distributary.subscriptions import CopyTarget, Subscription
from distributary_cli import tables
from distributary_cli.aws_errors import DENIED
from distributary_cli.findings import Finding
from distributary_cli.regions import is_known
from distributary_cli.stack_checks import look_at_stack
from distributary_cli.topic_checks import look_at_topic

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

AT_ONCE = 16
CONFIG = tables.CONFIG.merge(Config(max_pool_connections=AT_ONCE))


@dataclass(frozen=True, slots=True)
class _Clients:
    s3: "S3Client"
    sns: dict[str, "SNSClient"]
    """By Region."""
    account_id: str | None
    """Account A's, which is the caller's own; None where that may not be asked."""


def check(subscriptions: Sequence[Subscription], session: Session, table: str) -> tuple[Finding, ...]:
    """Look at the stack of a table, and at the buckets and topics of subscriptions, `AT_ONCE` at once.

    Paused ones deliver nothing and are left out.

    Raises:
        botocore.exceptions.ClientError: for another reason than a missing permission.
        botocore.exceptions.BotoCoreError: if AWS cannot be reached.
    """
    active = [one for one in subscriptions if not one.paused]
    if not active:
        return ()
    left_out = tuple(look_at_stack(active, session, table))
    clients = _clients(active, session)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda one: tuple(_look(clients, one)), active))
    return (*left_out, *(finding for findings in found for finding in findings))


def _clients(subscriptions: Sequence[Subscription], session: Session) -> _Clients:
    """All clients that are needed, made here because making them is not for several threads at once.

    S3 is asked in the session's own Region, which leads to a bucket in any other: a mistyped Region has no endpoint.
    """
    topics = [one.notify for one in subscriptions if one.notify]
    account_id = _caller_account_id(session) if topics else None
    there = (topic for topic in topics if topic.account_id == account_id)
    regions = {topic.region for topic in there if is_known(topic.partition, topic.region)}
    sns = {region: session.client("sns", region_name=region, config=CONFIG) for region in regions}
    return _Clients(session.client("s3", config=CONFIG), sns, account_id)


def _look(clients: _Clients, subscription: Subscription) -> Iterator[Finding]:
    if subscription.copy_to:
        yield from _look_at_bucket(clients.s3, subscription.name, subscription.copy_to)
    if subscription.notify:
        yield from look_at_topic(clients.sns, clients.account_id, subscription, subscription.notify)


def _look_at_bucket(s3: "S3Client", name: str, target: CopyTarget) -> Iterator[Finding]:
    """A bucket that we may not see (403) is somebody else's, as it should be; S3 tells its Region all the same."""
    try:
        answer: Mapping[str, Any] = s3.head_bucket(Bucket=target.bucket)
    except ClientError as error:
        answer = error.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    if status == HTTPStatus.NOT_FOUND:
        yield Finding(name, "copy_to.bucket", f"there is no such bucket as {target.bucket}")
    elif region and region != target.region:
        yield Finding(name, "copy_to.region", f"the bucket is in {region}, not in {target.region}")
    elif status not in (HTTPStatus.OK, HTTPStatus.FORBIDDEN):
        reason = f"S3 did not tell whether it exists (HTTP status {status})"
        yield Finding(name, "copy_to.bucket", reason, is_problem=False)


def _caller_account_id(session: Session) -> str | None:
    try:
        return tables.caller_arn(session).split(":")[4]
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return None
