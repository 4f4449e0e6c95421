from typing import Any

import pytest
from integration.gaps.world import EVERYTHING, A, Aws, B, refused

SSE = "aws:kms"
BOTH = ["kms:Decrypt", "kms:GenerateDataKey"]


def granted(action: Any, principal: str = A) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}


@pytest.mark.gap("kms_keys_across_accounts")
def test_a_key_of_another_account_is_found_by_its_arn(aws: Aws) -> None:
    key_arn = aws.key(A, granted("kms:GenerateDataKey", B))
    aws.of(aws.user(B, EVERYTHING), "kms").generate_data_key(KeyId=key_arn, KeySpec="AES_256")
    with refused("AccessDeniedException"):
        aws.of(aws.user(B, EVERYTHING), "kms").encrypt(KeyId=key_arn, Plaintext=b"x")


@pytest.mark.gap("sse_kms")
def test_reading_and_writing_ask_the_key_policy(aws: Aws) -> None:
    bucket, s3 = aws.bucket(A, "plain"), aws.of(aws.user(A, EVERYTHING), "s3")
    via_s3 = {"Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}
    for_both, for_writing, for_nobody = aws.key(A, granted(BOTH) | via_s3), aws.key(A, granted(BOTH[1])), aws.key(A)
    encrypted = {"ServerSideEncryption": SSE, "SSEKMSKeyId": for_both}
    s3.put_object(Bucket=bucket, Key="x", Body=b"log", **encrypted)
    s3.get_object(Bucket=bucket, Key="x")
    s3.copy_object(Bucket=bucket, Key="y", CopySource=f"{bucket}/x", **encrypted)
    s3.put_object(Bucket=bucket, Key="z", Body=b"log", ServerSideEncryption=SSE, SSEKMSKeyId=for_writing)
    with refused("AccessDenied"):
        s3.get_object(Bucket=bucket, Key="z")
    with refused("403"):
        s3.head_object(Bucket=bucket, Key="z")
    with refused("AccessDenied"):
        s3.copy_object(Bucket=bucket, Key="y", CopySource=f"{bucket}/z")
    refusing: dict[str, Any] = {"Bucket": bucket, "Key": "y", "ServerSideEncryption": SSE, "SSEKMSKeyId": for_nobody}
    with refused("AccessDenied"):
        s3.copy_object(**refusing, CopySource=f"{bucket}/plain")
    with refused("AccessDenied"):
        s3.put_object(**refusing, Body=b"log")


@pytest.mark.gap("sse_kms")
def test_a_multipart_copy_reads_with_one_key_and_writes_with_another(aws: Aws) -> None:
    bucket, s3 = aws.bucket(A), aws.of(aws.user(A, EVERYTHING), "s3")
    old, new, writing = aws.key(A, granted(BOTH)), aws.key(A, granted(BOTH)), aws.key(A, granted(BOTH[1]))
    s3.put_object(Bucket=bucket, Key="x", Body=b"log", ServerSideEncryption=SSE, SSEKMSKeyId=old)
    s3.put_object(Bucket=bucket, Key="z", Body=b"log", ServerSideEncryption=SSE, SSEKMSKeyId=writing)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="y", ServerSideEncryption=SSE, SSEKMSKeyId=new)["UploadId"]
    part = {"Bucket": bucket, "Key": "y", "UploadId": upload, "PartNumber": 1}
    s3.upload_part_copy(**part, CopySource=f"{bucket}/x")
    with refused("AccessDenied"):
        s3.upload_part_copy(**part, CopySource=f"{bucket}/z")
    with refused("AccessDenied"):
        s3.create_multipart_upload(Bucket=bucket, Key="y", ServerSideEncryption=SSE, SSEKMSKeyId=writing)


@pytest.mark.gap("sse_kms")
def test_a_disabled_or_missing_key_is_an_error(aws: Aws) -> None:
    bucket, s3 = aws.bucket(A), aws.of(aws.user(A, EVERYTHING), "s3")
    key_arn = aws.key(A, granted(BOTH))
    s3.put_object(Bucket=bucket, Key="x", Body=b"log", ServerSideEncryption=SSE, SSEKMSKeyId=key_arn)
    aws.root("kms", A).disable_key(KeyId=key_arn)
    with refused("KMS.DisabledException"):
        s3.get_object(Bucket=bucket, Key="x")
    with refused("KMS.NotFoundException"):
        s3.put_object(Bucket=bucket, Key="x", Body=b"log", ServerSideEncryption=SSE, SSEKMSKeyId=f"{key_arn[:-4]}0000")


@pytest.mark.gap("sse_kms")
def test_a_key_of_another_account_encrypts_if_both_accounts_agree(aws: Aws) -> None:
    bucket = aws.bucket(A)
    key_arn = aws.key(B, granted(BOTH, A))
    write: dict[str, Any] = {"Bucket": bucket, "Key": "x", "Body": b"log", "ServerSideEncryption": SSE}
    aws.of(aws.user(A, EVERYTHING), "s3").put_object(**write, SSEKMSKeyId=key_arn)
    no_keys = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
    with refused("AccessDenied"):
        aws.of(aws.user(A, EVERYTHING, no_keys), "s3").put_object(**write, SSEKMSKeyId=key_arn)
