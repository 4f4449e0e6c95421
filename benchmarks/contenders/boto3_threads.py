"""boto3 as well as it goes: one client, path-style, a pool as large as the threads, credentials chosen per request."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import cache
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials

from benchmarks.contenders import Handler
from benchmarks.contenders.plain import assume, copy, objects

_chosen: ContextVar[ReadOnlyCredentials] = ContextVar("chosen")


class _Chosen(Credentials):
    def __init__(self) -> None:
        super().__init__("chosen", "chosen")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return _chosen.get()


class _Provider(CredentialProvider):
    METHOD = "chosen"

    def load(self) -> Credentials:
        return _Chosen()


def make() -> Handler:
    """The handler."""
    threads = int(os.environ["CONCURRENCY"])
    session = botocore.session.get_session()
    session.register_component("credential_provider", CredentialResolver([_Provider()]))
    # A fixed User-Agent saves a tenth: botocore puts it together anew for each request.
    config = Config(max_pool_connections=threads, s3={"addressing_style": "path"}, user_agent="benchmark")
    s3 = boto3.Session(botocore_session=session).client("s3", config=config)
    sts = boto3.client("sts", config=Config(max_pool_connections=threads))
    pool = ThreadPoolExecutor(threads)
    locks: dict[str, Lock] = {}

    @cache
    def remembered(account_id: str) -> ReadOnlyCredentials:
        keys = assume(sts, account_id)
        return ReadOnlyCredentials(keys["aws_access_key_id"], keys["aws_secret_access_key"], keys["aws_session_token"])

    def deliver(bucket: str, key: str, account_id: str) -> None:
        with locks.setdefault(account_id, Lock()):
            credentials = remembered(account_id)
        _chosen.set(credentials)
        copy(s3, bucket, key, account_id)

    def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda's signature
        for done in [pool.submit(deliver, *one) for one in objects(event)]:
            done.result()

    return handler
