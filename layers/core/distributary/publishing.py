"""Publishes notifications to SNS, ten to a request, with the delivery session's credentials.

Source: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from distributary.signing import caller_chosen_session, signing_with
from distributary.subscriptions import NotifyTarget

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ENTRIES_PER_REQUEST = 10
"""PublishBatch's limit. Ten notifications of S3's longest keys are far below its other one, 256 KB."""
NOT_ANSWERED = {"Code": "InternalError", "Message": "SNS's answer doesn't name the entry"}


@dataclass(frozen=True, slots=True)
class Notification:
    """What is published about one delivered object."""

    message: str
    attributes: dict[str, dict[str, str]]
    """As SNS's MessageAttributes take them."""


class Publisher:
    """Publishes with one shared client per Region. Safe for many threads."""

    def __init__(self, connections: int) -> None:
        self._config = Config(
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=connections,
        )
        self._session = caller_chosen_session()
        self._clients: dict[str, SNSClient] = {}
        self._lock = threading.Lock()

    def publish(
        self, target: NotifyTarget, notifications: Sequence[Notification], credentials: ReadOnlyCredentials
    ) -> list[ClientError | None]:
        """Publish up to ten notifications.

        Returns:
            For each of them, in their order, None or its own error.

        Raises:
            botocore.exceptions.ClientError: if SNS refuses the whole request.
            botocore.exceptions.BotoCoreError: if SNS cannot be reached.
        """
        entries: list[Any] = [
            {"Id": str(number), "Message": one.message, "MessageAttributes": one.attributes}
            for number, one in enumerate(notifications)
        ]
        with signing_with(credentials):
            answer = self.client(target.region).publish_batch(
                TopicArn=target.topic_arn, PublishBatchRequestEntries=entries
            )
        published = {entry["Id"] for entry in answer.get("Successful", [])}
        failed: dict[str, Any] = {entry["Id"]: entry for entry in answer.get("Failed", [])}
        return [
            None if entry["Id"] in published else _error(failed.get(entry["Id"], NOT_ANSWERED)) for entry in entries
        ]

    def client(self, region: str) -> "SNSClient":
        """The Region's one client."""
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._session.client("sns", region_name=region, config=self._config)
            return self._clients[region]


def _error(entry: dict[str, Any]) -> ClientError:
    """A batch's failed entry in the form of the error that a request of its own would have had."""
    return ClientError({"Error": {"Code": entry["Code"], "Message": entry.get("Message", "")}}, "PublishBatch")
