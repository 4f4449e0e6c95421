"""Against a little server on loopback, plain and with TLS."""

import asyncio
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import botocore
import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from little_server import PATIENCE_SECONDS, Visit, make_certificate, serving

from distributary.wire.answers import Answer
from distributary.wire.connections import Connections, MalformedAnswerError

BUNDLE = str(Path(botocore.__file__).with_name("cacert.pem"))
REQUEST = b"PUT / HTTP/1.1\r\nhost: localhost\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Certificate = tuple[Path, ssl.SSLContext]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def connections() -> Connections:
    return Connections(BUNDLE, connect_timeout=PATIENCE_SECONDS, read_timeout=PATIENCE_SECONDS)


@pytest.fixture
def loop(connections: Connections) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs only while a test says so, as a Lambda environment's does."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()
        connections.close()


def answer_all(visit: Visit) -> None:
    while visit.next_request():
        visit.say(OK)


def ask(loop: asyncio.AbstractEventLoop, connections: Connections, url: str) -> bytes:
    """The body of an answer."""
    return loop.run_until_complete(connections.exchange(url, REQUEST)).body


def ask_at_once(loop: asyncio.AbstractEventLoop, connections: Connections, url: str, times: int) -> list[bytes]:
    """The bodies of some answers."""

    async def all_of_them() -> list[Answer]:
        return await asyncio.gather(*(connections.exchange(url, REQUEST) for _ in range(times)))

    return [answer.body for answer in loop.run_until_complete(all_of_them())]


def test_one_connection_serves_one_request_after_the_other(
    loop: asyncio.AbstractEventLoop, connections: Connections
) -> None:
    with serving(answer_all) as server:
        for _ in range(3):
            assert ask(loop, connections, f"http://127.0.0.1:{server.port}") == b"ok"
        assert server.visits == 1


def test_as_many_are_opened_as_are_needed_at_once_and_no_more(
    loop: asyncio.AbstractEventLoop, connections: Connections
) -> None:
    together = threading.Barrier(5, timeout=PATIENCE_SECONDS)

    def answer_five_at_once(visit: Visit) -> None:
        while visit.next_request():
            together.wait()
            visit.say(OK)

    with serving(answer_five_at_once) as server:
        for _ in range(3):
            assert ask_at_once(loop, connections, f"http://127.0.0.1:{server.port}", times=5) == [b"ok"] * 5
        assert server.visits == 5


def test_one_that_the_server_closes_at_the_next_request_is_replaced_and_the_request_sent_once_more(
    loop: asyncio.AbstractEventLoop, connections: Connections
) -> None:
    requests = []

    def close_at_the_second(visit: Visit) -> None:
        requests.append(visit.next_request())
        visit.say(OK)
        requests.append(visit.next_request())

    with serving(close_at_the_second) as server:
        for _ in range(2):
            assert ask(loop, connections, f"http://127.0.0.1:{server.port}") == b"ok"
        assert server.visits == 2
    assert requests == [REQUEST, REQUEST, REQUEST, b""]


