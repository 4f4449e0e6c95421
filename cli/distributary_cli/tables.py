"""Reads and writes the subscriptions table, with whatever client the caller passes.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from distributary.errors import DistributaryError
from distributary.subscription_forms import check_together
from distributary.subscription_rules import InvalidSubscriptionError
from distributary.subscription_table import (
    StoredSubscriptionError,
    from_item,
    parse_subscriptions,
    to_item,
)
from distributary.subscriptions import Subscription
from distributary_cli.plans import Plan, StoredScope, in_words

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})


class ConcurrentChangeError(DistributaryError):
    """A scope's item is no longer what it was when the plan was made: somebody else has written it."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"somebody else has changed the subscriptions of {in_words(scope)} since this plan was made")
        self.scope = scope


class EndpointError(DistributaryError):
    """`AWS_ENDPOINT_URL`, or its like in the AWS configuration, is no URL."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who writes, and when: stored beside the subscriptions for whoever audits them."""

    updated_by: str
    updated_at: str

    @classmethod
    def now(cls, updated_by: str) -> "Stamp":
        """A stamp of this second, UTC."""
        return cls(updated_by, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def open_session(region: str | None, profile: str | None) -> Session:
    """A session; what is None comes from the environment and the AWS configuration files."""
    return Session(region_name=region, profile_name=profile)


def table_client(session: Session) -> "DynamoDBClient":
    """A DynamoDB client that gives up within a minute when nothing answers.

    Raises:
        EndpointError: if the configured endpoint is no URL.
    """
    try:
        return session.client("dynamodb", config=CONFIG)
    except BotoCoreError:  # some of them are ValueErrors too
        raise
    except ValueError as error:  # what botocore raises for AWS_ENDPOINT_URL
        raise EndpointError(f"{error}; AWS_ENDPOINT_URL wants one such as http://localhost:4566") from error


def caller_arn(session: Session) -> str:
    """The principal that AWS takes us for."""
    return session.client("sts", config=CONFIG).get_caller_identity()["Arn"]


def read_table(client: "DynamoDBClient", name: str) -> dict[str, StoredScope]:
    """All that a table holds, by scope, as of now."""
    pages = client.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    scopes = (_stored_scope(item) for page in pages for item in page["Items"])
    return {stored.scope: stored for stored in sorted(scopes, key=lambda stored: stored.scope)}


def write_plan(
    client: "DynamoDBClient", name: str, plan: Plan, stored: Mapping[str, StoredScope], stamp: Stamp
) -> Iterator[str]:
    """Carry a plan out, item by item, and name each scope as soon as its item is written or deleted.

    Raises:
        ConcurrentChangeError: at the first item that isn't what the plan was made from; nothing after it is touched.
        botocore.exceptions.ClientError: as PutItem and DeleteItem do.
    """
    for scope in plan.scopes:
        item = _item(scope, plan.writes[scope], stamp) if scope in plan.writes else None
        unchanged = _unchanged(stored.get(scope))
        try:
            if item is not None:
                client.put_item(TableName=name, Item=item, **unchanged)
            else:
                client.delete_item(TableName=name, Key={"scope": {"S": scope}}, **unchanged)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # The SDK repeats a request whose answer was lost: what it then finds is our own first attempt.
            if error.response.get("Item") != item:
                raise ConcurrentChangeError(scope) from error
        yield scope


def _item(scope: str, subscriptions: tuple[Subscription, ...], stamp: Stamp) -> dict[str, Any]:
    return to_item(scope, subscriptions) | {
        "updated_at": {"S": stamp.updated_at},
        "updated_by": {"S": stamp.updated_by},
    }


def _unchanged(stored: StoredScope | None) -> dict[str, Any]:
    """The condition that an item is still, attribute by attribute, what was read; or that there is still none."""
    shown: dict[str, Any] = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if stored is None or stored.item is None:
        names = {"#scope": "scope"}
        return shown | {"ConditionExpression": "attribute_not_exists(#scope)", "ExpressionAttributeNames": names}
    numbered = list(enumerate(stored.item.items()))
    return shown | {
        "ConditionExpression": " AND ".join(f"#n{i} = :v{i}" for i, _ in numbered),
        "ExpressionAttributeNames": {f"#n{i}": name for i, (name, _) in numbered},
        "ExpressionAttributeValues": {f":v{i}": value for i, (_, value) in numbered},
    }


def _stored_scope(item: Mapping[str, Any]) -> StoredScope:
    plain = from_item(item)
    scope = str(plain["scope"])
    subscriptions: tuple[Subscription, ...] = ()
    malformed = None
    try:
        subscriptions = _parse(plain)
    except StoredSubscriptionError as error:
        malformed = str(error)
    at, by = (str(plain[name]) if name in plain else None for name in ("updated_at", "updated_by"))
    return StoredScope(scope, subscriptions, malformed, at, by, item)


def _parse(plain: Mapping[str, Any]) -> tuple[Subscription, ...]:
    """As the functions parse it, and what `apply` would never have written besides."""
    scope, subscriptions = str(plain["scope"]), parse_subscriptions(plain)
    try:
        check_together(subscriptions)
    except InvalidSubscriptionError as error:
        raise StoredSubscriptionError(scope, str(error)) from error
    for subscription in subscriptions:
        if subscription.scope != scope:
            raise StoredSubscriptionError(scope, f"{subscription.name} belongs to {in_words(subscription.scope)}")
    return subscriptions
