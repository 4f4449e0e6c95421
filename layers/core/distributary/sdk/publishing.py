"""Publishing on boto3: one client for each Region, whatever the account."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from distributary.credentials import SessionCredentials
from distributary.publishing import Notification, outcomes
from distributary.sdk.signing import clients_by_region, signing_with
from distributary.subscriptions import NotifyTarget

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SdkPublisher:
    """Publishes with boto3; a `distributary.publishing.Announcer`."""

    def __init__(self, connections: int) -> None:
        config = Config(
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=connections,
        )
        self.client: Callable[[str], SNSClient] = clients_by_region("sns", config)
        """The client of a Region."""

    def publish(
        self, target: NotifyTarget, notifications: Sequence[Notification], credentials: SessionCredentials
    ) -> list[ClientError | None]:
        """As `Announcer.publish`."""
        entries: list[Any] = [
            {"Id": str(number), "Message": one.message, "MessageAttributes": one.attributes}
            for number, one in enumerate(notifications)
        ]
        with signing_with(credentials):
            answer = self.client(target.region).publish_batch(
                TopicArn=target.topic_arn, PublishBatchRequestEntries=entries
            )
        failed = {entry["Id"]: (entry["Code"], entry.get("Message", "")) for entry in answer.get("Failed", [])}
        return outcomes(len(entries), {entry["Id"] for entry in answer.get("Successful", [])}, failed)
