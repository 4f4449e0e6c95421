"""SSE-KMS: S3 asks KMS in the caller's name."""

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import kms, s3

from distributary_local.gaps.callers import caller, may
from distributary_local.gaps.copies import denied, source_of
from distributary_local.gaps.patching import Response, around

_ALGORITHM = "x-amz-server-side-encryption"
_KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"


def kms_keys_across_accounts() -> None:
    """Find a KMS key by its ARN from any account; its key policy then decides.

    AWS: "Allowing users in other accounts to use a KMS key",
    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html.
    ministack: NotFoundException.
    """

    @around(kms, "_resolve_key")
    def resolve(original: Any, key_id: Any) -> Any:
        found = original(key_id)
        return found or (_find(key_id, "")[0] if str(key_id).startswith("arn:") else None)

    @around(kms, "key_policy_for_arn")
    def policy(_: Any, arn: str) -> tuple[str, str] | None:
        key, account_id = _find(arn, get_account_id())
        return (key.get("Policy") or "", account_id) if key else None


def sse_kms() -> None:
    """Ask KMS whenever S3 reads or writes an object that is encrypted with a KMS key.

    AWS: "Using server-side encryption with AWS KMS keys",
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html: the caller needs kms:Decrypt to read
    and to copy from, kms:GenerateDataKey to write, both for a multipart upload; the key policy must agree, also in the
    key's own account; a missing or disabled key is an error; the aws/s3 key cannot be used from another account.
    ministack: keeps the key's name and never asks.
    Not shown: S3 Bucket Keys (their encryption context names the bucket, here it always names the object), grants, and
    the KMS keys of queues and topics.
    """
    _guard_copies()
    _guard_objects()
    _guard_uploads()


def _guard_copies() -> None:
    @around(s3, "_copy_object")
    def copy(original: Any, bucket: str, key: str, headers: dict[str, str]) -> Response:
        response: Response = _read_source(headers) or _write(bucket, key, headers) or original(bucket, key, headers)
        return response

    @around(s3, "_upload_part_copy")
    def copy_part(original: Any, bucket: str, key: str, query: Any, headers: dict[str, str]) -> Response:
        refused = _read_source(headers) or _write_part(bucket, key, query)
        response: Response = refused or original(bucket, key, query, headers)
        return response


def _guard_objects() -> None:
    @around(s3, "_put_object")
    def put(original: Any, bucket: str, key: str, body: bytes, headers: dict[str, str]) -> Response:
        response: Response = _write(bucket, key, headers) or original(bucket, key, body, headers)
        return response

    @around(s3, "_get_object")
    def get(original: Any, bucket: str, key: str, headers: dict[str, str], query: Any = None) -> Response:
        response: Response = _read(bucket, key, _version(query)) or original(bucket, key, headers, query)
        return response

    @around(s3, "_head_object")
    def head(original: Any, bucket: str, key: str, headers: Any = None, query: Any = None) -> Response:
        response: Response = _read(bucket, key, _version(query)) or original(bucket, key, headers, query)
        return response


def _guard_uploads() -> None:
    @around(s3, "_create_multipart_upload")
    def create(original: Any, bucket: str, key: str, headers: dict[str, str]) -> Response:
        response: Response = _write(bucket, key, headers, multipart=True) or original(bucket, key, headers)
        return response

    @around(s3, "_upload_part")
    def upload(original: Any, bucket: str, key: str, body: bytes, query: Any, headers: dict[str, str]) -> Response:
        response: Response = _write_part(bucket, key, query) or original(bucket, key, body, query, headers)
        return response


def _read_source(headers: dict[str, str]) -> Response | None:
    return _read(*source_of(headers))


def _read(bucket: str, key: str, version_id: str | None) -> Response | None:
    stored = (_object(bucket, key, version_id) or {}).get("preserved_headers") or {}
    return _ask("kms:Decrypt", stored, bucket, key)


def _write(bucket: str, key: str, headers: dict[str, str], *, multipart: bool = False) -> Response | None:
    if s3._ensure_bucket(bucket) is None:
        return None
    applied, _ = s3._resolve_sse_write_headers(headers, bucket)
    actions = ("kms:GenerateDataKey", "kms:Decrypt") if multipart else ("kms:GenerateDataKey",)
    return next((refused for action in actions if (refused := _ask(action, applied or {}, bucket, key))), None)


def _write_part(bucket: str, key: str, query: Any) -> Response | None:
    upload = s3._multipart_uploads.get(s3._qp(query, "uploadId")) or {}
    stored = upload.get("preserved_headers") or {}
    return _ask("kms:GenerateDataKey", stored, bucket, key) or _ask("kms:Decrypt", stored, bucket, key)


def _ask(action: str, encryption: dict[str, str], bucket: str, key: str) -> Response | None:
    """Return S3's refusal if the caller may not use the key that these headers name, else None."""
    if not encryption.get(_ALGORITHM, "").startswith("aws:kms"):
        return None
    owner, path, principal = s3._bucket_owner_account(bucket), f"/{bucket}/{key}", caller()
    key_id = encryption.get(_KEY_ID)
    if not key_id:  # the aws/s3 key: everybody in the bucket's account may use it, nobody else
        return denied(bucket, key) if principal is not None and principal.account != owner else None
    found, key_owner = _find(key_id, owner)
    refused: Response
    if found is None:
        refused = s3._error("KMS.NotFoundException", f"Key '{key_id}' does not exist", 400, path)
        return refused
    if found["KeyState"] != "Enabled":
        refused = s3._error("KMS.DisabledException", f"{found['Arn']} is {found['KeyState']}.", 400, path)
        return refused
    context = {
        "kms:viaservice": f"s3.{get_region()}.amazonaws.com",
        "kms:calleraccount": principal.account if principal else "",
        "kms:encryptioncontext:aws:s3:arn": f"arn:aws:s3:::{bucket}/{key}",
    }
    policy = found.get("Policy") or ""
    if may(principal, action, found["Arn"], policy, key_owner, policy_must_allow=True, context=context):
        return None
    arn = principal.arn if principal else None
    message = f"User: {arn} is not authorized to perform: {action} on resource: {found['Arn']}"
    refused = s3._error("AccessDenied", message, 403, path)
    return refused


def _find(key_id: str, account_id: str) -> tuple[Any, str]:
    """Find a key by ARN, ID, alias ARN or alias; the last two and a plain ID in the given account only."""
    for (owner, region, alias_arn), target in list(kms._aliases._data.items()):
        if key_id == alias_arn or (owner == account_id and alias_arn.endswith(f":{key_id}")):
            return kms._keys._data.get((owner, region, target)), owner
    for (owner, _, name), key in list(kms._keys._data.items()):
        if key.get("Arn") == key_id or (owner == account_id and name == key_id):
            return key, owner
    return None, ""


def _object(bucket: str, key: str, version_id: str | None) -> Any:
    if version_id:
        versions = s3._object_versions.get((bucket, key), [])
        return next((each for each in versions if each["version_id"] == version_id), None)
    return (s3._ensure_bucket(bucket) or {"objects": {}})["objects"].get(key)


def _version(query: Any) -> str | None:
    return s3._qp(query or {}, "versionId", "") or None


GAPS = (kms_keys_across_accounts, sse_kms)
