"""What AWS asks: list prices of one Region, each with the page that tells it. Data; `--price name=usd` replaces any.

The free tier and discounts for large volumes are left out.
"""

from dataclasses import dataclass

REGION = "us-east-1"
KNOWN_ON = "2026-11-21"
"""From what was known on that day of AWS's price pages, not fetched from them: check them before you rely on a sum."""

S3 = "https://aws.amazon.com/s3/pricing/"
EVENTBRIDGE = "https://aws.amazon.com/eventbridge/pricing/"
SQS = "https://aws.amazon.com/sqs/pricing/"
LAMBDA = "https://aws.amazon.com/lambda/pricing/"
DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
SNS = "https://aws.amazon.com/sns/pricing/"
KMS = "https://aws.amazon.com/kms/pricing/"
CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"


@dataclass(frozen=True, slots=True)
class Price:
    """USD for `per` units."""

    usd: float
    per: int
    unit: str
    source: str


PRICES = {
    "s3-copy": Price(0.005, 1_000, "COPY request, S3 Standard", S3),
    "s3-list": Price(0.005, 1_000, "LIST request", S3),
    "s3-storage": Price(0.023, 1, "GB-month, S3 Standard", S3),
    "transfer": Price(0.02, 1, "GB to another Region", S3),
    "event": Price(1.00, 1_000_000, "opt-in data event of 64 KB, as S3's are", EVENTBRIDGE),
    "sqs": Price(0.40, 1_000_000, "request of 64 KB, standard queue", SQS),
    "lambda-request": Price(0.20, 1_000_000, "request", LAMBDA),
    "lambda-arm64": Price(0.0000133334, 1, "GB-second, arm64", LAMBDA),
    "lambda-x86_64": Price(0.0000166667, 1, "GB-second, x86_64", LAMBDA),
    "dynamodb-read": Price(0.125, 1_000_000, "read request unit", DYNAMODB),
    "sns-publish": Price(0.50, 1_000_000, "request of 64 KB, standard topic", SNS),
    "kms-request": Price(0.03, 10_000, "request, symmetric key", KMS),
    "kms-key": Price(1.00, 1, "key-month", KMS),
    "log-ingestion": Price(0.50, 1, "GB of logs ingested", CLOUDWATCH),
    "metric": Price(0.30, 1, "custom metric-month", CLOUDWATCH),
    "alarm": Price(0.10, 1, "alarm-month", CLOUDWATCH),
}
