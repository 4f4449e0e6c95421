"""Which Regions there are, as far as the SDK knows them: a mistyped one has no endpoint, and no retry finds it.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
"""

from functools import cache
from urllib.parse import urlsplit

from distributary.patterns import REGION


def is_in_unknown_region(endpoint_url: str) -> bool:
    """Whether an endpoint's host, of AWS, names a Region that the SDK doesn't know; it may name none."""
    labels = (urlsplit(endpoint_url).hostname or "").split(".")
    return "amazonaws" in labels and any(REGION.fullmatch(label) and label not in _known_regions() for label in labels)


@cache
def _known_regions() -> frozenset[str]:
    from botocore.loaders import create_loader  # rarely needed, and slow to import

    partitions = create_loader().load_data("partitions")["partitions"]
    return frozenset(region for partition in partitions for region in partition["regions"])
