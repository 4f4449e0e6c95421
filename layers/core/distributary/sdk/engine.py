"""The engine that is boto3 throughout."""

import asyncio
from collections.abc import Sequence

import boto3
from botocore.config import Config

from distributary.copies import Copy
from distributary.credentials import SessionCredentials
from distributary.engines import Engine
from distributary.objects import Source, StoredObject
from distributary.publishing import Notification
from distributary.sdk.copies import SdkCopier
from distributary.sdk.publishing import SdkPublisher
from distributary.subscriptions import NotifyTarget


class SdkCopierInThreads:
    """A `distributary.copies.CopyEngine` whose event loop isn't held up by boto3."""

    def __init__(self, concurrency: int) -> None:
        self._copier = SdkCopier(concurrency)

    async def copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject | None:
        """As `CopyEngine.copy`."""
        return await asyncio.to_thread(self._copier.copy, copy, credentials)

    async def find_copy(self, copy: Copy, credentials: SessionCredentials) -> StoredObject:
        """As `CopyEngine.find_copy`."""
        return await asyncio.to_thread(self._copier.find_copy, copy, credentials)

    async def find_source(self, source: Source, credentials: SessionCredentials) -> StoredObject:
        """As `CopyEngine.find_source`."""
        return await asyncio.to_thread(self._copier.find_source, source, credentials)


class SdkPublisherInThreads:
    """A `distributary.publishing.Announcer` whose event loop isn't held up by boto3."""

    def __init__(self, concurrency: int) -> None:
        self._publisher = SdkPublisher(concurrency)

    async def publish(
        self, target: NotifyTarget, notifications: Sequence[Notification], credentials: SessionCredentials
    ) -> Sequence[Exception | None]:
        """As `Announcer.publish`."""
        return await asyncio.to_thread(self._publisher.publish, target, notifications, credentials)


def sdk_engine(concurrency: int) -> Engine:
    """Build it.

    Args:
        concurrency: how many threads will use it at once.
    """
    session = boto3.Session()
    config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    return Engine(
        copies=SdkCopierInThreads(concurrency),
        announcer=SdkPublisherInThreads(concurrency),
        tokens=session.client("sts", config=config.merge(Config(max_pool_connections=concurrency))),
        items=session.client("dynamodb", config=config),
    )
