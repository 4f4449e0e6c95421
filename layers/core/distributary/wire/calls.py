"""One call to an AWS service: signed, sent, repeated where that helps, and its error raised as boto3 raises it.

Sources: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's name of it

from distributary.credentials import SessionCredentials
from distributary.faults import Fault, classify
from distributary.wire.answers import Answer
from distributary.wire.connections import Connections
from distributary.wire.endpoints import endpoint_url
from distributary.wire.signatures import signed_headers

LONGEST_PAUSE_SECONDS = 5.0
"""Between two attempts, whatever Retry-After asks for: the queue can wait for longer than a thread should."""
REPEATED = frozenset({Fault.THROTTLED, Fault.TRANSIENT})
STALE = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestTimeTooSkewed"})
"""Transient, but the same request anew would have the same answer."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}

ReadError = Callable[[Answer], tuple[str, str] | None]
"""Tells the error code and message in an answer, by the service's protocol; None if it has none."""


class Call(NamedTuple):
    """What is asked of a service."""

    service: str
    """As in the credential scope: `s3`, `sts`, `sns`, `dynamodb`."""
    region: str
    operation: str
    """AWS's name of it, such as `CopyObject`."""
    method: str = "POST"
    path: str = "/"
    """Encoded."""
    headers: Mapping[str, str] = MappingProxyType({})
    """By lower-case names."""
    body: bytes = b""
    attempts: int = 2


class Caller:
    """Makes calls. One per environment, and in its event loop only.

    Args:
        environ: where the endpoints are configured.
        connections: what carries the requests.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        connections: Connections,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._environ = environ
        self._connections = connections
        self._sleep = sleep
        self._endpoints: dict[tuple[str, str], tuple[str, str]] = {}

    async def call(
        self,
        call: Call,
        credentials: SessionCredentials,
        read_error: ReadError,
    ) -> Answer:
        """Ask, and ask again where the service is busy or the network fails.

        Args:
            call: what is asked.
            credentials: who asks.
            read_error: looks for an error in an answer.

        Raises:
            botocore.exceptions.ClientError: what the service answers for an error, with its code and the operation.
            botocore.exceptions.BotoCoreError: if it cannot be reached.
            ValueError: if what is asked cannot be said in HTTP.
        """
        for attempt in range(1, call.attempts):
            try:
                return await self._once(call, credentials, read_error)
            except ClientError as error:
                if classify(error) not in REPEATED or error.response["Error"]["Code"] in STALE:
                    raise
                await self._sleep(_pause(attempt, error.response["ResponseMetadata"]["HTTPHeaders"].get("retry-after")))
            except (ConnectionError, HTTPClientError):
                await self._sleep(_pause(attempt, None))
        return await self._once(call, credentials, read_error)

    async def _once(
        self,
        call: Call,
        credentials: SessionCredentials,
        read_error: ReadError,
    ) -> Answer:
        url, host = self._endpoint(call.service, call.region)
        headers = signed_headers(
            call.method,
            call.path,
            {"host": host, **call.headers},
            call.body,
            credentials=credentials,
            service=call.service,
            region=call.region,
            time=_stamp(int(time.time())),
        )
        if not (said := "".join([call.path, *headers.values()])).isprintable() or not said.isascii():
            # Such as a version ID, from an event, with a line's end in it: another header, or another request.
            raise ValueError(f"{call.operation} with a header that HTTP cannot carry")
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        rest = f"user-agent: distributary\r\ncontent-length: {len(call.body)}\r\n\r\n"
        head = f"{call.method} {call.path} HTTP/1.1\r\n{lines}{rest}"
        answer = await self._connections.exchange(url, head.encode() + call.body)
        told = read_error(answer)
        if told is not None or answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise _error(call.operation, answer, told)
        return answer

    def _endpoint(self, service: str, region: str) -> tuple[str, str]:
        """A service's URL, and the host as the Host header names it."""
        if (service, region) not in self._endpoints:
            url = endpoint_url(service, region, self._environ)
            host = url.partition("://")[2].removesuffix(":443" if url.startswith("https") else ":80")
            self._endpoints[service, region] = url, host
        return self._endpoints[service, region]


@lru_cache(maxsize=2)
def _stamp(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


def _error(operation: str, answer: Answer, told: tuple[str, str] | None) -> ClientError:
    """As boto3 has it: where the body tells nothing, the code is the HTTP status."""
    code, message = told or (str(answer.status), _PHRASES.get(answer.status, ""))
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {  # type: ignore[typeddict-item] # the other fields are nobody's need
                "HTTPStatusCode": answer.status,
                "HTTPHeaders": dict(answer.headers),
                "RequestId": answer.headers.get("x-amz-request-id") or answer.headers.get("x-amzn-requestid") or "",
            },
        },
        operation,
    )


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds before the next attempt: what the service asks for, or some chance, up to twice as much each time."""
    if retry_after is not None and retry_after.isdecimal():
        return min(float(retry_after), LONGEST_PAUSE_SECONDS)
    jitter = int.from_bytes(os.urandom(4)) / 2**32
    return min(jitter * 2.0**attempt / 2, LONGEST_PAUSE_SECONDS)
