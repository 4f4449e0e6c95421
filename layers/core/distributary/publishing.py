"""Notifications on their way to SNS, and what delivery needs of whatever publishes them.

Source: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from botocore.exceptions import ClientError

from distributary.credentials import SessionCredentials
from distributary.subscriptions import NotifyTarget

ENTRIES_PER_REQUEST = 10
"""PublishBatch's limit. Ten notifications of S3's longest keys are far below its other one, 256 KB."""
NOT_ANSWERED = ("InternalError", "SNS's answer doesn't name the entry")


class Notification(NamedTuple):
    """What is published about one delivered object."""

    message: str
    attributes: dict[str, dict[str, str]]
    """As SNS's MessageAttributes take them."""


class Announcer(Protocol):
    """Publishes, many at once."""

    async def publish(
        self, target: NotifyTarget, notifications: Sequence[Notification], credentials: SessionCredentials
    ) -> Sequence[Exception | None]:
        """Publish up to ten notifications.

        Returns:
            For each of them, in their order, None or its own error.

        Raises:
            botocore.exceptions.ClientError: if SNS refuses the whole request.
            botocore.exceptions.BotoCoreError: if SNS cannot be reached.
        """


def outcomes(count: int, published: Collection[str], failed: Mapping[str, tuple[str, str]]) -> list[ClientError | None]:
    """What became of a batch's entries, in the form of the errors that requests of their own would have had.

    Args:
        count: how many there are; their IDs are their numbers from 0 on.
        published: the IDs that SNS took.
        failed: the others' codes and messages.
    """
    return [
        None if identifier in published else _error(*failed.get(identifier, NOT_ANSWERED))
        for identifier in map(str, range(count))
    ]


def _error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PublishBatch")
