"""Opens log files for reading, and writes their lines to standard output."""

import io
import sys
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import HTTPClientError, IncompleteReadError

from distributary_cli import output
from distributary_cli.logs_records import lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HELD_BYTES = 1 << 23
"""Smaller objects are read whole, and proved by the SDK, before a line of them is written: 8 MiB."""
ATTEMPTS = 3


def open_object(client: "S3Client", bucket: str, key: str, version_id: str | None = None) -> IO[bytes]:
    """An object's content; its latest version's, if none is named.

    Raises:
        botocore.exceptions.ClientError: as GetObject does.
        botocore.exceptions.BotoCoreError: if it cannot be read, again and again.
    """
    version: Any = {"VersionId": version_id} if version_id else {}
    for attempt in range(1, ATTEMPTS + 1):
        answer = client.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **version)
        if answer["ContentLength"] > HELD_BYTES:
            break
        try:
            with answer["Body"] as body:
                return io.BytesIO(body.read())
        except (HTTPClientError, IncompleteReadError):
            if attempt == ATTEMPTS:
                raise
    return answer["Body"]  # type: ignore[return-value] # botocore's body is read like a file


def write_lines(content: IO[bytes]) -> None:
    """Write a log file's lines to standard output: bytes as they are, but nothing that a terminal would obey.

    Raises:
        logs_records.UnreadableFileError: as `lines` does.
        BrokenPipeError: if nobody reads any more.
    """
    sys.stdout.flush()
    for line in lines(content):
        if sys.stdout.isatty():
            sys.stdout.write(output.visible(line.decode(errors="backslashreplace").replace("\t", " ")) + "\n")
        else:
            sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
