"""Delivered objects, keys and envelopes that the tests of notifications speak of."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from distributary.notifications import DeliveredObject

EVENTS = Path(__file__).parents[1] / "events"
COPY = DeliveredObject(
    bucket="owner-logs-222222222222",
    key="AWSLogs/222222222222/CloudTrail/eu-west-1/2026/11/21/222222222222_CloudTrail_eu-west-1_20261121T0605Z_a.json.gz",
    region="eu-west-1",
    account_id="222222222222",
    partition="aws",
    size=1433,
    etag="f30641f6cd790005ade7a9a5824b314d",
    version_id="096fKKXTRTtl3on89fVO.nfljtsv6qko",
    time=datetime(2026, 11, 21, 6, 7, 14, 250_000, UTC),
    copied=True,
)
CENTRAL = replace(COPY, bucket="central-logs-111111111111", account_id="111111111111", copied=False)
USUAL_KEYS = [
    COPY.key,
    "AWSLogs/222222222222/Config/eu-west-1/2026/11/1/ConfigHistory/"
    "222222222222_Config_eu-west-1_ConfigHistory_AWS::S3::Bucket_20261101T060512Z_1.json.gz",
    "AWSLogs/aws-account-id=222222222222/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/a.log.parquet",
    "AWSLogs/222222222222/redshift/eu-west-1/2026/11/21/222222222222_redshift_eu-west-1_db_userlog_2026-11-21T06:05.gz",
    "/AWSLogs/222222222222/network-firewall/alert/eu-west-1/fw/2026/11/21/06/a.log.gz",
]
"""What AWS's services write: nothing in these needs encoding."""
any_key = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.text(
    ' =+:%?#&/é"\\\n\x7f日a2B', min_size=1
)


def from_sns_to_sqs(text: str) -> dict[str, Any]:
    """A real event of SNS to SQS, with this message in its place."""
    event: dict[str, Any] = json.loads((EVENTS / "s3-sns-sqs.json").read_text())
    notification = json.loads(event["Records"][0]["body"]) | {"Message": text}
    event["Records"][0]["body"] = json.dumps(notification)
    return event


def from_sns_to_sqs_raw(text: str) -> dict[str, Any]:
    """The same, of a subscription with raw message delivery."""
    event: dict[str, Any] = json.loads((EVENTS / "s3-sns-sqs-raw.json").read_text())
    event["Records"][0]["body"] = text
    return event


def from_sns_to_lambda(text: str) -> dict[str, Any]:
    """A real event of SNS to Lambda, with this message in its place."""
    event: dict[str, Any] = json.loads((EVENTS / "s3-sns.json").read_text())
    event["Records"][0]["Sns"]["Message"] = text
    return event
