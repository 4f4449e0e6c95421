"""Publishing on the wire.

Source: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from distributary.credentials import SessionCredentials
from distributary.publishing import Notification, outcomes
from distributary.subscriptions import NotifyTarget
from distributary.wire.calls import Call, Caller
from distributary.wire.protocols import read_xml, text, xml_error

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


class WirePublisher:
    """Publishes with requests of its own; a `distributary.publishing.Announcer`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def publish(
        self, target: NotifyTarget, notifications: Sequence[Notification], credentials: SessionCredentials
    ) -> list[ClientError | None]:
        """As `Announcer.publish`."""
        answer = await self._caller.call(publish_batch(target, notifications), credentials, xml_error)
        told = read_xml(answer, "PublishBatch")
        published = {text(entry, "Id") for entry in told.iterfind(".//{*}Successful/{*}member")}
        failed = {
            text(entry, "Id"): (text(entry, "Code"), text(entry, "Message", ""))
            for entry in told.iterfind(".//{*}Failed/{*}member")
        }
        return outcomes(len(notifications), published, failed)


def publish_batch(target: NotifyTarget, notifications: Sequence[Notification]) -> Call:
    """The request."""
    fields = [("Action", "PublishBatch"), ("Version", "2010-03-31"), ("TopicArn", target.topic_arn)]
    for number, notification in enumerate(notifications):
        fields += _entry(number, notification)
    return Call("sns", target.region, "PublishBatch", headers=FORM, body=urlencode(fields).encode())


def _entry(number: int, notification: Notification) -> Iterator[tuple[str, str]]:
    entry = f"PublishBatchRequestEntries.member.{number + 1}"
    yield f"{entry}.Id", str(number)
    yield f"{entry}.Message", notification.message
    for place, (name, attribute) in enumerate(notification.attributes.items(), start=1):
        yield f"{entry}.MessageAttributes.entry.{place}.Name", name
        for part, value in attribute.items():
            yield f"{entry}.MessageAttributes.entry.{place}.Value.{part}", value
