import base64
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ResponseStreamingError
from hypothesis import given
from hypothesis import strategies as st
from samples import CENTRAL_BUCKET, B, C, cloudtrail_key

from distributary_cli.logs_checksums import Proof, proof
from distributary_cli.logs_downloads import COMPLETE, FETCHED, DamagedFileError, Downloads, StoppedError
from distributary_cli.logs_folders import Folder, PlaceError
from distributary_cli.logs_listing import ListedFile, list_files
from distributary_cli.logs_parallel import ahead, in_parallel
from distributary_cli.logs_paths import relative_path
from distributary_cli.logs_targets import Target

KEY = cloudtrail_key(B)
CONTENT = bytes(range(256)) * 4096  # 1 MiB, in four chunks


@pytest.fixture
def s3(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ARG001 - it stands up what this needs
    monkeypatch.setenv("CENTRAL_BUCKET", CENTRAL_BUCKET)
    client = boto3.client("s3")
    client.create_bucket(Bucket=CENTRAL_BUCKET)
    for key in (KEY, cloudtrail_key(B, 1), cloudtrail_key(C)):
        client.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=key.encode())
    return client


class Wire:
    """S3 with a wire that can break: each entry of `breaks` is after how many bytes one GetObject's body does."""

    def __init__(self, s3: Any, breaks: list[int]) -> None:
        self.s3, self.breaks = s3, breaks
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.s3, name)

    def get_object(self, **asked: Any) -> Any:
        self.asked.append(asked)
        answer = self.s3.get_object(**asked)
        if self.breaks:
            answer["Body"] = BreakingBody(answer["Body"], self.breaks.pop(0))
        return answer


class BreakingBody:
    def __init__(self, body: Any, after: int) -> None:
        self.body, self.left = body, after

    def read(self, size: int) -> bytes:
        if not self.left:
            raise ResponseStreamingError(error="connection reset")
        content: bytes = self.body.read(min(size, self.left))
        self.left -= len(content)
        return content

    def __enter__(self) -> "BreakingBody":
        return self

    def __exit__(self, *_: object) -> None:
        self.body.close()


class DamagedBody(BreakingBody):
    def read(self, size: int) -> bytes:
        return self.body.read(size).replace(b"\1", b"\2")  # type: ignore[no-any-return]


class Damaging(Wire):
    def get_object(self, **asked: Any) -> Any:
        answer = super().get_object(**asked)
        return answer | {"Body": DamagedBody(answer["Body"], len(CONTENT))}


def downloads(s3: Any, folder: Path, stop: Event | None = None, **changes: Any) -> Downloads:
    return Downloads(s3, CENTRAL_BUCKET, Folder(folder), stop or Event(), pause=0, **changes)


def put(s3: Any, content: bytes = CONTENT, key: str = KEY) -> Target:
    etag = s3.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=content)["ETag"].strip('"')
    return Target(key, len(content), etag)


