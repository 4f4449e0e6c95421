"""What AWS can tell beforehand about a subscription: its bucket, and its topic if that is in Account A. Reads only.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError

from distributary.subscriptions import CopyTarget, NotifyTarget, Subscription
from distributary_cli import tables
from distributary_cli.aws_errors import DENIED
from distributary_cli.findings import Finding
from distributary_cli.topic_policies import may_publish

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


def check(subscriptions: Sequence[Subscription], session: Session) -> tuple[Finding, ...]:
    """Look at the buckets and topics of subscriptions, `AT_ONCE` at once; paused ones deliver nothing and are left out.

    Raises:
        botocore.exceptions.ClientError: for another reason than a missing permission.
        botocore.exceptions.BotoCoreError: if AWS cannot be reached.
    """
    active = [one for one in subscriptions if not one.paused]
    if not active:
        return ()
    clients = _clients(active, session)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda one: tuple(_look(clients, one)), active))
    return tuple(finding for findings in found for finding in findings)


def _clients(subscriptions: Sequence[Subscription], session: Session) -> _Clients:
    """All clients that are needed, made here because making them is not for several threads at once.

    S3 is asked in the session's own Region, which leads to a bucket in any other: a mistyped Region has no endpoint.
    """
    topics = [one.notify for one in subscriptions if one.notify]
    account_id = _caller_account_id(session) if topics else None
    regions = {topic.region for topic in topics if _account_id(topic) == account_id}
    sns = {region: session.client("sns", region_name=region, config=CONFIG) for region in regions}
    return _Clients(session.client("s3", config=CONFIG), sns, account_id)


def _look(clients: _Clients, subscription: Subscription) -> Iterator[Finding]:
    if subscription.copy_to:
        yield from _look_at_bucket(clients.s3, subscription.name, subscription.copy_to)
    if subscription.notify:
        yield from _look_at_topic(clients, subscription, subscription.notify)


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


def _look_at_topic(clients: _Clients, subscription: Subscription, topic: NotifyTarget) -> Iterator[Finding]:
    """A topic in the receiving account can't be seen from here."""
    found = partial(Finding, subscription.name, "notify.topic_arn")
    in_receiving_account = _account_id(topic) == subscription.account_id
    if _account_id(topic) == clients.account_id:
        try:
            attributes = clients.sns[topic.region].get_topic_attributes(TopicArn=topic.topic_arn)["Attributes"]
        except ClientError as error:
            yield _unseen_topic(error, found)
            return
        # In one account the role's own policy is enough.
        if not in_receiving_account and not may_publish(
            json.loads(attributes["Policy"]), subscription.delivery_role_arn
        ):
            yield found(
                "the delivery role does not appear in the topic's policy as one that may publish; "
                "accounts/topics/template.yaml makes a topic where it does"
            )
    elif not in_receiving_account and clients.account_id:
        places = f"the receiving account, {subscription.account_id}, or in Account A, {clients.account_id}"
        yield found(f"the topic is in account {_account_id(topic)}; it must be in {places}")
    elif not in_receiving_account:
        yield found("it was not checked: sts:GetCallerIdentity is denied", is_problem=False)


def _unseen_topic(error: ClientError, found: Callable[..., Finding]) -> Finding:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code == "NotFound":
        return found("there is no such topic in Account A")
    if code in DENIED:
        return found(f"it was not checked: sns:GetTopicAttributes is denied. {message}".strip(), is_problem=False)
    raise error


def _caller_account_id(session: Session) -> str | None:
    try:
        return tables.caller_arn(session).split(":")[4]
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return None


def _account_id(topic: NotifyTarget) -> str:
    return topic.topic_arn.split(":")[4]
