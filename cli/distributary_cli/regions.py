"""Which Regions there are, as far as the SDK knows them: a mistyped one has no endpoint to connect to.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
"""

from functools import cache

import botocore
from botocore.loaders import create_loader


def is_known(partition: str, region: str) -> bool:
    """Whether the SDK knows the Region, in this partition."""
    return region in _regions(partition)


def why_unknown(partition: str, region: str) -> str:
    """What to say of a Region that isn't known."""
    return (
        f"{region} is not a Region of partition {partition}, as far as botocore {botocore.__version__} knows; "
        "if it is a new one, install a newer botocore, or add --offline"
    )


@cache
def _regions(partition: str) -> tuple[str, ...]:
    partitions = create_loader().load_data("partitions")["partitions"]
    return tuple(region for one in partitions if one["id"] == partition for region in one["regions"])
