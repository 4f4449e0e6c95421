"""The log files that a command is about: named by their keys, or selected."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from distributary.selections import Selection

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Target:
    """One log file; what only a listing says is None."""

    key: str
    size: int | None = None
    """Bytes."""
    etag: str | None = None
    last_modified: datetime | None = None


def named_bucket(keys: Iterable[str], bucket: str | None) -> str:
    """The bucket that is meant: the option's, or the one of the first `s3://bucket/key`.

    Raises:
        typer.BadParameter: if neither names one.
    """
    named = bucket or next((key[5:].partition("/")[0] for key in keys if key.startswith("s3://")), "")
    if not named:
        raise typer.BadParameter("name the bucket, or set CENTRAL_BUCKET", param_hint="--bucket")
    return named


def targets(client: "S3Client", bucket: str, keys: list[str], selection: Selection) -> Iterator[Target]:
    """The keys as they are given, each once; without any, what the selection finds.

    Raises:
        typer.BadParameter: at once if a key is empty, or in another bucket.
        botocore.exceptions.ClientError: later, as ListObjectsV2 does.
    """
    from distributary_cli.logs_listing import list_files

    if keys:
        return map(Target, dict.fromkeys([_key(text, bucket) for text in _each(keys)]))
    return (
        Target(file.key, file.size, file.etag, file.last_modified) for file in list_files(client, bucket, selection)
    )


def _each(keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if key == "-":
            yield from (text.rstrip("\r\n") for text in sys.stdin if text.strip())
        else:
            yield key


def _key(text: str, bucket: str) -> str:
    there, _, key = text[5:].partition("/") if text.startswith("s3://") else (bucket, "", text)
    if there != bucket:
        raise typer.BadParameter(f"{text} is in another bucket than {bucket}: one command reads one bucket")
    if not key:
        raise typer.BadParameter(f"{text!r} names no key: without any, --account and its like select log files")
    return key
