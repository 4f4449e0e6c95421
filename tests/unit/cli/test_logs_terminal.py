"""The commands that read log files, as processes: what only a real terminal, pipe or signal shows."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from samples import CENTRAL_BUCKET, cloudtrail_key

COMMAND = str(Path(sys.executable).parent / "distributary")
KEY, SLOW = cloudtrail_key(), "slow.log"
LOG = b"".join(b"line %d\n" % number for number in range(100_000))
ETAG = '"00000000000000000000000000000000-1"'


class FakeAws(ThreadingHTTPServer):
    """A bucket that lists one log file and sends half of another, and a queue with one message in it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.over, self.half_sent, self.empty = threading.Event(), threading.Event(), threading.Event()
        self.deleted: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: FakeAws

    def do_HEAD(self) -> None:
        self._answer(b"", len(LOG))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if "list-type" in url.query:
            wanted = KEY.startswith(parse_qs(url.query).get("prefix", [""])[0])
            facts = f"<Key>{KEY}</Key><Size>{len(LOG)}</Size><LastModified>2026-11-21T06:05:00Z</LastModified>"
            contents = f"<Contents>{facts}<ETag>{ETAG}</ETag></Contents>" if wanted else ""
            self._answer(f"<ListBucketResult>{contents}</ListBucketResult>".encode())
        elif url.path.endswith(SLOW):
            self._answer(LOG[: len(LOG) // 2], len(LOG))
            self.wfile.flush()
            self.server.half_sent.set()
            self.server.over.wait(60)
        else:
            self._answer(LOG)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-Amz-Target"].endswith("DeleteMessage"):
            self.server.deleted.append(asked["ReceiptHandle"])
            self._answer(b"{}")
        elif self.server.deleted:
            self.server.empty.set()
            self.server.over.wait(60)
        else:
            body = json.dumps({"s3Bucket": CENTRAL_BUCKET, "s3ObjectKey": [KEY]})
            self._answer(json.dumps({"Messages": [{"MessageId": "1", "ReceiptHandle": "r", "Body": body}]}).encode())

    def _answer(self, body: bytes, size: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if size is None else size))
        self.send_header("ETag", ETAG)
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 06:05:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    server = FakeAws()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("CENTRAL_BUCKET", CENTRAL_BUCKET)
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def start(*args: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [COMMAND, "logs", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd
    )


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def test_ctrl_c_in_a_download_leaves_nothing_that_looks_whole(fake: FakeAws, tmp_path: Path) -> None:
    process = start("get", "--to", "logs", SLOW, cwd=tmp_path)
    assert fake.half_sent.wait(60)
    process.send_signal(signal.SIGINT)
    said, told = process.communicate(timeout=15)  # though S3 says nothing for longer
    summary = f"0 fetched (0 bytes), 0 there already, 0 failed: s3://{CENTRAL_BUCKET} to logs\n"
    assert (process.returncode, said, told) == (130, summary, "")
    assert SLOW not in files(tmp_path)
    assert all(name.endswith(".part") for name in files(tmp_path))


def test_ctrl_c_ends_tail_after_what_was_printed_was_deleted(fake: FakeAws) -> None:
    process = start("tail", "--queue-url", f"http://127.0.0.1:{fake.server_port}/222222222222/log-files")
    assert process.stdout is not None
    assert process.stdout.readline() == f"s3://{CENTRAL_BUCKET}/{KEY}\n"
    assert fake.empty.wait(60)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told, fake.deleted) == (130, "", ["r"])


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("args", [["cat"], ["ls", "--json"]])
def test_a_reader_that_goes_away_is_no_error(args: list[str]) -> None:
    process = start(*args)
    assert process.stdout is not None
    process.stdout.close()
    _, told = process.communicate(timeout=60)
    assert told == ""


@pytest.mark.usefixtures("fake")
def test_a_terminal_is_shown_a_bar_and_everything_else_lines(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603
        [COMMAND, "logs", "get", "--to", "logs"],
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the process has closed its end
            break
    assert process.wait(60) == 0
    os.close(ours)
    assert b"1 of 1 files" in shown
    assert b"1 fetched (" in shown
    assert (tmp_path / "logs" / KEY).read_bytes() == LOG
    lines = start("get", "--to", "logs", cwd=tmp_path).communicate(timeout=60)[0].splitlines()
    assert lines[0] == f"complete    logs/{KEY}"


def test_help_loads_no_aws_library() -> None:
    script = (
        "import sys; from distributary_cli.app import main; sys.argv[0] = 'distributary'\n"
        "try: main()\nexcept SystemExit: print('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    for args in (["logs", "--help"], ["logs", "get", "--help"], ["whoami", "--help"]):
        ran = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True, check=True)  # noqa: S603
        assert ran.stdout.splitlines()[-1] == "False"
