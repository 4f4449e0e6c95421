"""The log files that a demo writes into the central bucket: made up, but of the forms that AWS documents.

The same arguments give the same files, byte for byte (for one version of Python and zlib). First comes one file
of every special kind, the most telling ones in front, then CloudTrail log files of all accounts.
"""

import gzip
import hashlib
import itertools
import json
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeAlias

from distributary.outcomes import Outcome
from distributary_local.trail_records import GLOBAL_REGION, timestamp, trail_records

Json: TypeAlias = dict[str, object]

MINIMUM_FOR_EVERY_KIND = 14
"""The least number of files that holds every special kind, where some account is subscribed and another is not."""
BUCKET = "amzn-s3-demo-central-bucket"
HOME_REGION = "eu-central-1"
"""The special files' Region. No ordinary log file is in it, so that its digest files name all there is."""
REGIONS = (GLOBAL_REGION, "us-west-2", "eu-west-1", "ap-southeast-2")
"""The ordinary log files' Regions."""
TRAIL_NAME = "central"
STRANGER = "210987654321"
"""Whom a forged key names where there is only one account."""
_STEP = timedelta(minutes=5)
"""CloudTrail and VPC flow logs deliver about this often."""
_HOUR = timedelta(hours=1)
"""CloudTrail delivers a digest file this often."""
_FLOW_LOG_HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
_ALPHANUMERICS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedFile:
    """One object for the central bucket, and what should become of it."""

    key: str
    body: bytes
    account_id: str | None = None
    """The owner. None where the key names no account, or (forged) two."""
    content_type: str = "application/json"
    content_encoding: str | None = "gzip"
    metadata: Mapping[str, str] = field(default_factory=dict)
    expected_outcome: Outcome
    """For the owner's own subscription, when the event is seen for the first time."""
    description: str


def generate(
    count: int,
    *,
    account_ids: Sequence[str],
    subscribed: Collection[str],
    organization_id: str,
    seed: int,
    until: datetime,
    bucket: str = BUCKET,
) -> Iterator[GeneratedFile]:
    """Make `count` files with timestamps up to `until`, no two with the same key.

    Fewer files are the beginning of more. `bucket` is what the digest files say they are in.
    Raises ValueError if `count` is negative, `account_ids` is empty or `until` has no time zone.
    """
    if count < 0 or not account_ids or until.tzinfo is None:
        raise ValueError("generate needs a count from 0 up, at least one account ID, and `until` with a time zone")
    central = _Central(
        Random(seed),  # noqa: S311  a demo, and it must be repeatable
        tuple(dict.fromkeys(account_ids)),
        frozenset(subscribed),
        organization_id,
        _on_the_step(until.astimezone(UTC)),
        bucket,
    )
    return itertools.islice(itertools.chain(_special_files(central), _ordinary_files(central)), count)


@dataclass(frozen=True, slots=True)
class _Central:
    """What the files are made from. `until` is in UTC, on a five-minute step."""

    rng: Random
    account_ids: tuple[str, ...]
    subscribed: frozenset[str]
    organization_id: str
    until: datetime
    bucket: str

    def owner(self, number: int) -> str:
        """Take turns among the subscribed accounts, or all where none is subscribed."""
        owners = [account_id for account_id in self.account_ids if account_id in self.subscribed]
        owners = owners or list(self.account_ids)
        return owners[number % len(owners)]

    def other(self, account_id: str) -> str:
        return next((each for each in self.account_ids if each != account_id), STRANGER)

    def outcome(self, account_id: str) -> Outcome:
        return Outcome.DELIVERED if account_id in self.subscribed else Outcome.UNSUBSCRIBED

    def suffix(self, length: int = 16) -> str:
        return "".join(self.rng.choices(_ALPHANUMERICS, k=length))


def _special_files(central: _Central) -> Iterator[GeneratedFile]:
    earlier = _log_file(central, central.owner(0), HOME_REGION, central.until - 1.5 * _HOUR)
    yield earlier
    first_digest = _digest_file(central, earlier, central.until - _HOUR, previous=None)
    yield first_digest
    yield _forged_file_name(central, central.owner(0))
    for account_id in central.account_ids:
        if account_id not in central.subscribed:
            yield _log_file(central, account_id, HOME_REGION, central.until)
            break
    yield _test_file(central.owner(0))
    yield _server_access_log(central)
    later = _log_file(central, central.owner(0), HOME_REGION, central.until - 0.5 * _HOUR)
    yield later
    yield _digest_file(central, later, central.until, previous=first_digest)
    yield _organization_trail_file(central, central.owner(1))
    yield _control_tower_file(central, central.owner(2))
    yield _config_history(central, central.owner(0))
    yield _flow_log(central, central.owner(1))
    yield _key_with_space_and_plus(central, central.owner(2))
    yield _forged_path(central, central.owner(0))


def _ordinary_files(central: _Central) -> Iterator[GeneratedFile]:
    """Every account's log file in every Region, then the same one step earlier, and so on without end."""
    for steps in itertools.count():
        for region in REGIONS:
            for account_id in central.account_ids:
                yield _log_file(central, account_id, region, central.until - steps * _STEP)


