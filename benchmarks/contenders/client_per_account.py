"""The usual step up from the tutorial: a cached client for each account, and threads."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from benchmarks.contenders import Handler
from benchmarks.contenders.plain import assume, copy, objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def make() -> Handler:
    """The handler."""
    threads = int(os.environ["CONCURRENCY"])
    sts = boto3.client("sts", config=Config(max_pool_connections=threads))
    config = Config(max_pool_connections=threads, s3={"addressing_style": "path"})
    session = boto3.Session()
    making = Lock()  # making clients isn't safe for threads
    pool = ThreadPoolExecutor(threads)
    locks: dict[str, Lock] = {}

    @cache
    def client(account_id: str) -> "S3Client":
        credentials = assume(sts, account_id)
        with making:
            return session.client("s3", config=config, **credentials)

    def deliver(bucket: str, key: str, account_id: str) -> None:
        with locks.setdefault(account_id, Lock()):
            s3 = client(account_id)
        copy(s3, bucket, key, account_id)

    def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
        for done in [pool.submit(deliver, *one) for one in objects(event)]:
            done.result()

    return handler
