"""The reader alone: bytes in, answers out. No connection is made."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distributary.wire.answers import MAX_BODY_BYTES, MAX_HEAD_BYTES, Answer, AnswerReader

Told = tuple[Answer, bool]
OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = OK + b"Content-Length: 4\r\nX-Amz-Version-Id: v1\r\n\r\nlogs"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n2;name=value\r\nlo\r\n002\r\ngs\r\n0\r\nX-Trailer: t\r\n\r\n"
UNTIL_CLOSE = OK + b"\r\nlogs"
WHOLE = {
    "content-length": PLAIN,
    "chunked, with an extension and a trailer": CHUNKED,
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified, and its length is another's": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "continue first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN,
    "an empty body": OK + b"Content-Length: 0\r\n\r\n",
    "no chunk but the last": OK + b"transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
}


def read(*pieces: bytes) -> Told | None:
    """What the reader tells of pieces, the first time that it tells anything."""
    reader = AnswerReader()
    for piece in pieces:
        if told := reader.feed(piece):
            return told
    return None


def split(stream: bytes, places: list[int]) -> list[bytes]:
    """A stream cut at some places."""
    ends = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize("stream", WHOLE.values(), ids=WHOLE)
def test_a_whole_answer_is_told_with_its_last_byte_and_the_connection_kept(stream: bytes) -> None:
    told = read(stream)
    assert told is not None
    assert told[1] is True
    assert read(*(stream[at : at + 1] for at in range(len(stream)))) == told
    assert read(stream[:-1]) is None


@given(stream=st.sampled_from(list(WHOLE.values())), places=st.lists(st.integers(min_value=0, max_value=1000)))
def test_however_it_is_cut_it_is_the_same_answer(stream: bytes, places: list[int]) -> None:
    assert read(*split(stream, places)) == read(stream)


def test_status_headers_and_body_are_told() -> None:
    assert read(PLAIN) == (Answer(200, {"content-length": "4", "x-amz-version-id": "v1"}, b"logs"), True)
    assert read(CHUNKED) == (Answer(200, {"transfer-encoding": "chunked"}, b"logs"), True)
    assert read(UNTIL_CLOSE, b"") == (Answer(200, {}, b"logs"), False)


@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_one_reader_reads_one_answer_after_the_other(bodies: list[bytes]) -> None:
    reader = AnswerReader()
    for body in bodies:
        told = reader.feed(OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert told is not None
        assert (told[0].body, told[1]) == (body, True)


@given(chunks=st.lists(st.binary(min_size=1, max_size=300)), places=st.lists(st.integers(0, 5000), max_size=20))
def test_chunks_are_put_together(chunks: list[bytes], places: list[int]) -> None:
    framed = b"".join(b"%X\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    told = read(*split(OK + b"Transfer-Encoding: chunked\r\n\r\n" + framed, places))
    assert told is not None
    assert told == (Answer(200, {"transfer-encoding": "chunked"}, b"".join(chunks)), True)


@pytest.mark.parametrize("more", [b"\r\n", b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"x"])
@pytest.mark.parametrize("stream", WHOLE.values(), ids=WHOLE)
def test_what_follows_an_answer_unasked_ends_the_connections_use(stream: bytes, more: bytes) -> None:
    asked, with_more = read(stream), read(stream + more)
    assert asked is not None
    assert with_more == (asked[0], False)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: Close\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: upgrade, close\r\n",
        b"HTTP/1.0 200 OK\r\n",
    ],
)
def test_a_server_that_hangs_up_is_not_asked_again(head: bytes) -> None:
    told = read(head + b"Content-Length: 4\r\n\r\nlogs")
    assert told is not None
    assert (told[0].body, told[1]) == (b"logs", False)


@pytest.mark.parametrize("stream", [PLAIN, CHUNKED, WHOLE["continue first"]])
def test_an_end_before_the_answers_own_is_told(stream: bytes) -> None:
    for length in range(len(stream)):
        reader = AnswerReader()
        assert length == 0 or reader.feed(stream[:length]) is None
        with pytest.raises(EOFError):
            reader.feed(b"")


MALFORMED = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "a page": b"<html>Sign in</html>\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "no such status": b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
    "headers without end": OK + b"X-Long: " + b"x" * (MAX_HEAD_BYTES + 1),
    "a negative length": OK + b"Content-Length: -1\r\n\r\n",
    "a length with a sign": OK + b"Content-Length: +4\r\n\r\nlogs",
    "a length in Python's way of writing": OK + b"Content-Length: 0_4\r\n\r\nlogs",
    "no length": OK + b"Content-Length: \r\n\r\n",
    "a length in words": OK + b"Content-Length: four\r\n\r\n",
    "a huge length": OK + f"Content-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode(),
    "a length of five thousand digits": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "two lengths that differ": OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nlogs!",
    "compressed chunks": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a chunk without a size": OK + b"Transfer-Encoding: chunked\r\n\r\n;x=y\r\n",
    "a chunk whose size is no number": OK + b"Transfer-Encoding: chunked\r\n\r\nlogs\r\n",
    "a chunk of a negative size": OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nlo\r\n",
    "a chunk's size in Python's way of writing": OK + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nlo\r\n0\r\n\r\n",
    "a chunk of a huge size": OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n",
    "a chunk longer than it says": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nlogs\r\n0\r\n\r\n",
    "a size without end": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * (MAX_HEAD_BYTES + 1),
}


@pytest.mark.parametrize("stream", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_http_answer_is_an_error(stream: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(stream)


def test_two_lengths_that_agree_are_one() -> None:
    told = read(OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nlogs")
    assert told is not None
    assert (told[0].body, told[1]) == (b"logs", True)


def test_chunks_count_together_against_the_longest_body() -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    chunks = [chunk] * (MAX_BODY_BYTES // 0x100000 + 1)
    with pytest.raises(ValueError, match="bytes"):
        read(OK + b"Transfer-Encoding: chunked\r\n\r\n", *chunks)


def test_a_body_without_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="bytes"):
        read(OK + b"\r\n", *[b" " * (MAX_BODY_BYTES // 2)] * 3)


LINES = st.sampled_from(
    [
        *rb"HTTP/1.1 |200| OK|Content-Length|Transfer-Encoding|: |chunked|4|-|0|ff|;|100 Continue|logs".split(b"|"),
        *(b"\r\n", b"\r\n\r\n", b"\n", b"\xff", b"\xb2"),
    ]
)


@given(pieces=st.lists(st.one_of(LINES, st.binary(max_size=40)), max_size=30))
@example([OK, b"Content-Length: \xb2\r\n\r\n"])
def test_whatever_comes_there_is_an_answer_or_one_of_two_errors(pieces: list[bytes]) -> None:
    reader = AnswerReader()
    with suppress(EOFError, ValueError):
        for piece in pieces:
            if reader.feed(piece) is not None:
                break
