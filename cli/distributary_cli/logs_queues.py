"""Follows a queue of notifications: each message is deleted after what it announces was dealt with, not before.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from distributary.events import Notice, UnreadableEventError, read_message
from distributary_cli.reader_codes import passes

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LONG_POLL_SECONDS = 20
"""The longest that SQS lets a request wait."""
LAST_POLL_SECONDS = 1
"""Where an empty queue ends it: still a long poll, which asks all of SQS's servers."""

_REGION = re.compile(r"https://(?:sqs\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)")
_ACCOUNT = re.compile(r"/([0-9]{12})/[^/]+$")


def queue_region(queue_url: str) -> str | None:
    """The Region that a queue's URL names, if it names one."""
    found = _REGION.match(queue_url)
    return found[1] or found[2] if found else None


def queue_account(queue_url: str) -> str | None:
    """The account that a queue's URL names, if it names one."""
    found = _ACCOUNT.search(queue_url)
    return found[1] if found else None


def follow(
    client: "SQSClient",
    queue_url: str,
    deal_with: Callable[[Notice], bool],
    unreadable: Callable[[str], None],
    *,
    until_empty: bool,
    outage: Callable[[Exception], None],
    pause_seconds: float = 10,
) -> bool:
    """Deal with each message's notices, and delete it where `deal_with` said yes to all of them.

    Ends when the queue is empty, if `until_empty`; otherwise it outlasts outages, and tells each of them once.
    Whether all were dealt with.

    Raises:
        botocore.exceptions.ClientError: as ReceiveMessage and DeleteMessage do.
        botocore.exceptions.BotoCoreError: if the first request isn't answered, or with `until_empty` any.
    """
    outlast = _once if until_empty else partial(_outlast, outage, pause_seconds)
    all_dealt_with = True
    for message in _receive(client, queue_url, outlast, until_empty=until_empty):
        try:
            notices = read_message(message["Body"])
        except UnreadableEventError as error:
            unreadable(f"message {message['MessageId']} cannot be read and stays in the queue: {error}")
            all_dealt_with = False
            continue
        if all(deal_with(notice) for notice in notices):
            outlast(partial(client.delete_message, QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"]))
        else:
            all_dealt_with = False
    return all_dealt_with


def _receive(
    client: "SQSClient", queue_url: str, outlast: Callable[[Callable[[], Any]], Any], *, until_empty: bool
) -> "Iterator[MessageTypeDef]":
    wait = LAST_POLL_SECONDS if until_empty else LONG_POLL_SECONDS
    receive = partial(client.receive_message, QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait)
    answer = receive()  # no answer at all is more likely a wrong Region than an outage
    while (messages := answer.get("Messages", [])) or not until_empty:
        yield from messages
        answer = outlast(receive)


def _once(ask: Callable[[], Any]) -> Any:
    return ask()


def _outlast(outage: Callable[[Exception], None], pause_seconds: float, ask: Callable[[], Any]) -> Any:
    told = False
    while True:
        try:
            return ask()
        except (ClientError, BotoCoreError) as error:
            if not passes(error):
                raise
            if not told:
                outage(error)
            told = True
        time.sleep(pause_seconds)
