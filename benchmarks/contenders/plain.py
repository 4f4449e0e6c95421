"""What the boto3 contenders share: reading the event, and the call that copies. No part of the project is used."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient


class Keys(TypedDict):
    """A session's credentials, as boto3.client takes them."""

    aws_access_key_id: str
    aws_secret_access_key: str
    aws_session_token: str


def objects(event: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Bucket, key and account of each record."""
    for record in event["Records"]:
        detail = json.loads(record["body"])["detail"]
        key = detail["object"]["key"]
        yield detail["bucket"]["name"], key, key.split("/")[1]


def assume(sts: "STSClient", account_id: str) -> Keys:
    """A session of the account's delivery role."""
    session = sts.assume_role(
        RoleArn=f"arn:aws:iam::{account_id}:role/distributary-delivery",
        RoleSessionName="distributor",
        ExternalId=f"external-id-of-{account_id}",
    )["Credentials"]
    return {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }


def copy(s3: "S3Client", bucket: str, key: str, account_id: str) -> None:
    """One server-side copy, with the conditions that the real functions set."""
    s3.copy_object(
        Bucket=f"logs-of-{account_id}",
        Key=key,
        CopySource={"Bucket": bucket, "Key": key},
        IfNoneMatch="*",
        MetadataDirective="COPY",
        ExpectedBucketOwner=account_id,
        ExpectedSourceBucketOwner="111111111111",
    )
