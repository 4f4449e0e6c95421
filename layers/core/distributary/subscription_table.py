"""The subscriptions' DynamoDB table: one item per scope, read in batches, cached for a minute, absence cached too.

An item is `{"scope": "222222222222", "subscriptions": [{…}, …]}`, the inner maps as `subscriptions.to_mapping` writes
them. Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from distributary.errors import DistributaryError
from distributary.subscription_forms import from_mapping, to_mapping
from distributary.subscription_rules import InvalidSubscriptionError
from distributary.subscriptions import ALL, Subscription

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CACHE_SECONDS = 60.0
KEYS_PER_REQUEST = 100
"""BatchGetItem's limit."""


class StoredSubscriptionError(DistributaryError):
    """What a scope's item says of a subscription, or, where it tells no name, the whole item, breaks a rule.

    `distributary subscriptions apply` of this version hasn't written it.
    """

    def __init__(self, scope: str, reason: str, name: str | None = None, account_id: str | None = None) -> None:
        whose = "third parties" if scope == ALL else scope
        are = f"the subscriptions of {whose} in the table are" if name is None else f"{name} of {whose} in the table is"
        super().__init__(f"{are} malformed ({reason}); apply subscriptions.yaml again")
        self.scope = scope
        self.name = name
        """The subscription's; None where the whole item is malformed."""
        self.account_id = account_id
        """The receiving account, if it is told."""


class TableThrottledError(DistributaryError):
    """DynamoDB left keys unprocessed although they were asked for several times."""

    retryable = True


class ItemReader(Protocol):
    """What is needed of DynamoDB to read subscriptions; boto3's client has it, and `wire.services` too."""

    @property
    def batch_get_item(self) -> Callable[..., Any]:
        """Takes BatchGetItem's parameters and gives its answer; raises ClientError or BotoCoreError."""


Stored = tuple[Subscription | StoredSubscriptionError, ...]
"""A scope's subscriptions, and in place of each that is malformed its error: it is nobody else's trouble."""


class SubscriptionTable:
    """Reads subscriptions by scope, and remembers each answer for `CACHE_SECONDS`. Not for several threads at once."""

    def __init__(self, client: ItemReader, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._cache: dict[str, tuple[float, Stored]] = {}

    def read(self, scopes: Iterable[str], *, afresh: bool = False) -> dict[str, Stored]:
        """Every asked scope with what is stored of it; none is an empty tuple.

        Args:
            scopes: account IDs, or `all`.
            afresh: whether what is remembered counts for nothing.

        Raises:
            TableThrottledError: if DynamoDB keeps leaving keys unprocessed.
            botocore.exceptions.ClientError: as BatchGetItem does.
        """
        now = self._clock()
        wanted = sorted(set(scopes))
        due = [scope for scope in wanted if afresh or self._cache.get(scope, (now, ()))[0] <= now]
        for start in range(0, len(due), KEYS_PER_REQUEST):
            page = due[start : start + KEYS_PER_REQUEST]
            found = {item["scope"]: _parse(item) for item in self._items(page)}
            self._cache.update({scope: (now + CACHE_SECONDS, found.get(scope, ())) for scope in page})
        return {scope: self._cache[scope][1] for scope in wanted}

    def scan(self) -> Iterator[Subscription | StoredSubscriptionError]:
        """Everything that is stored, uncached; only with boto3's client.

        Raises:
            botocore.exceptions.ClientError: as Scan does.
        """
        client = cast("DynamoDBClient", self._client)
        for page in client.get_paginator("scan").paginate(TableName=self._name, ConsistentRead=True):
            for item in page["Items"]:
                yield from _parse(from_item(item))

    def _items(self, scopes: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        request: Any = {self._name: {"Keys": [{"scope": {"S": scope}} for scope in scopes]}}
        for _ in range(5):
            answer = self._client.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(self._name, []):
                yield from_item(item)
            request = answer["UnprocessedKeys"]
            if not request:
                return
        raise TableThrottledError(f"table {self._name} left keys unprocessed five times")


def to_item(scope: str, subscriptions: Sequence[Subscription]) -> dict[str, Any]:
    """The table's item of one scope, in DynamoDB's attribute-value form."""
    from boto3.dynamodb.types import TypeSerializer

    plain = {"scope": scope, "subscriptions": [to_mapping(subscription) for subscription in subscriptions]}
    return {name: TypeSerializer().serialize(value) for name, value in plain.items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The plain form of an item; the subscriptions in it are not checked."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    """An attribute value's plain form; of the kinds that no subscription has, their own."""
    ((kind, held),) = value.items()
    match kind:
        case "M":
            return {name: _plain(inner) for name, inner in held.items()}
        case "L":
            return [_plain(inner) for inner in held]
        case "NULL":
            return None
    return held


def parse_subscriptions(item: Mapping[str, Any]) -> tuple[Subscription, ...]:
    """The subscriptions of a plain item.

    Raises:
        StoredSubscriptionError: the first, where the item breaks rules.
    """
    return tuple(map(sound, _parse(item)))


def sound(one: Subscription | StoredSubscriptionError) -> Subscription:
    """The subscription, or its error raised."""
    if isinstance(one, StoredSubscriptionError):
        raise one
    return one


def _parse(item: Mapping[str, Any]) -> Stored:
    scope = str(item.get("scope"))
    try:
        return tuple(_parse_one(scope, plain) for plain in item["subscriptions"])
    except StoredSubscriptionError as error:
        return (error,)
    except (KeyError, TypeError, AttributeError) as error:
        return (StoredSubscriptionError(scope, f"no list of subscriptions: {error!r}"),)


def _parse_one(scope: str, plain: Mapping[str, Any]) -> Subscription | StoredSubscriptionError:
    try:
        return from_mapping(plain)
    except InvalidSubscriptionError as error:
        name, account_id = plain.get("name"), plain.get("account_id")
        if not isinstance(name, str) or not name:  # a retry could not say which one is still to be served
            raise StoredSubscriptionError(scope, str(error)) from error
        return StoredSubscriptionError(scope, str(error), name, account_id if isinstance(account_id, str) else None)
