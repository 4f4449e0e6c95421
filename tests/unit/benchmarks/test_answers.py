"""The fake AWS's answers: what it takes for which request, and whom it refuses."""

import json

import pytest

from benchmarks.answers import access_key, answer, body_length, chunks_end, parse
from benchmarks.samples import TABLE, account, bucket
from distributary.subscription_table import from_item, parse_subscriptions
from distributary.subscriptions import ALL

OWNER, OTHER = account(0), account(1)


def copy_request(signed_by: str) -> bytes:
    return (
        f"PUT /{bucket(OWNER)}/AWSLogs/x HTTP/1.1\r\nX-Amz-Copy-Source: central/AWSLogs/x\r\nContent-Length: 0\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={access_key(signed_by)}/20261121/us-east-1/s3/aws4_request"
    ).encode()


def test_the_owner_may_copy_to_its_bucket() -> None:
    status, content = answer(parse(copy_request(OWNER), b""))
    assert status == 200
    assert b"<CopyObjectResult" in content


def test_nobody_else_may() -> None:
    status, content = answer(parse(copy_request(OTHER), b""))
    assert status == 403
    assert b"AccessDenied" in content


def test_a_broken_bucket_refuses_its_owner() -> None:
    assert answer(parse(copy_request(OWNER), b""), frozenset({bucket(OWNER)}))[0] == 403


@pytest.mark.parametrize(
    ("head", "body", "operation"),
    [
        (b"PUT /b/k HTTP/1.1\r\nx-amz-copy-source: c/k", b"", "CopyObject"),
        (b"PUT /b/k HTTP/1.1\r\nhost: s3", b"", "PutObject"),
        (b"GET /b/k HTTP/1.1\r\nhost: s3", b"", "GetObject"),
        (b"HEAD /b/k HTTP/1.1\r\nhost: s3", b"", "HeadObject"),
        (b"POST / HTTP/1.1\r\nhost: sts", b"Action=AssumeRole&RoleArn=x", "AssumeRole"),
        (b"POST / HTTP/1.1\r\nhost: sns", b"TopicArn=x&Action=PublishBatch", "PublishBatch"),
        (b"POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.BatchGetItem", b"{}", "BatchGetItem"),
        (b"POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.SendMessageBatch", b"{}", "SendMessageBatch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_requests_are_told_apart(head: bytes, body: bytes, operation: str) -> None:
    assert parse(head, body).operation == operation


def test_every_scope_that_is_asked_for_has_a_subscription_that_the_layer_reads() -> None:
    asked = {"RequestItems": {TABLE: {"Keys": [{"scope": {"S": scope}} for scope in (OWNER, ALL)]}}}
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.BatchGetItem"
    _, content = answer(parse(head, json.dumps(asked).encode()))
    items = json.loads(content.partition(b"\r\n\r\n")[2])["Responses"][TABLE]
    owners, third_party = (parse_subscriptions(from_item(item))[0] for item in items)
    assert owners.account_id == OWNER
    assert owners.notify is None
    assert third_party.notify is not None


@pytest.mark.parametrize("missing", [1, 4, 8, 20])
def test_a_body_in_chunks_ends_with_its_trailer_and_not_before(missing: int) -> None:
    body = b"3\r\nabc\r\n6\r\n0\r\n\r\nx\r\n0\r\n\r\n"
    received = b"head" + body
    assert chunks_end(received + b"PUT /next", 4) == len(received)
    assert chunks_end(received[:-missing], 4) is None


def test_a_body_has_its_length_none_or_comes_in_chunks() -> None:
    assert body_length(b"PUT / HTTP/1.1\r\ncontent-length: 12") == 12
    assert body_length(b"GET / HTTP/1.1\r\nHost: x") == 0
    assert body_length(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked") is None
