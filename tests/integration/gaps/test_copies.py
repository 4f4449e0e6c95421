from typing import Any

import pytest
from integration.gaps.world import EVERYTHING, A, Aws, B, C, refused

READ = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:ListBucket"]


def source(bucket: str, **version: str) -> dict[str, str]:
    return {"Bucket": bucket, "Key": "x"} | version


@pytest.mark.gap("cross_account_copy")
def test_a_version_and_its_tags_are_copied_across_accounts(aws: Aws) -> None:
    theirs = aws.bucket(A, allow={"Principal": {"AWS": B}, "Action": READ})
    a = aws.root("s3", A)
    a.put_bucket_versioning(Bucket=theirs, VersioningConfiguration={"Status": "Enabled"})
    first = a.put_object(Bucket=theirs, Key="x", Body=b"first", Tagging="t=1", Metadata={"signature": "s"})["VersionId"]
    a.put_object(Bucket=theirs, Key="x", Body=b"second")
    ours, b = aws.bucket(B), aws.of(aws.user(B, EVERYTHING), "s3")
    b.copy_object(Bucket=ours, Key="x", CopySource=source(theirs, VersionId=first))
    copy = b.get_object(Bucket=ours, Key="x")
    assert (copy["Body"].read(), copy["Metadata"]) == (b"first", {"signature": "s"})
    assert b.get_object_tagging(Bucket=ours, Key="x")["TagSet"] == [{"Key": "t", "Value": "1"}]


@pytest.mark.gap("conditional_copy")
def test_a_copy_may_demand_that_there_is_none_yet(aws: Aws) -> None:
    bucket, s3 = aws.bucket(A, "x"), aws.of(aws.user(A, EVERYTHING), "s3")
    s3.copy_object(Bucket=bucket, Key="y", CopySource=source(bucket), IfNoneMatch="*")
    with refused("PreconditionFailed"):
        s3.copy_object(Bucket=bucket, Key="y", CopySource=source(bucket), IfNoneMatch="*")
    with refused("PreconditionFailed"):
        s3.copy_object(Bucket=bucket, Key="y", CopySource=source(bucket), IfMatch='"another"')


@pytest.mark.gap("copy_tagging_permissions")
def test_copying_tags_takes_permission_and_replacing_them_by_none_does_not(aws: Aws) -> None:
    bucket = aws.bucket(A, "plain")
    aws.root("s3", A).put_object(Bucket=bucket, Key="x", Body=b"log", Tagging="t=1")
    no_tags = {"Effect": "Deny", "Action": "s3:*Tagging", "Resource": "*"}
    s3 = aws.of(aws.user(A, EVERYTHING, no_tags), "s3")
    s3.copy_object(Bucket=bucket, Key="y", CopySource=f"{bucket}/plain")
    s3.copy_object(Bucket=bucket, Key="y", CopySource=source(bucket), TaggingDirective="REPLACE")
    with refused("AccessDenied"):
        s3.copy_object(Bucket=bucket, Key="y", CopySource=source(bucket))
    with refused("AccessDenied"):
        s3.copy_object(Bucket=bucket, Key="y", CopySource=source(bucket), TaggingDirective="REPLACE", Tagging="t=1")


@pytest.mark.gap("bucket_policy_caller")
def test_a_bucket_policy_lets_one_role_of_another_account_in(aws: Aws) -> None:
    role_arn, session = aws.role_session(B, EVERYTHING)
    bucket = aws.bucket(A, "x", allow={"Principal": {"AWS": role_arn}, "Action": READ})
    aws.of(session, "s3").copy_object(Bucket=aws.bucket(B), Key="x", CopySource=source(bucket))
    with refused("AccessDenied"):
        aws.of(aws.user(B, EVERYTHING), "s3").get_object(Bucket=bucket, Key="x")


@pytest.mark.parametrize("argument", ["ExpectedBucketOwner", "ExpectedSourceBucketOwner"])
@pytest.mark.gap("expected_bucket_owner")
def test_the_buckets_must_have_the_expected_owners(aws: Aws, argument: str) -> None:
    bucket, s3 = aws.bucket(A, "x"), aws.of(aws.user(A, EVERYTHING), "s3")
    copy: dict[str, Any] = {"Bucket": bucket, "Key": "y", "CopySource": source(bucket)}
    s3.copy_object(**copy, **{argument: A})
    with refused("AccessDenied"):
        s3.copy_object(**copy, **{argument: C})


@pytest.mark.gap("missing_key_is_forbidden")
def test_only_who_may_list_learns_that_a_key_is_missing(aws: Aws) -> None:
    bucket = aws.bucket(A)
    with refused("NoSuchKey"):
        aws.of(aws.user(A, EVERYTHING), "s3").get_object(Bucket=bucket, Key="x")
    no_list = {"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*"}
    s3 = aws.of(aws.user(A, EVERYTHING, no_list), "s3")
    with refused("AccessDenied"):
        s3.get_object(Bucket=bucket, Key="x")
    with refused("403"):
        s3.head_object(Bucket=bucket, Key="x")
    with refused("AccessDenied"):
        s3.copy_object(Bucket=bucket, Key="y", CopySource=source(bucket))