def _owned_file(central: _Central, account_id: str, key: str, body: bytes, description: str) -> GeneratedFile:
    outcome = central.outcome(account_id)
    return GeneratedFile(key=key, body=body, account_id=account_id, expected_outcome=outcome, description=description)


def _log_file(
    central: _Central,
    account_id: str,
    region: str,
    delivered: datetime,
    above: str = "AWSLogs/",
    description: str = "CloudTrail log file",
) -> GeneratedFile:
    key = f"{above}{account_id}/" + _trail_path(central, account_id, region, delivered)
    body = _trail_body(central, account_id, region, delivered)
    return _owned_file(central, account_id, key, body, description)


def _trail_path(central: _Central, named: str, region: str, delivered: datetime) -> str:
    """Name a log file below its account; the file's name says `named`.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
    """
    file_name = f"{named}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{central.suffix()}.json.gz"
    return f"CloudTrail/{region}/{delivered:%Y/%m/%d}/{file_name}"


def _trail_body(central: _Central, account_id: str, region: str, until: datetime) -> bytes:
    records = trail_records(central.rng, account_id, region, until, central.rng.randrange(1, 5))
    return _gzipped_json({"Records": records})


def _organization_trail_file(central: _Central, account_id: str) -> GeneratedFile:
    above = f"AWSLogs/{central.organization_id}/"
    description = "CloudTrail log file of an organization trail"
    return _log_file(central, account_id, GLOBAL_REGION, central.until, above, description)


def _control_tower_file(central: _Central, account_id: str) -> GeneratedFile:
    """Put the organisation's ID before `AWSLogs` too: that is the prefix Control Tower gives its trail."""
    above = f"{central.organization_id}/AWSLogs/{central.organization_id}/"
    description = "CloudTrail log file of Control Tower's trail"
    return _log_file(central, account_id, GLOBAL_REGION, central.until, above, description)


