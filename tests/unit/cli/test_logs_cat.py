import gzip
import io
import json
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import CENTRAL_BUCKET, B, C, cloudtrail_key

from distributary_cli.logs_contents import HELD_BYTES
from distributary_cli.logs_records import UnreadableFileError, lines

KEY, ANOTHER = cloudtrail_key(B), cloudtrail_key(B, 1)
RECORDS: list[dict[str, Any]] = [
    {"eventName": "GetObject", "userIdentity": {"accountId": B}},
    {"eventName": "Écrire\x1b[31m"},
]
FLOW_LOG = b"version account-id action\n2 222222222222 ACCEPT\n"


def packed(records: list[dict[str, Any]] = RECORDS) -> bytes:
    return gzip.compress(json.dumps({"Records": records}).encode())


@pytest.fixture
def s3(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ARG001 - it stands up what this needs
    monkeypatch.setenv("CENTRAL_BUCKET", CENTRAL_BUCKET)
    client = boto3.client("s3")
    client.create_bucket(Bucket=CENTRAL_BUCKET)
    client.put_object(Bucket=CENTRAL_BUCKET, Key=KEY, Body=packed())
    return client


def read(content: bytes) -> list[bytes]:
    return list(lines(io.BytesIO(content)))


@pytest.mark.usefixtures("s3")
def test_records_are_json_one_to_a_line(run: Any) -> None:
    answer = run("logs", "cat", "--account", B)
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert [json.loads(line) for line in answer.stdout.splitlines()] == RECORDS
    assert answer.stdout.isascii()


def test_log_files_come_in_the_order_of_their_keys(run: Any, s3: Any) -> None:
    keys = [cloudtrail_key(B, number) for number in range(30)]
    for number, key in enumerate(keys):
        s3.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=packed([{"number": number}]))
    told = run("logs", "cat", "--account", B).stdout
    assert told == "".join(f'{{"number":{number}}}\n' for number in range(30))


def test_a_damaged_file_is_named_and_the_others_printed(run: Any, s3: Any) -> None:
    s3.put_object(Bucket=CENTRAL_BUCKET, Key=KEY, Body=packed()[:-12])
    s3.put_object(Bucket=CENTRAL_BUCKET, Key=ANOTHER, Body=packed([{"whole": True}]))
    answer = run("logs", "cat", "--account", B)
    assert (answer.exit_code, answer.stdout) == (1, '{"whole":true}\n')
    assert answer.stderr.startswith(f"Error: {KEY}: its gzip data is damaged (")
    assert len(answer.stderr.splitlines()) == 1


def test_a_key_that_is_not_there_is_named_and_the_others_printed(run: Any, s3: Any) -> None:
    del s3
    answer = run("logs", "cat", "nothing", KEY)
    assert (answer.exit_code, len(answer.stdout.splitlines())) == (1, 2)
    assert answer.stderr == f"Error: nothing: there is no s3://{CENTRAL_BUCKET}/nothing\n"


def test_what_is_too_large_to_hold_is_streamed(run: Any, s3: Any) -> None:
    content = b"x" * 99 + b"\n"
    number = HELD_BYTES // len(content) + 2
    s3.put_object(Bucket=CENTRAL_BUCKET, Key="large", Body=content * number)
    assert run("logs", "cat", "large").stdout.count("\n") == number


@pytest.mark.usefixtures("s3")
def test_nothing_found_is_said(run: Any) -> None:
    assert run("logs", "cat", "--account", C).stderr == "No log file matches.\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (FLOW_LOG, FLOW_LOG.splitlines()),
        (gzip.compress(FLOW_LOG, mtime=0), FLOW_LOG.splitlines()),
        (gzip.compress(b"one\n", mtime=0) + gzip.compress(b"two\n", mtime=0), [b"one", b"two"]),
        (b'{"a": 1}\n\n{"b": 2}\r\n', [b'{"a": 1}', b'{"b": 2}']),
        (b'{"Records":[{"a":1}]}\n{"Records":[]}\n{"Records":"text"}\n', [b'{"a":1}', b'{"Records":"text"}']),
        (b'{\n "Records": [\n  {"a": 1}\n ]\n}\n', [b'{"a":1}']),
        (b'{\n "configurationItems": [1, 2]\n}\n', [b'{"configurationItems":[1,2]}']),
        (b'{"digestEndTime": "2026-11-21T06:05:00Z"}', [b'{"digestEndTime": "2026-11-21T06:05:00Z"}']),
        (b"[1,\n2]", [b"1", b"2"]),
        (b'{"broken": \nby hand\n', [b'{"broken": ', b"by hand"]),
        (b"caf\xe9\n", [b"caf\xe9"]),
        (b'{"Records":[{"a":1e400,"b":0.1000000000000000055,"c":-1.50,"d":[1E5,0.5,7]}]}',
         [b'{"a":1e400,"b":0.1000000000000000055,"c":-1.50,"d":[1E5,0.5,7]}']),
        (b"[" * 100_000, [b"[" * 100_000]),
    ],
)  # fmt: skip
def test_what_a_log_file_s_lines_are(content: bytes, expected: list[bytes]) -> None:
    assert read(content) == expected


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20), max_size=3), max_size=5))
def test_no_record_is_lost_or_changed(records: list[dict[str, Any]]) -> None:
    for content in (json.dumps({"Records": records}), json.dumps({"Records": records}, indent=1)):
        for stored in (content.encode(), gzip.compress(content.encode())):
            assert [json.loads(line) for line in read(stored)] == records


@given(st.binary(max_size=300))
def test_any_bytes_are_lines_or_refused(content: bytes) -> None:
    for stored in (content, b"\x1f\x8b" + content, gzip.compress(content)[:-1]):
        try:
            found = read(stored)
        except UnreadableFileError as error:
            assert "damaged" in str(error) or content.startswith(b"PAR1")  # noqa: PT017 - it may also be read
        else:
            assert all(b"\n" not in line for line in found)


@pytest.mark.parametrize(
    "content",
    [
        b'{"Records":[{"a":1},{"b":2}',
        b'{\n "Records": [\n  {"a": 1},\n',
        b'{"Records":[{"a":NaN}]}',
        b'{"Records":[{"a":-Infinity}]}',
        b'{"Records":[]}\n{"Records":[{"a":1}\n',
        b'{"Records":[{"a":1}]} and more',
    ],
)
def test_records_that_are_no_json_are_damaged_though_their_gzip_data_is_not(content: bytes) -> None:
    for stored in (content, gzip.compress(content)):
        with pytest.raises(UnreadableFileError, match="its JSON is damaged"):
            read(stored)


def test_a_parquet_file_says_what_to_do() -> None:
    with pytest.raises(UnreadableFileError, match="fetch it with `distributary logs get`"):
        read(b"PAR1\x00\x00")
