"""Lists what a plan of prefixes names, in key order, with no more in memory than one page; or only its places.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from distributary.comparisons import Listed
from distributary.prefixes import Place, Planner

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def walk(
    client: "S3Client", bucket: str, planner: Planner, place: Place, *, prefix: str = "", after: str | None = None
) -> Iterator[Listed]:
    """Every object at a place.

    Args:
        client: may list the bucket.
        bucket: the central one, or a receiver's.
        planner: knows which folders of the place are wanted.
        place: one of the planner's.
        prefix: what stands before the keys in this bucket; the objects' keys are told with it.
        after: a key (without that prefix) up to which everything is left out.

    Raises:
        botocore.exceptions.ClientError: as ListObjectsV2 does.
    """
    if after is not None and _is_over(place.prefix, after):
        return
    options: Any = {"Delimiter": "/"} if place.folders_first else {}
    if after is not None and not place.folders_first and after.startswith(place.prefix):
        options["StartAfter"] = prefix + after
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + place.prefix, **options)
    for page in pages:
        entries: list[Any] = [*page.get("Contents", ()), *page.get("CommonPrefixes", ())]
        for entry in sorted(entries, key=lambda entry: entry.get("Key") or entry["Prefix"]):
            if "Prefix" in entry:
                folder = entry["Prefix"].removeprefix(prefix + place.prefix).removesuffix("/")
                for inner in planner.inside(place, folder):
                    yield from walk(client, bucket, planner, inner, prefix=prefix, after=after)
            elif after is None or entry["Key"].removeprefix(prefix) > after:
                yield Listed(entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry["LastModified"])


def leaves(
    client: "S3Client", bucket: str, planner: Planner, place: Place, *, after: str | None = None
) -> Iterator[Place]:
    """The places that `walk` would list, found by listing folders: each key of the plan is in one of them.

    They come in the order of their prefixes; `after` leaves out those up to this prefix.

    Raises:
        botocore.exceptions.ClientError: as ListObjectsV2 does.
    """
    if after is not None and _is_over(place.prefix, after):
        return
    is_new = after is None or place.prefix > after
    if not place.folders_first:
        if is_new:
            yield place
        return
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=place.prefix, Delimiter="/"):
        if is_new and page.get("KeyCount"):
            is_new = False
            yield replace(place, here_only=True)
        for found in page.get("CommonPrefixes", ()):
            for inner in planner.inside(place, found["Prefix"].removeprefix(place.prefix).removesuffix("/")):
                yield from leaves(client, bucket, planner, inner, after=after)


def _is_over(prefix: str, after: str) -> bool:
    """Whether every key with a prefix comes before a key, or is it."""
    return prefix < after and not after.startswith(prefix)