def files(folder: Path) -> set[str]:
    """All that is in a folder, but the lock."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


@pytest.mark.usefixtures("s3")
def test_what_is_selected_is_fetched_and_the_second_time_nothing_is(run: Any, tmp_path: Path) -> None:
    first = run("logs", "get", "--to", "logs", "--account", B)
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout.splitlines()[-1] == (
        f"2 fetched ({2 * len(KEY)} bytes), 0 there already, 0 failed: s3://{CENTRAL_BUCKET} to logs"
    )
    assert sorted(first.stdout.splitlines()[:2]) == [
        f"fetched     logs/{KEY}",
        f"fetched     logs/{cloudtrail_key(B, 1)}",
    ]
    assert files(tmp_path / "logs") == {KEY, cloudtrail_key(B, 1)}
    assert (tmp_path / "logs" / KEY).read_text() == KEY
    again = run("logs", "get", "--to", "logs", "--account", B)
    assert again.stdout.splitlines()[-1].startswith("0 fetched (0 bytes), 2 there already, 0 failed")


@pytest.mark.usefixtures("s3")
def test_keys_may_be_named_or_read_and_one_that_is_not_there_fails_alone(run: Any, tmp_path: Path) -> None:
    answer = run("logs", "get", "--to", "logs", "--json", f"s3://{CENTRAL_BUCKET}/{KEY}", KEY, "-", input="nothing\n")
    assert answer.exit_code == 1
    told = json.loads(answer.stdout)
    assert told == {
        "bucket": CENTRAL_BUCKET,
        "to": "logs",
        "fetched": 1,
        "bytes": len(KEY),
        "complete": 0,
        "failed": [{"key": "nothing", "reason": f"there is no s3://{CENTRAL_BUCKET}/nothing"}],
    }
    assert answer.stderr == f"Error: nothing: there is no s3://{CENTRAL_BUCKET}/nothing\n"
    assert files(tmp_path / "logs") == {KEY}


@pytest.mark.usefixtures("s3")
def test_a_dry_run_says_what_it_would_fetch_and_writes_nothing(run: Any, tmp_path: Path) -> None:
    answer = run("logs", "get", "--to", "logs", "--dry-run", "--account", C)
    assert answer.stdout == (
        f"would fetch logs/{cloudtrail_key(C)}\n"
        f"1 would fetch ({len(KEY)} bytes), 0 there already, 0 failed: s3://{CENTRAL_BUCKET} to logs\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([KEY, "--account", B], "name keys, or select with options"),
        (["s3://elsewhere/key"], "is in another bucket than"),
        ([f"s3://{CENTRAL_BUCKET}/"], "names no key"),
        ([""], "names no key"),
    ],
)
def test_what_contradicts_itself_is_refused(run: Any, args: list[str], said: str) -> None:
    answer = run("logs", "get", "--to", "logs", *args)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert said in " ".join(answer.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("json_asked", [False, True])
def test_a_listing_that_is_refused_midway_is_told_after_all_that_was_found(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, json_asked: bool
) -> None:
    def refused_midway(*args: Any) -> Iterator[ListedFile]:
        yield from list_files(*args)
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")

    monkeypatch.setattr("distributary_cli.logs_listing.list_files", refused_midway)
    (tmp_path / "logs" / KEY).parent.mkdir(parents=True)
    (tmp_path / "logs" / KEY).write_text("another")
    answer = run("logs", "get", "--to", "logs", "--account", B, *(["--json"] if json_asked else []))
    assert answer.exit_code == 1
    if json_asked:
        told = json.loads(answer.stdout)
        assert (told["fetched"], [one["key"] for one in told["failed"]]) == (1, [KEY])
    else:
        assert answer.stdout.splitlines()[-1].startswith(f"1 fetched ({len(KEY)} bytes), 0 there already, 1 failed")
    in_the_way, refused = answer.stderr.splitlines()
    assert in_the_way.startswith(f"Error: {KEY}: logs/{KEY} is another file")
    assert f"may not list s3://{CENTRAL_BUCKET} (s3:ListBucket)" in refused


def test_what_ends_all_is_said_once_after_what_was_done(run: Any, monkeypatch: pytest.MonkeyPatch, s3: Any) -> None:
    keys = [cloudtrail_key(B, number) for number in range(30)]
    for key in keys:
        s3.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=key.encode())
    fetch, asked = Downloads.fetch, []

    def expiring(self: Downloads, target: Target) -> str:
        asked.append(target.key)
        if target.key in keys[5:]:
            raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "no"}}, "GetObject")
        return fetch(self, target)

    monkeypatch.setattr(Downloads, "fetch", expiring)
    answer = run("logs", "get", "--to", "logs", "--account", B, "--concurrency", "1")
    assert answer.exit_code == 1
    assert answer.stdout.splitlines()[-1].startswith(f"5 fetched ({5 * len(KEY)} bytes), 0 there already, 0 failed")
    assert answer.stderr.startswith("Error: the AWS credentials have expired")
    assert len(answer.stderr.splitlines()) == 1
    assert len(asked) < len(keys)


@pytest.mark.usefixtures("s3")
def test_a_folder_that_cannot_be_made_is_one_sentence(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    answer = run("logs", "get", "--to", "file/logs", KEY)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.startswith("Error: nothing can be written into file/logs: ")
    assert len(answer.stderr.splitlines()) == 1


def test_an_empty_object_is_fetched_too(s3: Any, tmp_path: Path) -> None:
    assert downloads(s3, tmp_path).fetch(put(s3, b"")) == FETCHED
    assert (tmp_path / KEY).read_bytes() == b""
    assert downloads(s3, tmp_path).fetch(put(s3, b"")) == COMPLETE


@pytest.mark.parametrize("named", [True, False])
def test_a_broken_connection_is_gone_on_from_where_it_broke(s3: Any, tmp_path: Path, named: bool) -> None:
    target = put(s3)
    wire = Wire(s3, [300_000, 200_000])
    assert downloads(wire, tmp_path).fetch(Target(KEY) if named else target) == FETCHED
    assert [asked.get("Range") for asked in wire.asked] == [None, "bytes=300000-", "bytes=500000-"]
    assert {asked["IfMatch"] for asked in wire.asked} == {f'"{target.etag}"'}
    assert (tmp_path / KEY).read_bytes() == CONTENT
    assert files(tmp_path) == {KEY}


def test_what_an_earlier_command_began_is_gone_on_with(s3: Any, tmp_path: Path) -> None:
    target = put(s3)
    with pytest.raises(ResponseStreamingError):
        downloads(Wire(s3, [100_000] * 5), tmp_path).fetch(target)
    assert len(files(tmp_path)) == 1
    assert files(tmp_path).pop().endswith(".part")
    wire = Wire(s3, [])
    assert downloads(wire, tmp_path).fetch(target) == FETCHED
    assert [asked["Range"] for asked in wire.asked] == ["bytes=500000-"]
    assert (tmp_path / KEY).read_bytes() == CONTENT


def test_an_object_that_is_another_one_by_now_is_begun_anew(s3: Any, tmp_path: Path) -> None:
    old = put(s3)
    with pytest.raises(ResponseStreamingError):
        downloads(Wire(s3, [100_000] * 5), tmp_path).fetch(old)
    put(s3, b"another")
    assert downloads(s3, tmp_path).fetch(old) == FETCHED
    assert (tmp_path / KEY).read_bytes() == b"another"


def test_a_part_that_was_whole_already_is_proved_and_named(s3: Any, tmp_path: Path) -> None:
    target = put(s3)
    Folder(tmp_path).part(CENTRAL_BUCKET, KEY, str(target.etag)).write_bytes(CONTENT)
    assert downloads(s3, tmp_path).fetch(target) == FETCHED
    assert (tmp_path / KEY).read_bytes() == CONTENT


def test_a_part_that_is_not_the_beginning_is_thrown_away(s3: Any, tmp_path: Path) -> None:
    target = put(s3)
    Folder(tmp_path).part(CENTRAL_BUCKET, KEY, str(target.etag)).write_bytes(b"wrong" * 100)
    wire = Wire(s3, [])
    assert downloads(wire, tmp_path).fetch(target) == FETCHED
    assert [asked.get("Range") for asked in wire.asked] == ["bytes=500-", None]
    assert (tmp_path / KEY).read_bytes() == CONTENT


def test_what_arrives_damaged_each_time_is_never_given_its_name(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="its size or checksum differs"):
        downloads(Damaging(s3, []), tmp_path).fetch(put(s3))
    assert files(tmp_path) == set()


def test_a_command_that_ends_leaves_a_part_and_no_file(s3: Any, tmp_path: Path) -> None:
    stop = Event()
    ending = downloads(s3, tmp_path, stop, arrived=lambda _: stop.set())
    with pytest.raises(StoppedError):
        ending.fetch(put(s3))
    (left,) = files(tmp_path)
    assert left.endswith(".part")


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_whole_file_is_not_fetched_again(s3: Any, tmp_path: Path, encrypted: bool) -> None:
    target = put(s3)
    if encrypted:
        target, s3 = ENCRYPTED, Encrypted(s3)
    assert downloads(s3, tmp_path).fetch(Target(KEY)) == FETCHED
    wire = Wire(s3, [])
    for known in (target, Target(KEY)):
        assert downloads(wire, tmp_path).fetch(known) == COMPLETE
    assert wire.asked == []


class Encrypted(Wire):
    """moto computes MD5s and CRC32s where S3 with SSE-KMS gives nothing but the checksum that the writer named."""

    def __init__(self, s3: Any, checksums: dict[str, str] | None = None) -> None:
        super().__init__(s3, [])
        self.checksums = checksums or {}

    def get_object(self, **asked: Any) -> Any:
        asked.pop("IfMatch", None)
        return self._answer(self.s3.get_object(**asked))

    def head_object(self, **asked: Any) -> Any:
        asked.pop("IfMatch", None)
        return self._answer(self.s3.head_object(**asked))

    def _answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in answer.items() if not name.startswith("Checksum")}
        known = {} if "ContentRange" in answer else self.checksums  # S3 has none for a range
        return kept | known | {"ETag": f'"{ENCRYPTED.etag}"', "ServerSideEncryption": "aws:kms"}


ENCRYPTED = Target(KEY, len(CONTENT), "0" * 32)  # with SSE-KMS the ETag is no MD5
CHECKSUMS = {
    "ChecksumSHA256": base64.b64encode(hashlib.sha256(CONTENT).digest()).decode(),
    "ChecksumCRC64NVME": "mh5mgVctYTs=",
}


@pytest.mark.parametrize("name", CHECKSUMS)
def test_what_was_begun_wrong_is_found_out_by_the_whole_object_s_checksum(s3: Any, tmp_path: Path, name: str) -> None:
    put(s3)
    Folder(tmp_path).part(CENTRAL_BUCKET, KEY, str(ENCRYPTED.etag)).write_bytes(b"wrong" * 100)
    wire = Wire(Encrypted(s3, {name: CHECKSUMS[name]}), [])
    assert downloads(wire, tmp_path).fetch(ENCRYPTED) == FETCHED
    assert [asked.get("Range") for asked in wire.asked] == ["bytes=500-", None]
    assert (tmp_path / KEY).read_bytes() == CONTENT


@pytest.mark.parametrize("name", CHECKSUMS)
def test_what_is_encrypted_and_arrives_damaged_is_never_given_its_name(s3: Any, tmp_path: Path, name: str) -> None:
    put(s3)
    damaging = Damaging(Encrypted(s3, {name: CHECKSUMS[name]}), [])
    with pytest.raises(DamagedFileError, match="its size or checksum differs"):
        downloads(damaging, tmp_path).fetch(ENCRYPTED)
    assert files(tmp_path) == set()


@pytest.mark.parametrize("other", [b"other", bytes(len(CONTENT))])
def test_another_file_that_is_there_is_not_written_over(s3: Any, tmp_path: Path, other: bytes) -> None:
    path = tmp_path / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(other)
    for known in (put(s3), Target(KEY)):
        with pytest.raises(PlaceError, match="is another file: move it away"):
            downloads(s3, tmp_path).fetch(known)
    assert path.read_bytes() == other


def test_of_two_that_come_to_one_place_the_second_is_told(s3: Any, tmp_path: Path) -> None:
    target = put(s3)

    def collide(_: int) -> None:  # as on a file system that doesn't tell A from a
        (tmp_path / KEY).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / KEY).write_bytes(b"the first")

    with pytest.raises(PlaceError, match="was written by something else meanwhile"):
        downloads(s3, tmp_path, arrived=collide).fetch(target)
    assert (tmp_path / KEY).read_bytes() == b"the first"


def test_nothing_is_written_through_a_symbolic_link(s3: Any, tmp_path: Path) -> None:
    folder, outside = tmp_path / "logs", tmp_path / "outside"
    outside.mkdir()
    folder.mkdir()
    (folder / "AWSLogs").symlink_to(outside)
    with pytest.raises(PlaceError, match="is a symbolic link"):
        downloads(s3, folder).fetch(put(s3))
    (folder / "a.gz").symlink_to(outside / "b.gz")
    with pytest.raises(PlaceError, match="is there already and is no file"):
        downloads(s3, folder).fetch(put(s3, key="a.gz"))
    assert list(outside.iterdir()) == []


def test_a_key_that_is_another_s_folder_is_told(s3: Any, tmp_path: Path) -> None:
    assert downloads(s3, tmp_path).fetch(put(s3, b"x", "a")) == FETCHED
    with pytest.raises(PlaceError, match="is a file where a folder should be"):
        downloads(s3, tmp_path).fetch(put(s3, b"x", "a/b"))
    assert downloads(s3, tmp_path).fetch(put(s3, b"x", "c/d")) == FETCHED
    with pytest.raises(PlaceError, match="is there already and is no file"):
        downloads(s3, tmp_path).fetch(put(s3, b"x", "c"))


@pytest.mark.usefixtures("s3")
def test_hostile_keys_stay_inside(run: Any, s3: Any, tmp_path: Path) -> None:
    keys = ["../up", "/etc/x", "a//b", "a\\b", "C:x", "n" * 1000]
    for key in keys:
        s3.put_object(Bucket=CENTRAL_BUCKET, Key=key, Body=b"x")
    answer = run("logs", "get", "--to", "in/logs", *keys)
    assert answer.exit_code == 0, answer.output
    assert files(tmp_path) == {f"in/logs/{relative_path(key)}" for key in keys}


def test_two_commands_do_not_fetch_into_one_folder_at_once(tmp_path: Path) -> None:
    with Folder(tmp_path).alone(), pytest.raises(PlaceError, match="another command"), Folder(tmp_path).alone():
        pass


def test_a_file_gets_its_object_s_time(s3: Any, tmp_path: Path) -> None:
    downloads(s3, tmp_path).fetch(put(s3))
    stored = s3.head_object(Bucket=CENTRAL_BUCKET, Key=KEY)["LastModified"].timestamp()
    assert os.stat(tmp_path / KEY).st_mtime == stored  # noqa: PTH116


MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("answer", "algorithm"),
    [
        ({"ETag": f'"{MD5}"'}, "md5"),
        ({"ETag": f'"{MD5}"', "ServerSideEncryption": "AES256"}, "md5"),
        ({"ETag": f'"{MD5}"', "ServerSideEncryption": "aws:kms"}, None),
        ({"ETag": f'"{MD5}"', "ServerSideEncryption": "aws:kms:dsse"}, None),
        ({"ETag": f'"{MD5}"', "SSECustomerAlgorithm": "AES256"}, None),
        ({"ETag": f'"{MD5}-2"'}, None),
        ({"ETag": f'"{MD5}-2"', "ChecksumCRC32": "AAAAAA==", "ChecksumType": "FULL_OBJECT"}, "crc32"),
        ({"ETag": f'"{MD5}-2"', "ChecksumCRC32": "AAAAAA==-2", "ChecksumType": "COMPOSITE"}, None),
        ({"ETag": f'"{MD5}-2"', "ChecksumCRC64NVME": "AAAAAAAAAAA="}, "crc64nvme"),
        ({"ETag": f'"{MD5}"', "ChecksumCRC64NVME": "AAAAAAAAAAA="}, "md5"),
        ({"ETag": f'"{MD5}"', "ServerSideEncryption": "aws:kms", "ChecksumCRC64NVME": "AAAAAAAAAAA="}, "crc64nvme"),
        ({"ETag": f'"{MD5}-2"', "ChecksumXXHASH64": "AAAAAAAAAAA="}, None),
    ],
)
def test_what_proves_a_file(answer: dict[str, str], algorithm: str | None) -> None:
    known = proof(answer)
    assert (known.algorithm if known else None) == algorithm


@given(st.binary(max_size=200), st.sampled_from(["sha256", "sha512", "sha1", "md5", "crc32"]))
def test_a_proof_is_what_s3_computes(tmp_path_factory: pytest.TempPathFactory, content: bytes, algorithm: str) -> None:
    path = tmp_path_factory.mktemp("proof") / "file"
    path.write_bytes(content)
    raw = zlib.crc32(content).to_bytes(4, "big") if algorithm == "crc32" else hashlib.new(algorithm, content).digest()
    known = proof({"ETag": '"x-1"', f"Checksum{algorithm.upper()}": base64.b64encode(raw).decode()})
    assert known == Proof(algorithm, raw)
    assert known.holds(path)
    path.write_bytes(content + b"!")
    assert not known.holds(path)


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("crc32", "cbf43926"), ("crc32c", "e3069283"), ("crc64nvme", "ae8b14860a799888")]
)
@pytest.mark.parametrize("block", [4, 100])
def test_a_crc_is_the_catalogue_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, digest: str, block: int
) -> None:
    monkeypatch.setattr("distributary_cli.logs_checksums.BLOCK_BYTES", block)
    (tmp_path / "file").write_bytes(b"123456789")
    assert Proof(algorithm, bytes.fromhex(digest)).holds(tmp_path / "file")


def test_no_more_is_begun_than_is_being_fetched() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    stopped = Event()
    results = in_parallel(lambda number: number, items(), 4, stopped)
    next(results)
    assert taken <= 8
    results.close()
    assert stopped.is_set()
    assert sorted(in_parallel(lambda number: number, range(50), 4, Event())) == list(range(50))


def test_what_is_begun_ahead_keeps_its_order() -> None:
    assert list(ahead(lambda number: number * 2, range(50), 4)) == [number * 2 for number in range(50)]
