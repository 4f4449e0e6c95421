"""Which Regions there are, as far as the SDK knows them: a mistyped one has no endpoint, and no retry finds it.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
"""

from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

from distributary.patterns import REGION


@cache
def known_regions() -> Mapping[str, frozenset[str]]:
    """The Regions by partition."""
    from botocore.loaders import create_loader  # rarely needed, and slow to import

    partitions = create_loader().load_data("partitions")["partitions"]
    return {partition["id"]: frozenset(partition["regions"]) for partition in partitions}


def is_in_unknown_region(endpoint_url: str) -> bool:
    """Whether an endpoint's host, of AWS, names a Region that the SDK doesn't know; it may name none."""
    labels = (urlsplit(endpoint_url).hostname or "").split(".")
    return "amazonaws" in labels and any(REGION.fullmatch(label) and not _is_known(label) for label in labels)


def _is_known(region: str) -> bool:
    return any(region in regions for regions in known_regions().values())
