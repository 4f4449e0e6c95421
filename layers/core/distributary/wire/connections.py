"""HTTP/1.1 over connections that are kept alive, in an event loop. Not for several threads."""

import asyncio
import select
import ssl
from collections import defaultdict
from functools import cached_property
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from distributary.wire.answers import Answer, AnswerReader

CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 10.0
"""Of silence. While a copy takes long, S3 keeps sending white space, so this need not cover it."""


class MalformedAnswerError(ConnectionClosedError):
    """What came back is not an HTTP answer."""

    fmt = "The answer of {endpoint_url} is malformed: {error}"


class Connections:
    """Keeps connections open for the next request to the same endpoint: as many as were ever needed at once."""

    def __init__(
        self,
        ca_bundle: str,
        connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout: float = READ_TIMEOUT_SECONDS,
    ) -> None:
        self._ca_bundle = ca_bundle
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._idle: defaultdict[str, list[_Connection]] = defaultdict(list)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Reading the bundle takes 15 ms of CPU: once, not for each connection."""
        return ssl.create_default_context(cafile=self._ca_bundle)

    async def exchange(self, endpoint_url: str, request: bytes) -> Answer:
        """Send a request and wait for its answer.

        A connection that was kept may turn out to be closed: nobody has answered then, and the request is sent anew.

        Raises:
            botocore.exceptions.BotoCoreError: in the classes that boto3 has for the same; MalformedAnswerError.
        """
        idle = self._idle[endpoint_url]
        while idle:
            kept = idle.pop()  # the last used: the others may rest until the service closes them
            if not kept.is_fit():
                kept.close()
                continue
            try:
                return await self._on(kept, request)
            except ConnectionClosedError:
                if kept.has_answered:
                    raise
        return await self._on(await self._connect(endpoint_url), request)

    def close(self) -> None:
        """Close what is kept; nothing may be under way."""
        for connection in (one for some in self._idle.values() for one in some):
            connection.close()
        self._idle.clear()

    async def _on(self, connection: "_Connection", request: bytes) -> Answer:
        try:
            answer, is_kept = await connection.exchange(request, self._read_timeout)
        except BaseException:
            connection.close()  # half an answer may be under way still
            raise
        if is_kept:
            self._idle[connection.endpoint_url].append(connection)
        else:
            connection.close()
        return answer

    async def _connect(self, endpoint_url: str) -> "_Connection":
        parts = urlsplit(endpoint_url)
        context = self._context if parts.scheme == "https" else None
        port = parts.port or (443 if context else 80)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(
                    lambda: _Connection(endpoint_url), parts.hostname or "", port, ssl=context
                )
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=endpoint_url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=endpoint_url, error=error) from error
        except (OSError, UnicodeError) as error:  # the latter where a host's name can be none
            raise EndpointConnectionError(endpoint_url=endpoint_url, error=error) from error
        return connection


class _Connection(asyncio.Protocol):
    """One connection, with one request under way at most."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.is_open = True
        self.has_answered = False
        """Whether a byte of the present answer has come."""
        self._reader = AnswerReader()
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[tuple[Answer, bool]] | None = None
        self._last_heard = 0.0
        self._timer: asyncio.TimerHandle | None = None
        """Runs on when an answer has come, for the next request: most answers come long before it ends."""
        self._poll = select.poll()

    async def exchange(self, request: bytes, timeout: float) -> tuple[Answer, bool]:
        """The answer to a request, and whether the connection may be used again."""
        if not self.is_open:
            raise ConnectionClosedError(endpoint_url=self.endpoint_url)
        loop = asyncio.get_running_loop()
        self.has_answered, self._last_heard = False, loop.time()
        self._waiting = loop.create_future()
        self._transport.write(request)
        if self._timer is None:
            self._timer = loop.call_later(timeout, self._look_at_the_clock, timeout)
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def is_fit(self) -> bool:
        """Whether it may carry a request: open, and with nothing to read.

        While Lambda froze the event loop, the server may have hung up, and said so: that must answer no request.
        """
        return self.is_open and not self._poll.poll(0)

    def close(self) -> None:
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio says that it is there."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's
        self._transport = transport
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Asyncio brings bytes."""
        if self._waiting is None or self._waiting.done():
            self.close()  # between two requests a server has nothing to say
            return
        self.has_answered, self._last_heard = True, self._waiting.get_loop().time()
        self._feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio says that it is gone."""
        self.is_open = False
        if self._waiting is None or self._waiting.done():
            return
        if exc is None:
            self._feed(b"")
        else:
            self._fail(ConnectionClosedError(endpoint_url=self.endpoint_url, error=exc), exc)

    def _feed(self, data: bytes) -> None:
        assert self._waiting is not None  # noqa: S101 - looked at by who calls
        try:
            if (whole := self._reader.feed(data)) is not None:
                self._waiting.set_result(whole)
        except EOFError as error:
            self._fail(ConnectionClosedError(endpoint_url=self.endpoint_url, error=error), error)
        except ValueError as error:
            self._fail(MalformedAnswerError(endpoint_url=self.endpoint_url, error=error), error)

    def _look_at_the_clock(self, timeout: float) -> None:
        self._timer = None
        if self._waiting is None or self._waiting.done():
            return
        loop = self._waiting.get_loop()
        silent = loop.time() - self._last_heard
        if silent < timeout:
            self._timer = loop.call_later(timeout - silent, self._look_at_the_clock, timeout)
        else:
            self._fail(ReadTimeoutError(endpoint_url=self.endpoint_url, error=f"{timeout} s of silence"), None)

    def _fail(self, error: Exception, cause: Exception | None) -> None:
        error.__cause__ = cause
        assert self._waiting is not None  # noqa: S101 - looked at by who calls
        self._waiting.set_exception(error)
