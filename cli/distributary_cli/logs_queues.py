"""Follows a queue of notifications: each message is deleted after what it announces was dealt with, not before.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from distributary.events import Notice, UnreadableEventError, read_message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LONG_POLL_SECONDS = 20
"""The longest that SQS lets a request wait."""
LAST_POLL_SECONDS = 1
"""Where an empty queue ends it: still a long poll, which asks all of SQS's servers."""

_REGION = re.compile(r"https://(?:sqs\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)")


def queue_region(queue_url: str) -> str | None:
    """The Region that a queue's URL names, if it names one."""
    found = _REGION.match(queue_url)
    return found[1] or found[2] if found else None


def follow(
    client: "SQSClient",
    queue_url: str,
    deal_with: Callable[[Notice], bool],
    unreadable: Callable[[str], None],
    *,
    until_empty: bool,
) -> bool:
    """Deal with each message's notices, and delete it where `deal_with` said yes to all of them.

    Ends when the queue is empty, if `until_empty`. Whether all were dealt with.

    Raises:
        botocore.exceptions.ClientError: as ReceiveMessage and DeleteMessage do.
    """
    all_dealt_with = True
    for message in _receive(client, queue_url, until_empty=until_empty):
        try:
            notices = read_message(message["Body"])
        except UnreadableEventError as error:
            unreadable(f"message {message['MessageId']} cannot be read and stays in the queue: {error}")
            all_dealt_with = False
            continue
        if all(deal_with(notice) for notice in notices):
            client.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        else:
            all_dealt_with = False
    return all_dealt_with


def _receive(client: "SQSClient", queue_url: str, *, until_empty: bool) -> "Iterator[MessageTypeDef]":
    wait = LAST_POLL_SECONDS if until_empty else LONG_POLL_SECONDS
    while True:
        answer = client.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait)
        messages = answer.get("Messages", [])
        if until_empty and not messages:
            return
        yield from messages
