"""CloudTrail digest files: a chain of hashes, signed in the metadata."""

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import datetime

from distributary_local.log_files.made import (
    HOME_REGION,
    HOUR,
    TRAIL_NAME,
    Central,
    GeneratedFile,
    Json,
    gzipped_json,
    owned_file,
)
from distributary_local.trail_records import timestamp


def digest_file(
    central: Central, log_file: GeneratedFile, end: datetime, previous: GeneratedFile | None
) -> GeneratedFile:
    """Make the digest file of the hour before `end`, in which `log_file` alone was delivered.

    The hashes verify, and each digest file holds its predecessor's hash and signature. The signature itself has
    only the form of one (256 bytes in hexadecimal): nobody has CloudTrail's private key.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
    """
    account_id = str(log_file.account_id)
    name = f"{account_id}_CloudTrail-Digest_{HOME_REGION}_{TRAIL_NAME}_{HOME_REGION}_{end:%Y%m%dT%H%M%SZ}.json.gz"
    key = f"AWSLogs/{account_id}/CloudTrail-Digest/{HOME_REGION}/{end:%Y/%m/%d}/{name}"
    digest = _digest(central.bucket, key, log_file, end, previous)
    body = gzipped_json(digest)
    description = "CloudTrail digest file" + (", the first of its chain" if previous is None else "")
    signature = _signature(digest, body)
    metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
    return replace(owned_file(central, account_id, key, body, description), metadata=metadata)


def _digest(bucket: str, key: str, log_file: GeneratedFile, end: datetime, previous: GeneratedFile | None) -> Json:
    event_times = [record["eventTime"] for record in json.loads(gzip.decompress(log_file.body))["Records"]]
    newest_and_oldest = {"newestEventTime": max(event_times), "oldestEventTime": min(event_times)}
    place = {"s3Bucket": bucket, "s3Object": log_file.key}
    hashed = {"hashValue": sha256(log_file.body), "hashAlgorithm": "SHA-256"}
    return {
        "awsAccountId": log_file.account_id,
        "digestStartTime": timestamp(end - HOUR),
        "digestEndTime": timestamp(end),
        "digestS3Bucket": bucket,
        "digestS3Object": key,
        "digestPublicKeyFingerprint": hashlib.sha256(HOME_REGION.encode()).hexdigest()[:32],
        "digestSignatureAlgorithm": "SHA256withRSA",
        **newest_and_oldest,
        "previousDigestS3Bucket": bucket if previous else None,
        "previousDigestS3Object": previous.key if previous else None,
        "previousDigestHashValue": sha256(previous.body) if previous else None,
        "previousDigestHashAlgorithm": "SHA-256" if previous else None,
        "previousDigestSignature": previous.metadata["signature"] if previous else None,
        "logFiles": [place | hashed | newest_and_oldest],
    }


def _signature(digest: Json, body: bytes) -> str:
    """Stand in for the signature of what CloudTrail signs.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
    """
    place = f"{digest['digestS3Bucket']}/{digest['digestS3Object']}"
    previous = digest["previousDigestSignature"] or "null"
    signed = f"{digest['digestEndTime']}\n{place}\n{sha256(body)}\n{previous}"
    return hashlib.shake_256(signed.encode()).hexdigest(256)


def sha256(body: bytes) -> str:
    """Hash what was compressed: CloudTrail's hashes are those of the uncompressed contents."""
    return hashlib.sha256(gzip.decompress(body)).hexdigest()
