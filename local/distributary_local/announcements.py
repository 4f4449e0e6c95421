"""The notifications that receivers get: read from their own queues, as a program of theirs would."""

import json
from collections import Counter
from typing import Any
from urllib.parse import unquote_plus

from distributary_local.deployment import FORMATS, Deployment


def told_key(form: str, body: Any) -> str:
    """The key that a notification of this format is about."""
    if form == "s3":
        return unquote_plus(body["Records"][0]["s3"]["object"]["key"])
    return str(body["s3ObjectKey"][0] if form == "cloudtrail" else body["detail"]["object"]["key"])


def read_one(deployment: Deployment, account_id: str) -> str:
    """One notification from an account's queue, which keeps it."""
    client = deployment.emulator.client("sqs", account_id)
    url = deployment.notification_queues[account_id]
    [message] = client.receive_message(QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=20)["Messages"]
    return str(message["Body"])


def take_all(deployment: Deployment, account_id: str) -> Counter[str]:
    """How often an account was told of each key; its queue is empty then."""
    client, url = deployment.emulator.client("sqs", account_id), deployment.notification_queues[account_id]
    told: Counter[str] = Counter()
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in messages:
            told[told_key(FORMATS[account_id], json.loads(message["Body"]))] += 1
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return told
