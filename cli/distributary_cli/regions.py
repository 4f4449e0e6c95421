"""Whether a Region is one of its partition, and what to say if not."""

import botocore

from distributary.regions import known_regions


def is_known(partition: str, region: str) -> bool:
    """Whether the SDK knows the Region, in this partition."""
    return region in known_regions().get(partition, ())


def why_unknown(partition: str, region: str) -> str:
    """What to say of a Region that isn't known."""
    return (
        f"{region} is not a Region of partition {partition}, as far as botocore {botocore.__version__} knows; "
        "if it is a new one, install a newer botocore, or add --offline"
    )
