"""Files of other services than CloudTrail."""

import gzip
from dataclasses import replace

from distributary.outcomes import Outcome
from distributary_local.log_files.made import (
    _FLOW_LOG_HEADER,
    HOME_REGION,
    HOUR,
    Central,
    GeneratedFile,
    Json,
    gzipped_json,
    owned_file,
)
from distributary_local.trail_records import timestamp


def test_file(owner: str) -> GeneratedFile:
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


def server_access_log(central: Central) -> GeneratedFile:
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


def _config_file(central: Central, owner: str, path: str, item: Json, description: str) -> GeneratedFile:
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
    body = gzipped_json({"fileVersion": "1.0", "configurationItems": items})
    return owned_file(central, owner, key, body, description)


def config_history(central: Central, owner: str) -> GeneratedFile:
    """A Config history file: `::` in its name, an unpadded date in its path."""
    span = f"{central.until - 6 * HOUR:%Y%m%dT%H%M%SZ}_{central.until:%Y%m%dT%H%M%SZ}"
    resource_type = "AWS::EC2::SecurityGroup"
    path = f"ConfigHistory/{owner}_Config_{HOME_REGION}_ConfigHistory_{resource_type}_{span}_1.json.gz"
    item: Json = {"resourceType": resource_type, "resourceId": f"sg-0{central.rng.getrandbits(64):016x}"}
    return _config_file(central, owner, path, item, "AWS Config history file: `::` and a date without zeros")


def key_with_space_and_plus(central: Central, owner: str) -> GeneratedFile:
    """Make a change notification too large for SNS: its key has the resource's own name in it.

    https://docs.aws.amazon.com/config/latest/developerguide/oversized-notification-example.html
    """
    resource_type, name = "AWS::CloudWatch::Alarm", "orders api p99+ latency"
    moment = f"{central.until:%Y%m%dT%H%M%SZ}"
    file_name = f"{owner}_Config_{HOME_REGION}_ChangeNotification_{resource_type}_{name}_{moment}_0.json.gz"
    path = f"OversizedChangeNotification/{resource_type}/{name}/{file_name}"
    item: Json = {"resourceType": resource_type, "resourceId": name}
    return _config_file(central, owner, path, item, "AWS Config file whose key has spaces and a plus")


def flow_log(central: Central, owner: str) -> GeneratedFile:
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
    log_file = owned_file(central, owner, key, body, "VPC flow log with a Hive-compatible prefix")
    return replace(log_file, content_type="application/octet-stream", content_encoding=None)


def _flow_log_line(central: Central, owner: str) -> str:
    """https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html, version 2."""
    rng, end = central.rng, int(central.until.timestamp()) - 60
    source, packets = f"10.0.{rng.randrange(256)}.{rng.randrange(1, 255)}", rng.randrange(1, 100)
    ports = f"{rng.randrange(32768, 61000)} 443 6"
    interface = f"eni-0{rng.getrandbits(64):016x}"
    action = rng.choice(("ACCEPT", "ACCEPT", "REJECT"))
    return f"2 {owner} {interface} {source} 10.0.0.9 {ports} {packets} {packets * 840} {end - 60} {end} {action} OK"
