"""What tutorials show: for each record assume the role, make new clients, get the object and put it."""

from typing import Any

import boto3

from benchmarks.contenders import Handler
from benchmarks.contenders.plain import assume, objects


def make() -> Handler:
    """The handler."""

    def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
        for bucket, key, account_id in objects(event):
            credentials = assume(boto3.client("sts"), account_id)
            body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            theirs = boto3.client("s3", **credentials)
            theirs.put_object(Bucket=f"logs-of-{account_id}", Key=key, Body=body)

    return handler
