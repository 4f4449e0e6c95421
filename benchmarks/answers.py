"""What the fake AWS answers to each request: its operation, its latency and the bytes, all but the waiting.

It knows only what a distributor asks for. A copy must be signed with a session of the account that owns the bucket, or
it is refused, as IAM would: a contender that mixes up its sessions doesn't look fast.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs

from benchmarks.samples import BUCKET_START, TABLE, account_in, item

LATENCY_SECONDS = {
    "CopyObject": 0.020,
    "GetObject": 0.020,
    "PutObject": 0.020,
    "HeadObject": 0.010,
    "AssumeRole": 0.015,
    "PublishBatch": 0.010,
    "BatchGetItem": 0.005,
    "SendMessageBatch": 0.010,
}
LOG_FILE = b"\x1f\x8b" + bytes(2_998)
"""What GetObject answers: a log file of 3 kB, as small ones are."""
TOKEN = "FwoGZXIvYXdzE" + "x" * 700
"""As long as real session tokens."""
ETAG = "b1946ac92492d2347c6235b4d2611184"

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TARGET = re.compile(rb"\r\nx-amz-target: *\w+\.(\w+)", re.IGNORECASE)
_COPY = re.compile(rb"\r\nx-amz-copy-source:", re.IGNORECASE)
_ACCESS_KEY = re.compile(rb"Credential=(\w+)/")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect: *100", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, parsed as far as anybody needs."""

    operation: str
    path: str
    head: bytes
    body: bytes

    @property
    def bucket(self) -> str:
        """The bucket of a path-style request."""
        return self.path.split("/", 2)[1]


def body_length(head: bytes) -> int | None:
    """The length of the body; None if it comes in chunks."""
    if found := _LENGTH.search(head):
        return int(found[1])
    return None if _CHUNKED.search(head) else 0


def chunks_end(received: bytes, start: int) -> int | None:
    """Where a body that comes in chunks ends; None while chunks are missing."""
    while (line_end := received.find(b"\r\n", start)) >= 0:
        size = int(received[start:line_end], 16)
        start = line_end + 2 + size + 2
        if size == 0:
            return start if len(received) >= start else None
    return None


def expects_continue(head: bytes) -> bool:
    """Whether the client waits for leave to send the body, as boto3 does before it puts an object."""
    return _EXPECT.search(head) is not None


def parse(head: bytes, body: bytes) -> Request:
    """Name the operation of a request."""
    method, _, rest = head.partition(b" ")
    path = rest[: rest.index(b" ")].decode()
    if method == b"POST":
        found = _TARGET.search(head)
        operation = found[1].decode() if found else _action(body)
    elif method == b"PUT":
        operation = "CopyObject" if _COPY.search(head) else "PutObject"
    else:
        operation = {b"GET": "GetObject", b"HEAD": "HeadObject"}[method]
    return Request(operation, path, head, body)


def answer(request: Request, broken: frozenset[str] = frozenset()) -> tuple[int, bytes]:
    """The status and all bytes of the answer; a bucket in `broken` refuses copies."""
    if request.operation == "CopyObject":
        return _copied(request, broken)
    return 200, _OTHERS[request.operation](request)


def _copied(request: Request, broken: frozenset[str]) -> tuple[int, bytes]:
    bucket = request.bucket
    signed_by = _ACCESS_KEY.search(request.head)
    is_owner = signed_by is not None and signed_by[1].decode() == access_key(bucket.removeprefix(BUCKET_START))
    if bucket in broken or not is_owner:
        return 403, REFUSED
    return 200, COPIED


def access_key(account_id: str) -> str:
    """The access key ID of an account's sessions: its form is AWS's, with the account in it."""
    return f"ASIA{account_id}BNCH"


def _http(body: bytes | str, kind: str = "application/xml", status: str = "200 OK", more: str = "") -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nx-amz-request-id: N4N7GDK58NMKJ12R\r\nDate: Sat, 21 Nov 2026 06:00:00 GMT\r\n{more}"
        f"Content-Type: {kind}\r\nServer: fake\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
COPIED = _http(
    f'{XML}<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LastModified>2026-11-21T06:00:00.000Z'
    f"</LastModified><ETag>&quot;{ETAG}&quot;</ETag></CopyObjectResult>",
    more="x-amz-id-2: 4sYHhF8YlX0TOWV4c7xExample=\r\nx-amz-version-id: IYV3p45BT0ac8hjHg1houSdS1a.Mro8e\r\n",
)
REFUSED = _http(
    f"{XML}<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>N4N7GDK58NMKJ12R</RequestId>"
    "</Error>",
    status="403 Forbidden",
)


def _action(body: bytes) -> str:
    found = re.search(rb"(?:^|&)Action=(\w+)", body)
    return found[1].decode() if found else "Unknown"


@cache
def _session(account_id: str) -> bytes:
    return _http(
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser>'
        f"<AssumedRoleId>AROAEXAMPLE:bench</AssumedRoleId><Arn>arn:aws:sts::{account_id}:assumed-role/d/bench</Arn>"
        f"</AssumedRoleUser><Credentials><AccessKeyId>{access_key(account_id)}</AccessKeyId>"
        f"<SecretAccessKey>{'s' * 40}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
        "<Expiration>2099-11-21T07:00:00Z</Expiration></Credentials></AssumeRoleResult>"
        "<ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>"
        "</AssumeRoleResponse>",
        "text/xml",
    )


def _assumed(request: Request) -> bytes:
    return _session(account_in(parse_qs(request.body.decode())["RoleArn"][0]))


def _published(request: Request) -> bytes:
    ids = re.findall(rb"entry\.\d+\.Id=(\w+)|member\.\d+\.Id=(\w+)", request.body)
    members = "".join(
        f"<member><Id>{(one or other).decode()}</Id><MessageId>d94e5ec1-0000-0000-0000-8d3e5a1c</MessageId></member>"
        for one, other in ids
    )
    return _http(
        '<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Failed/>'
        f"<Successful>{members}</Successful></PublishBatchResult><ResponseMetadata>"
        "<RequestId>f3e4c2b1-0000-0000-0000-1a2b3c4d5e6f</RequestId></ResponseMetadata></PublishBatchResponse>",
        "text/xml",
    )


def _items(request: Request) -> bytes:
    keys = json.loads(request.body)["RequestItems"][TABLE]["Keys"]
    items = ", ".join(item(key["scope"]["S"]) for key in keys)
    return _http(f'{{"Responses": {{"{TABLE}": [{items}]}}, "UnprocessedKeys": {{}}}}', "application/x-amz-json-1.0")


def _sent(request: Request) -> bytes:
    entries = json.loads(request.body)["Entries"]
    done = [{"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "0" * 32} for entry in entries]
    return _http(json.dumps({"Successful": done}), "application/x-amz-json-1.0")


_ETAG = f'ETag: "{ETAG}"\r\nLast-Modified: Sat, 21 Nov 2026 06:00:00 GMT\r\n'
_OTHERS: dict[str, Callable[[Request], bytes]] = {
    "AssumeRole": _assumed,
    "PublishBatch": _published,
    "BatchGetItem": _items,
    "SendMessageBatch": _sent,
    "PutObject": lambda _: _http(b"", more=_ETAG),
    "GetObject": lambda _: _http(LOG_FILE, "application/x-gzip", more=_ETAG),
    "HeadObject": lambda _: _http(LOG_FILE, "application/x-gzip", more=_ETAG)[: -len(LOG_FILE)],
}