def _digest_file(
    central: _Central, log_file: GeneratedFile, end: datetime, previous: GeneratedFile | None
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
    body = _gzipped_json(digest)
    description = "CloudTrail digest file" + (", the first of its chain" if previous is None else "")
    signature = _signature(digest, body)
    metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
    return replace(_owned_file(central, account_id, key, body, description), metadata=metadata)


def _digest(bucket: str, key: str, log_file: GeneratedFile, end: datetime, previous: GeneratedFile | None) -> Json:
    event_times = [record["eventTime"] for record in json.loads(gzip.decompress(log_file.body))["Records"]]
    newest_and_oldest = {"newestEventTime": max(event_times), "oldestEventTime": min(event_times)}
    place = {"s3Bucket": bucket, "s3Object": log_file.key}
    hashed = {"hashValue": _sha256(log_file.body), "hashAlgorithm": "SHA-256"}
    return {
        "awsAccountId": log_file.account_id,
        "digestStartTime": timestamp(end - _HOUR),
        "digestEndTime": timestamp(end),
        "digestS3Bucket": bucket,
        "digestS3Object": key,
        "digestPublicKeyFingerprint": hashlib.sha256(HOME_REGION.encode()).hexdigest()[:32],
        "digestSignatureAlgorithm": "SHA256withRSA",
        **newest_and_oldest,
        "previousDigestS3Bucket": bucket if previous else None,
        "previousDigestS3Object": previous.key if previous else None,
        "previousDigestHashValue": _sha256(previous.body) if previous else None,
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
    signed = f"{digest['digestEndTime']}\n{place}\n{_sha256(body)}\n{previous}"
    return hashlib.shake_256(signed.encode()).hexdigest(256)


def _sha256(body: bytes) -> str:
    """Hash what was compressed: CloudTrail's hashes are those of the uncompressed contents."""
    return hashlib.sha256(gzip.decompress(body)).hexdigest()


def _forged(central: _Central, owner: str, path: str, description: str) -> GeneratedFile:
    body = _trail_body(central, owner, HOME_REGION, central.until)
    return GeneratedFile(
        key=f"AWSLogs/{owner}/{path}",
        body=body,
        expected_outcome=Outcome.REFUSED,
        description=description,
    )


def _forged_file_name(central: _Central, owner: str) -> GeneratedFile:
    path = _trail_path(central, central.other(owner), HOME_REGION, central.until)
    return _forged(central, owner, path, "forged key: the file's name names another account than its path")


def _forged_path(central: _Central, owner: str) -> GeneratedFile:
    other = central.other(owner)
    inner = _trail_path(central, other, HOME_REGION, central.until)
    path = f"CloudTrail/AWSLogs/{other}/{inner}"
    return _forged(central, owner, path, "forged key: two AWSLogs segments, each with its own account")


def _test_file(owner: str) -> GeneratedFile:
    """Make the empty object with which Config tries whether it may write.

    https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html
    """
    return GeneratedFile(
        key=f"AWSLogs/{owner}/Config/ConfigWritabilityCheckFile",
        body=b"",
        account_id=owner,
        content_type="application/octet-stream",
        content_encoding=None,
        expected_outcome=Outcome.IGNORED,
        description="AWS Config's test file",
    )


def _server_access_log(central: _Central) -> GeneratedFile:
    """Make a key without an account ID: https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html."""
    requester, request_id, unique = (f"{central.rng.getrandbits(64):016X}" for _ in range(3))
    line = (
        f"{requester * 4} {central.bucket} [{central.until:%d/%b/%Y:%H:%M:%S} +0000] 192.0.2.3 - {request_id} "
        'REST.GET.VERSIONING - "GET /?versioning HTTP/1.1" 200 - 113 - 7 - "-" "-" - - SigV4 - - - TLSv1.3 - -\n'
    )
    return GeneratedFile(
        key=f"access-logs/{central.until:%Y-%m-%d-%H-%M-%S}-{unique}",
        body=line.encode(),
        content_type="text/plain",
        content_encoding=None,
        expected_outcome=Outcome.UNROUTABLE,
        description="S3 server access log: its key names no account",
    )


def _config_file(central: _Central, owner: str, path: str, item: Json, description: str) -> GeneratedFile:
    """Make a Config file; `path` is what follows the date, which Config writes without leading zeros.

    https://docs.aws.amazon.com/config/latest/developerguide/example-s3-config-history.html
    """
    now = central.until
    key = f"AWSLogs/{owner}/Config/{HOME_REGION}/{now.year}/{now.month}/{now.day}/{path}"
    items = [
        {
            "configurationItemVersion": "1.3",
            "configurationItemCaptureTime": timestamp(now),
            "configurationItemStatus": "OK",
            "awsAccountId": owner,
            "awsRegion": HOME_REGION,
            **item,
        }
    ]
    body = _gzipped_json({"fileVersion": "1.0", "configurationItems": items})
    return _owned_file(central, owner, key, body, description)


def _config_history(central: _Central, owner: str) -> GeneratedFile:
    span = f"{central.until - 6 * _HOUR:%Y%m%dT%H%M%SZ}_{central.until:%Y%m%dT%H%M%SZ}"
    resource_type = "AWS::EC2::SecurityGroup"
    path = f"ConfigHistory/{owner}_Config_{HOME_REGION}_ConfigHistory_{resource_type}_{span}_1.json.gz"
    item: Json = {"resourceType": resource_type, "resourceId": f"sg-0{central.rng.getrandbits(64):016x}"}
    return _config_file(central, owner, path, item, "AWS Config history file: `::` and a date without zeros")


def _key_with_space_and_plus(central: _Central, owner: str) -> GeneratedFile:
    """Make a change notification too large for SNS: its key has the resource's own name in it.

    https://docs.aws.amazon.com/config/latest/developerguide/oversized-notification-example.html
    """
    resource_type, name = "AWS::CloudWatch::Alarm", "orders api p99+ latency"
    moment = f"{central.until:%Y%m%dT%H%M%SZ}"
    file_name = f"{owner}_Config_{HOME_REGION}_ChangeNotification_{resource_type}_{name}_{moment}_0.json.gz"
    path = f"OversizedChangeNotification/{resource_type}/{name}/{file_name}"
    item: Json = {"resourceType": resource_type, "resourceId": name}
    return _config_file(central, owner, path, item, "AWS Config file whose key has spaces and a plus")


def _flow_log(central: _Central, owner: str) -> GeneratedFile:
    """Make a flow log with Hive-compatible prefixes: its account ID stands behind `aws-account-id=`.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
    """
    now, rng = central.until, central.rng
    prefix = f"AWSLogs/aws-account-id={owner}/aws-service=vpcflowlogs/aws-region={HOME_REGION}"
    flow_log_id, unique = f"fl-0{rng.getrandbits(64):016x}", f"{rng.getrandbits(32):08x}"
    name = f"{owner}_vpcflowlogs_{HOME_REGION}_{flow_log_id}_{now:%Y%m%dT%H%MZ}_{unique}.log.gz"
    key = f"{prefix}/{now:year=%Y/month=%m/day=%d}/{name}"
    text = "\n".join([_FLOW_LOG_HEADER, *(_flow_log_line(central, owner) for _ in range(5)), ""])
    body = gzip.compress(text.encode(), mtime=0)
    log_file = _owned_file(central, owner, key, body, "VPC flow log with a Hive-compatible prefix")
    return replace(log_file, content_type="application/octet-stream", content_encoding=None)


def _flow_log_line(central: _Central, owner: str) -> str:
    """https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html, version 2."""
    rng, end = central.rng, int(central.until.timestamp()) - 60
    source, packets = f"10.0.{rng.randrange(256)}.{rng.randrange(1, 255)}", rng.randrange(1, 100)
    ports = f"{rng.randrange(32768, 61000)} 443 6"
    interface = f"eni-0{rng.getrandbits(64):016x}"
    action = rng.choice(("ACCEPT", "ACCEPT", "REJECT"))
    return f"2 {owner} {interface} {source} 10.0.0.9 {ports} {packets} {packets * 840} {end - 60} {end} {action} OK"


def _gzipped_json(document: Json) -> bytes:
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0)


def _on_the_step(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)