def test_one_that_was_closed_while_nothing_was_asked_is_not_even_tried(
    loop: asyncio.AbstractEventLoop, connections: Connections
) -> None:
    requests, may_hang_up = [], threading.Event()

    def answer_once(visit: Visit) -> None:
        requests.append(visit.next_request())
        visit.say(OK)
        assert may_hang_up.wait(PATIENCE_SECONDS)
        visit.shutdown()
        requests.append(visit.next_request())

    with serving(answer_once) as server:
        url = f"http://127.0.0.1:{server.port}"
        assert ask(loop, connections, url) == b"ok"
        may_hang_up.set()
        wait_for_bytes(connections, url)
        assert ask(loop, connections, url) == b"ok"
        assert server.visits == 2
    assert requests.count(REQUEST) == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_a_server_says_between_two_requests_answers_neither(
    loop: asyncio.AbstractEventLoop, certificate: Certificate, scheme: str
) -> None:
    """Lambda freezes the loop between invocations: nobody hears the server hang up, as many do with a 408."""
    bundle, context = certificate
    connections = Connections(str(bundle), connect_timeout=PATIENCE_SECONDS, read_timeout=PATIENCE_SECONDS)
    may_speak = threading.Event()

    def speak_unasked(visit: Visit) -> None:
        visit.next_request()
        visit.say(OK)
        if visit.number == 0:
            assert may_speak.wait(PATIENCE_SECONDS)
            visit.say(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        visit.next_request()

    with serving(speak_unasked, context if scheme == "https" else None) as server:
        url = f"{scheme}://localhost:{server.port}"
        assert ask(loop, connections, url) == b"ok"
        may_speak.set()
        wait_for_bytes(connections, url)
        assert ask(loop, connections, url) == b"ok"
        assert server.visits == 2


@pytest.mark.parametrize("told", [OK[:-1], OK[:10], OK[:-2], b""], ids=["body", "status", "headers", "nothing"])
def test_half_an_answer_is_an_error_and_not_asked_for_again(
    loop: asyncio.AbstractEventLoop, connections: Connections, told: bytes
) -> None:
    def answer_half(visit: Visit) -> None:
        if told and visit.number == 0:
            visit.next_request()
            visit.say(OK)
        visit.next_request()
        visit.say(told)

    with serving(answer_half) as server:
        url = f"http://127.0.0.1:{server.port}"
        if told:
            assert ask(loop, connections, url) == b"ok"
        with pytest.raises(ConnectionClosedError):
            ask(loop, connections, url)
        assert server.visits == 1


def test_what_is_no_http_is_an_error(loop: asyncio.AbstractEventLoop, connections: Connections) -> None:
    def greet(visit: Visit) -> None:
        visit.next_request()
        visit.say(b"220 mail.example.com ESMTP\r\n\r\n")
        visit.next_request()

    with serving(greet) as server, pytest.raises(MalformedAnswerError, match="220 mail"):
        ask(loop, connections, f"http://127.0.0.1:{server.port}")


def test_a_connection_that_is_reset_is_an_error(loop: asyncio.AbstractEventLoop, connections: Connections) -> None:
    def reset(visit: Visit) -> None:
        visit.next_request()
        visit.reset()

    with serving(reset) as server, pytest.raises(ConnectionClosedError):
        ask(loop, connections, f"http://127.0.0.1:{server.port}")


def test_silence_is_an_error(loop: asyncio.AbstractEventLoop) -> None:
    connections = Connections(BUNDLE, connect_timeout=PATIENCE_SECONDS, read_timeout=0.2)
    with serving(lambda visit: until_closed(visit)) as server, pytest.raises(ReadTimeoutError):
        ask(loop, connections, f"http://127.0.0.1:{server.port}")


def test_silence_in_the_middle_of_an_answer_is_an_error(loop: asyncio.AbstractEventLoop) -> None:
    connections = Connections(BUNDLE, connect_timeout=PATIENCE_SECONDS, read_timeout=0.2)

    def fall_silent(visit: Visit) -> None:
        visit.next_request()
        visit.say(OK[:-1])
        until_closed(visit)

    with serving(fall_silent) as server, pytest.raises(ReadTimeoutError):
        ask(loop, connections, f"http://127.0.0.1:{server.port}")


def test_a_handshake_that_nobody_answers_is_an_error(loop: asyncio.AbstractEventLoop, certificate: Certificate) -> None:
    connections = Connections(str(certificate[0]), connect_timeout=0.2)
    with serving(lambda visit: until_closed(visit)) as server, pytest.raises(ConnectTimeoutError):
        ask(loop, connections, f"https://localhost:{server.port}")


def test_no_server_is_an_error(loop: asyncio.AbstractEventLoop, connections: Connections) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(EndpointConnectionError):
        ask(loop, connections, f"http://127.0.0.1:{port}")


def test_a_name_that_nobody_knows_is_an_error(
    loop: asyncio.AbstractEventLoop, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(EndpointConnectionError):
        ask(loop, connections, "http://nowhere.invalid")


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_a_name_that_is_none_is_an_error(loop: asyncio.AbstractEventLoop, connections: Connections, host: str) -> None:
    with pytest.raises(EndpointConnectionError):
        ask(loop, connections, f"http://{host}")


def test_a_believed_certificate_is_enough(loop: asyncio.AbstractEventLoop, certificate: Certificate) -> None:
    bundle, context = certificate
    connections = Connections(str(bundle), connect_timeout=PATIENCE_SECONDS)
    with serving(answer_all, context) as server:
        for _ in range(2):
            assert ask(loop, connections, f"https://localhost:{server.port}") == b"ok"
        assert server.visits == 1


def test_a_certificate_of_another_authority_is_an_error(
    loop: asyncio.AbstractEventLoop, connections: Connections, certificate: Certificate
) -> None:
    with serving(answer_all, certificate[1]) as server, pytest.raises(SSLError, match="certificate verify failed"):
        ask(loop, connections, f"https://localhost:{server.port}")


def test_a_certificate_of_another_host_is_an_error(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    bundle, context = make_certificate(tmp_path, names=["s3.us-east-1.amazonaws.com"])
    connections = Connections(str(bundle), connect_timeout=PATIENCE_SECONDS)
    with serving(answer_all, context) as server, pytest.raises(SSLError, match="Hostname mismatch"):
        ask(loop, connections, f"https://localhost:{server.port}")


def test_a_plain_server_where_tls_should_be_is_an_error(
    loop: asyncio.AbstractEventLoop, certificate: Certificate
) -> None:
    def speak_plainly(visit: Visit) -> None:
        visit.say(OK)
        until_closed(visit)

    connections = Connections(str(certificate[0]), connect_timeout=PATIENCE_SECONDS)
    with serving(speak_plainly) as server, pytest.raises(SSLError):
        ask(loop, connections, f"https://localhost:{server.port}")


def test_a_request_that_is_given_up_closes_its_connection(
    loop: asyncio.AbstractEventLoop, connections: Connections
) -> None:
    asked, hung_up = threading.Event(), threading.Event()

    def hang_once(visit: Visit) -> None:
        visit.next_request()
        if visit.number == 0:
            asked.set()
            until_closed(visit)
            hung_up.set()
            return
        visit.say(OK)
        visit.next_request()

    async def give_up(url: str) -> None:
        exchange = asyncio.create_task(connections.exchange(url, REQUEST))
        await asyncio.to_thread(asked.wait, PATIENCE_SECONDS)
        exchange.cancel()
        with pytest.raises(asyncio.CancelledError):
            await exchange
        assert await asyncio.to_thread(hung_up.wait, PATIENCE_SECONDS)

    with serving(hang_once) as server:
        url = f"http://127.0.0.1:{server.port}"
        loop.run_until_complete(give_up(url))
        assert ask(loop, connections, url) == b"ok"
        assert server.visits == 2


def wait_for_bytes(connections: Connections, url: str) -> None:
    """Until something, or the end, has reached the connection that was used; the loop doesn't hear of it."""
    kept = connections._idle[url][-1]._transport.get_extra_info("socket")
    assert select.select([kept], [], [], PATIENCE_SECONDS)[0]


def until_closed(visit: Visit) -> None:
    while visit.next_request():
        pass
