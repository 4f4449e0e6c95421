"""What AWS can tell beforehand about a subscription's topic: all of it if the topic is in Account A. Reads only.

Sources: https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from botocore import exceptions as sdk

from distributary.subscriptions import NotifyTarget, Subscription
from distributary_cli.aws_errors import DENIED
from distributary_cli.findings import Finding
from distributary_cli.regions import is_known, why_unknown
from distributary_cli.topic_policies import denies_publishing, may_publish

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MANAGED_KEY = "alias/aws/sns"


def look_at_topic(
    clients: Mapping[str, "SNSClient"], central_account_id: str | None, subscription: Subscription, topic: NotifyTarget
) -> Iterator[Finding]:
    """What is wrong with a topic; one in the receiving account can't be seen from here.

    Args:
        clients: one for each known Region that a topic of Account A is in.
        central_account_id: Account A's; None where that may not be asked.
        subscription: whose topic it is.
        topic: the topic.

    Raises:
        botocore.exceptions.ClientError: for another reason than a missing permission.
    """
    found = partial(Finding, subscription.name, "notify.topic_arn")
    if not is_known(topic.partition, topic.region):
        yield found(why_unknown(topic.partition, topic.region))
    elif topic.account_id == central_account_id:
        try:
            attributes = clients[topic.region].get_topic_attributes(TopicArn=topic.topic_arn)["Attributes"]
        except (
            sdk.ConnectionError,
            sdk.HTTPClientError,
        ) as error:  # a network may be closed to it
            yield found(f"it was not checked: SNS in {topic.region} cannot be reached: {error}", is_problem=False)
        except sdk.ClientError as error:
            yield _unseen_topic(error, found)
        else:
            yield from _wrong_policy(json.loads(attributes["Policy"]), subscription, topic)
            yield from _wrong_key(attributes.get("KmsMasterKeyId", ""), subscription, topic)
    elif topic.account_id != subscription.account_id and central_account_id:
        places = f"the receiving account, {subscription.account_id}, or in Account A, {central_account_id}"
        yield found(f"the topic is in account {topic.account_id}; it must be in {places}")
    elif topic.account_id != subscription.account_id:
        yield found("it was not checked: sts:GetCallerIdentity is denied", is_problem=False)


def _unseen_topic(error: sdk.ClientError, found: Callable[..., Finding]) -> Finding:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code == "NotFound":
        return found("there is no such topic in Account A")
    if code in DENIED:
        return found(f"it was not checked: sns:GetTopicAttributes is denied. {message}".strip(), is_problem=False)
    raise error


def _wrong_policy(policy: Mapping[str, object], subscription: Subscription, topic: NotifyTarget) -> Iterator[Finding]:
    found = partial(Finding, subscription.name, "notify.topic_arn")
    who = (topic.topic_arn, subscription.delivery_role_arn)
    if denies_publishing(policy, *who):
        yield found("the topic's policy denies sns:Publish to the delivery role, its account or everybody")
    # In one account the role's own policy is enough.
    elif topic.account_id != subscription.account_id and not may_publish(policy, *who):
        yield found(
            "the delivery role does not appear in the topic's policy as one that may publish; "
            "accounts/topics/template.yaml makes a topic where it does"
        )


def _wrong_key(key: str, subscription: Subscription, topic: NotifyTarget) -> Iterator[Finding]:
    """A topic's key as SNS tells it: a key's ARN or ID, an alias, or nothing. Which key an alias means isn't asked."""
    found = partial(Finding, subscription.name, "notify.kms_key_arn")
    if not key:
        return
    if key.endswith(MANAGED_KEY) and topic.account_id != subscription.account_id:
        yield found(
            f"the topic is encrypted with {MANAGED_KEY}, which only Account A can use: give it a key of your own"
        )
    elif topic.kms_key_arn is None:
        yield found(f"is missing, but the topic is encrypted with {key}")
    elif "alias/" not in key and key.rpartition("/")[2] != topic.kms_key_arn.rpartition("/")[2]:
        yield found(f"the topic is encrypted with another key, {key}")
