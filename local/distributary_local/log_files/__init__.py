"""The log files that a demo writes into the central bucket: made up, but of the forms that AWS documents.

The same arguments give the same files, byte for byte (for one version of Python and zlib). First comes one file
of every special kind, the most telling ones in front, then CloudTrail log files of all accounts.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from random import Random

from distributary_local.log_files.digests import digest_file
from distributary_local.log_files.made import (
    BUCKET,
    HOME_REGION,
    HOUR,
    MINIMUM_FOR_EVERY_KIND,
    REGIONS,
    STEP,
    STRANGER,
    Central,
    GeneratedFile,
    on_the_step,
)
from distributary_local.log_files.services import (
    config_history,
    flow_log,
    key_with_space_and_plus,
    server_access_log,
    test_file,
)
from distributary_local.log_files.trails import (
    control_tower_file,
    forged_file_name,
    forged_path,
    log_file,
    organization_trail_file,
)

__all__ = ["HOME_REGION", "MINIMUM_FOR_EVERY_KIND", "STRANGER", "GeneratedFile", "generate"]


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
    central = Central(
        Random(seed),  # noqa: S311  a demo, and it must be repeatable
        tuple(dict.fromkeys(account_ids)),
        frozenset(subscribed),
        organization_id,
        on_the_step(until.astimezone(UTC)),
        bucket,
    )
    return itertools.islice(itertools.chain(_special_files(central), _ordinary_files(central)), count)


def _special_files(central: Central) -> Iterator[GeneratedFile]:
    earlier = log_file(central, central.owner(0), HOME_REGION, central.until - 1.5 * HOUR)
    yield earlier
    first_digest = digest_file(central, earlier, central.until - HOUR, previous=None)
    yield first_digest
    yield forged_file_name(central, central.owner(0))
    for account_id in central.account_ids:
        if account_id not in central.subscribed:
            yield log_file(central, account_id, HOME_REGION, central.until)
            break
    yield test_file(central.owner(0))
    yield server_access_log(central)
    later = log_file(central, central.owner(0), HOME_REGION, central.until - 0.5 * HOUR)
    yield later
    yield digest_file(central, later, central.until, previous=first_digest)
    yield organization_trail_file(central, central.owner(1))
    yield control_tower_file(central, central.owner(2))
    yield config_history(central, central.owner(0))
    yield flow_log(central, central.owner(1))
    yield key_with_space_and_plus(central, central.owner(2))
    yield forged_path(central, central.owner(0))


def _ordinary_files(central: Central) -> Iterator[GeneratedFile]:
    """Every account's log file in every Region, then the same one step earlier, and so on without end."""
    for steps in itertools.count():
        for region in REGIONS:
            for account_id in central.account_ids:
                yield log_file(central, account_id, region, central.until - steps * STEP)
