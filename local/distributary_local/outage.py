"""A third party's outage: its bucket refuses for a while. The owners don't notice, and nothing is lost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from distributary_local.deployment import THIRD_PARTY_ACCOUNT_ID, Deployment


@contextmanager
def third_party_outage(deployment: Deployment) -> Iterator[None]:
    """Within the block, the bucket policy of Z refuses every write."""
    client = deployment.emulator.client("s3", THIRD_PARTY_ACCOUNT_ID)
    bucket = deployment.third_party_bucket
    before = client.get_bucket_policy(Bucket=bucket)["Policy"]
    broken = json.loads(before)
    broken["Statement"].append(
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    )
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(broken))
    try:
        yield
    finally:
        client.put_bucket_policy(Bucket=bucket, Policy=before)
