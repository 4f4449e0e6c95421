"""Against moto, which ignores permissions, expected owners and IfNoneMatch on copies: those are integration tests."""

import asyncio
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from samples import A, B
from wire_fakes import MotoConnections, caller_of

from distributary.copies import Copy, CopyEngine, CopyVanishedError
from distributary.credentials import SessionCredentials
from distributary.faults import Fault, classify
from distributary.objects import Source, StoredObject
from distributary.sdk import large_copies
from distributary.sdk.copies import SdkCopier
from distributary.sdk.engine import SdkCopierInThreads
from distributary.wire.copies import WireCopier


class Raw(io.BytesIO):
    """A body as urllib3 has it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


Run = Callable[[Copy], StoredObject | None]
CREDENTIALS = SessionCredentials("AKIAEXAMPLE", "secret", None)
KEYS = ["plain", "with space", "with+plus", "a=b&c=d", "100%25", "snow☃", "AWS::EC2", "a//b", "tilde~(')!*"]


@pytest.fixture
def s3(aws: None) -> Any:  # noqa: ARG001 - it stands up what this needs
    client = boto3.client("s3")
    for bucket in ("central", "owner"):
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture(params=["wire", "sdk"])
def run(request: pytest.FixtureRequest) -> Run:
    """Copies, with each of the engines."""
    engines: dict[str, Callable[[], CopyEngine]] = {
        "wire": lambda: WireCopier(caller_of(MotoConnections()), lambda: SdkCopierInThreads(1)),
        "sdk": lambda: SdkCopierInThreads(1),
    }
    return lambda copy: asyncio.run(engines[request.param]().copy(copy, CREDENTIALS))


def copy_of(key: str, **changes: Any) -> Copy:
    source: dict[str, Any] = {"bucket": "central", "owner": A, "region": "us-east-1", "key": key, "size": 4}
    return Copy(Source(**source | changes), bucket="owner", bucket_owner=B, region="us-east-1", key=key)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_arrives_under_itself_with_its_metadata(s3: Any, key: str, run: Run) -> None:
    s3.put_object(Bucket="central", Key=key, Body=b"logs", Metadata={"signature": "abc"}, ContentEncoding="gzip")
    made = run(copy_of(key))
    got = s3.get_object(Bucket="owner", Key=key)
    assert made == StoredObject(got["ETag"].strip('"'), got["VersionId"], 4, made.time if made else got["LastModified"])
    assert (got["Body"].read(), got["Metadata"], got["ContentEncoding"]) == (b"logs", {"signature": "abc"}, "gzip")


def test_the_version_that_the_event_names_is_copied(s3: Any, run: Run) -> None:
    first = s3.put_object(Bucket="central", Key="log", Body=b"first")["VersionId"]
    s3.put_object(Bucket="central", Key="log", Body=b"second")
    run(copy_of("log", version_id=first))
    assert s3.get_object(Bucket="owner", Key="log")["Body"].read() == b"first"


@pytest.mark.parametrize("code", ["PermanentRedirect", "AuthorizationHeaderMalformed"])
def test_boto3_does_not_follow_a_bucket_into_another_region(code: str) -> None:
    copier, asked = SdkCopier(connections=1), list[str]()

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        asked.append(request.url)
        body = f"<Error><Code>{code}</Code><Message>elsewhere</Message><Region>ap-south-2</Region></Error>"
        headers: Any = {"x-amz-bucket-region": "ap-south-2"}
        return AWSResponse(request.url, 301, headers, Raw(body.encode()))

    copier.client("eu-west-1").meta.events.register("before-send.s3", answer)  # type: ignore[arg-type] # it may answer
    with pytest.raises(
        ClientError, match=f"{code}.*owner is in ap-south-2, and its subscription says eu-west-1"
    ) as raised:
        copier.copy(copy_of("log")._replace(region="eu-west-1"), CREDENTIALS)
    assert classify(raised.value) is Fault.RECEIVER_BROKEN
    assert asked == ["https://s3.eu-west-1.amazonaws.com/owner/log"]


def test_tags_stay_behind(s3: Any, run: Run) -> None:
    s3.put_object(Bucket="central", Key="log", Body=b"logs", Tagging="scanned=yes")
    run(copy_of("log"))
    assert s3.get_object_tagging(Bucket="owner", Key="log")["TagSet"] == []


def test_a_missing_source_is_told(s3: Any, run: Run) -> None:  # noqa: ARG001
    with pytest.raises(ClientError, match="NoSuchKey"):
        run(copy_of("missing"))


def test_all_accounts_of_a_region_share_one_client() -> None:
    copier = SdkCopier(connections=1)
    assert copier.client("us-east-1") is copier.client("us-east-1")
    assert copier.client("us-east-1") is not copier.client("eu-west-1")


def test_one_copy_is_one_request_that_says_whose_both_buckets_must_be(s3: Any) -> None:
    s3.put_object(Bucket="central", Key="log", Body=b"logs")
    copier, connections, sent = SdkCopier(connections=1), MotoConnections(), list[Any]()
    copier.client("us-east-1").meta.events.register("before-send.s3", lambda request, **_: sent.append(request))
    copier.copy(copy_of("log"), CREDENTIALS)
    asyncio.run(WireCopier(caller_of(connections), lambda: SdkCopierInThreads(1)).copy(copy_of("log"), CREDENTIALS))
    for request in (sent[0], connections.requests[0]):
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        assert B in headers["x-amz-expected-bucket-owner"]
        assert A in headers["x-amz-source-expected-bucket-owner"]
        assert "*" in headers["if-none-match"]
        assert "Credential=AKIAEXAMPLE/" in headers["authorization"]
    assert (len(sent), len(connections.requests)) == (1, 1)


class TestLargeCopies:
    """moto takes parts of any size but the last only from 5 MB on, as S3 does."""

    PART = 5 * 1024**2

    @pytest.fixture
    def body(self, s3: Any, monkeypatch: pytest.MonkeyPatch) -> bytes:
        monkeypatch.setattr(large_copies.copy_in_parts, "__kwdefaults__", {"part_bytes": self.PART})
        body = hashlib.sha256(b"seed").digest() * (2 * self.PART // 32) + b"the rest"
        s3.put_object(
            Bucket="central", Key="log", Body=body, Metadata={"signature": "abc"}, ContentType="application/json"
        )
        return body

    def test_bytes_and_metadata_arrive_in_parts(self, s3: Any, body: bytes) -> None:
        copier = SdkCopier(connections=1, large=self.PART)
        requests: Counter[str] = Counter()
        copier.client("us-east-1").meta.events.register(
            "before-call.s3", lambda model, **_: requests.update([model.name])
        )
        made = copier.copy(copy_of("log", size=len(body)), CREDENTIALS)
        got = s3.get_object(Bucket="owner", Key="log")
        assert made is not None
        assert (made.etag, made.version_id, made.size) == (got["ETag"].strip('"'), got["VersionId"], len(body))
        assert got["Body"].read() == body
        assert (got["Metadata"], got["ContentType"]) == ({"signature": "abc"}, "application/json")
        assert requests == {
            "HeadObject": 1,
            "CreateMultipartUpload": 1,
            "UploadPartCopy": 3,
            "CompleteMultipartUpload": 1,
        }

    def test_each_bucket_is_asked_in_its_own_region(self, s3: Any, body: bytes) -> None:
        s3.create_bucket(Bucket="abroad", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        copier, asked = SdkCopier(connections=1, large=self.PART), list[tuple[str, str]]()
        for region in ("us-east-1", "eu-west-1"):
            copier.client(region).meta.events.register(
                "before-call.s3", lambda model, region=region, **_: asked.append((region, model.name))
            )
        copy = copy_of("log", size=len(body))._replace(bucket="abroad", region="eu-west-1")
        assert copier.copy(copy, CREDENTIALS) is not None
        assert [name for region, name in asked if region == "us-east-1"] == ["HeadObject"]
        assert {name for region, name in asked if region == "eu-west-1"} == {
            "CreateMultipartUpload",
            "UploadPartCopy",
            "CompleteMultipartUpload",
        }

    def test_a_failure_in_the_middle_leaves_no_parts_behind(self, s3: Any, body: bytes) -> None:
        copier = SdkCopier(connections=1, large=self.PART)

        def fail(**_: Any) -> None:
            raise ConnectionResetError

        copier.client("us-east-1").meta.events.register("before-call.s3.CompleteMultipartUpload", fail)
        with pytest.raises(ConnectionResetError):
            copier.copy(copy_of("log", size=len(body)), CREDENTIALS)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket="owner")
        assert "Contents" not in s3.list_objects_v2(Bucket="owner")


def test_a_source_that_changed_between_its_parts_is_no_copy_that_was_there_before() -> None:
    copier = SdkCopier(connections=1, large=1)
    stubber = Stubber(copier.client("us-east-1"))
    head = {"ETag": '"e"', "ContentLength": 2}
    stubber.add_response("head_object", head)
    stubber.add_response("create_multipart_upload", {"UploadId": "upload"})
    stubber.add_client_error("upload_part_copy", "PreconditionFailed", http_status_code=412)
    stubber.add_response("abort_multipart_upload", {})
    with stubber, pytest.raises(ClientError, match="UploadPartCopy"):
        copier.copy(copy_of("log", size=2), CREDENTIALS)


@pytest.mark.parametrize("key", KEYS)
def test_what_was_there_before_is_described_as_it_is(s3: Any, key: str) -> None:
    s3.put_object(Bucket="owner", Key=key, Body=b"an older version")
    s3.put_object(Bucket="owner", Key=f"{key}.and-more", Body=b"another key that begins with this one")
    put = s3.put_object(Bucket="owner", Key=key, Body=b"logs")
    found = SdkCopier(connections=1).find_copy(copy_of(key), CREDENTIALS)
    assert (found.etag, found.version_id, found.size) == (put["ETag"].strip('"'), put["VersionId"], 4)


def test_a_copy_that_vanished_meanwhile_is_tried_again(s3: Any) -> None:
    s3.put_object(Bucket="owner", Key="log.and-more", Body=b"")
    with pytest.raises(CopyVanishedError) as raised:
        SdkCopier(connections=1).find_copy(copy_of("log"), CREDENTIALS)
    assert classify(raised.value) is Fault.TRANSIENT


def test_a_bucket_without_versions_has_none_to_tell(s3: Any) -> None:
    s3.create_bucket(Bucket="plain")
    s3.put_object(Bucket="plain", Key="log", Body=b"logs")
    copy = Copy(copy_of("log").source, bucket="plain", bucket_owner=B, region="us-east-1", key="log")
    assert SdkCopier(connections=1).find_copy(copy, CREDENTIALS).version_id is None


def test_the_central_object_is_described_in_the_version_that_the_event_names(s3: Any) -> None:
    first = s3.put_object(Bucket="central", Key="log", Body=b"first")
    s3.put_object(Bucket="central", Key="log", Body=b"second, and longer")
    source = copy_of("log", version_id=first["VersionId"], size=None).source
    found = SdkCopier(connections=1).find_source(source, CREDENTIALS)
    assert (found.etag, found.version_id, found.size) == (first["ETag"].strip('"'), first["VersionId"], 5)


def test_part_ranges_cover_every_byte_once() -> None:
    assert list(large_copies._ranges(11, 5)) == ["bytes=0-4", "bytes=5-9", "bytes=10-10"]
    assert list(large_copies._ranges(10, 5)) == ["bytes=0-4", "bytes=5-9"]
