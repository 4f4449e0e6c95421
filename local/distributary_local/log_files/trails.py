"""CloudTrail log files, and forged ones."""

from datetime import datetime

from distributary.outcomes import Outcome
from distributary_local.log_files.made import HOME_REGION, Central, GeneratedFile, gzipped_json, owned_file
from distributary_local.trail_records import GLOBAL_REGION, trail_records


def log_file(
    central: Central,
    account_id: str,
    region: str,
    delivered: datetime,
    above: str = "AWSLogs/",
    description: str = "CloudTrail log file",
) -> GeneratedFile:
    """A CloudTrail log file; `above` stands before the account ID."""
    key = f"{above}{account_id}/" + trail_path(central, account_id, region, delivered)
    body = trail_body(central, account_id, region, delivered)
    return owned_file(central, account_id, key, body, description)


def trail_path(central: Central, named: str, region: str, delivered: datetime) -> str:
    """Name a log file below its account; the file's name says `named`.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
    """
    file_name = f"{named}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{central.suffix()}.json.gz"
    return f"CloudTrail/{region}/{delivered:%Y/%m/%d}/{file_name}"


def trail_body(central: Central, account_id: str, region: str, until: datetime) -> bytes:
    """A CloudTrail log file's key behind the account ID's place."""
    records = trail_records(central.rng, account_id, region, until, central.rng.randrange(1, 5))
    return gzipped_json({"Records": records})


def organization_trail_file(central: Central, account_id: str) -> GeneratedFile:
    """A CloudTrail log file of a few records."""
    above = f"AWSLogs/{central.organization_id}/"
    description = "CloudTrail log file of an organization trail"
    return log_file(central, account_id, GLOBAL_REGION, central.until, above, description)


def control_tower_file(central: Central, account_id: str) -> GeneratedFile:
    """Put the organisation's ID before `AWSLogs` too: that is the prefix Control Tower gives its trail."""
    above = f"{central.organization_id}/AWSLogs/{central.organization_id}/"
    description = "CloudTrail log file of Control Tower's trail"
    return log_file(central, account_id, GLOBAL_REGION, central.until, above, description)


def _forged(central: Central, owner: str, path: str, description: str) -> GeneratedFile:
    body = trail_body(central, owner, HOME_REGION, central.until)
    return GeneratedFile(
        key=f"AWSLogs/{owner}/{path}",
        body=body,
        expected_outcome=Outcome.REFUSED,
        description=description,
    )


def forged_file_name(central: Central, owner: str) -> GeneratedFile:
    """A key whose file name names another account than its path."""
    path = trail_path(central, central.other(owner), HOME_REGION, central.until)
    return _forged(central, owner, path, "forged key: the file's name names another account than its path")


def forged_path(central: Central, owner: str) -> GeneratedFile:
    """A key whose file name names another account."""
    other = central.other(owner)
    inner = trail_path(central, other, HOME_REGION, central.until)
    path = f"CloudTrail/AWSLogs/{other}/{inner}"
    return _forged(central, owner, path, "forged key: two AWSLogs segments, each with its own account")
