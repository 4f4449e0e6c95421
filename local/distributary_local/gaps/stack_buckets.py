"""CloudFormation: what ministack drops of a bucket and its policy, and that it deletes one with objects in it."""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from ministack.services import s3
from ministack.services.cloudformation import provisioners

from distributary_local.gaps.patching import Response
from distributary_local.gaps.stack_hooks import Properties, before, before_delete, text


def stack_bucket_properties() -> None:
    """Apply the encryption, lifecycle, ownership, versioning and tags of AWS::S3::Bucket.

    AWS: "AWS::S3::Bucket",
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html.
    ministack: drops them (of versioning, it drops Suspended).
    Not shown: ObjectLockConfiguration, LoggingConfiguration, ReplicationConfiguration, metrics and inventories;
    lifecycle rules are stored and never carried out.
    """
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        ("BucketEncryption", _encryption, _applied(s3._put_bucket_encryption), s3._delete_bucket_encryption),
        ("LifecycleConfiguration", _lifecycle, _applied(s3._put_bucket_lifecycle), s3._delete_bucket_lifecycle),
        (
            "OwnershipControls",
            _ownership,
            _applied(s3._put_bucket_ownership_controls),
            s3._delete_bucket_ownership_controls,
        ),
        ("VersioningConfiguration", _versioning, _applied(s3._put_bucket_versioning), lambda _: None),
        ("Tags", _tagging, _applied(s3._put_bucket_tagging), s3._delete_bucket_tagging),
    )


def stack_bucket_policies() -> None:
    """Hand AWS::S3::BucketPolicy to PutBucketPolicy, which refuses a public policy or one over 20 KB.

    AWS: "Blocking public access to your Amazon S3 storage",
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html, and "Bucket policies
    for Amazon S3": "Bucket policies are limited to 20 KB in size."
    ministack: stores whatever the template holds.
    Not shown: MalformedPolicy for a principal that doesn't exist.
    """

    def check(properties: Properties) -> None:
        document = provisioners._policy_document_json(properties).encode()
        if len(document) > 20 * 1024:
            raise ValueError("PolicyTooLarge: the bucket policy is larger than 20 KB")
        _applied(s3._put_bucket_policy)(properties["Bucket"], document)

    before("AWS::S3::BucketPolicy", check)


def stack_bucket_deletion() -> None:
    """Refuse to delete a bucket that holds objects or versions.

    AWS: "AWS::S3::Bucket", see above: "You can only delete empty buckets"; the stack ends in DELETE_FAILED.
    ministack: deletes it with everything in it.
    """

    def check(name: str, _: Properties) -> None:
        bucket = s3._buckets.get(name)
        if bucket and (bucket["objects"] or any(key[0] == name and kept for key, kept in s3._object_versions.items())):
            raise ValueError(f"The bucket you tried to delete is not empty (BucketNotEmpty): {name}")

    before_delete("AWS::S3::Bucket", check)


def _applied(put: Callable[[str, bytes], Response]) -> Callable[[str, bytes], None]:
    """Turn an error answer of S3 into the exception that fails a stack."""

    def apply(bucket: str, body: bytes) -> None:
        status, _, answer = put(bucket, body)
        if status >= 400:
            raise ValueError(f"{bucket}: {answer!r}")

    return apply


def _add(parent: Element, name: str, value: Any) -> None:
    """Append CloudFormation's JSON as the XML of S3's API; a list repeats the element."""
    for each in value if isinstance(value, list) else [value]:
        child = SubElement(parent, name)
        if isinstance(each, dict):
            for key, inner in each.items():
                _add(child, key, inner)
        else:
            child.text = text(each)


def _xml(root: str, content: dict[str, Any]) -> bytes:
    element = Element(root)
    for name, value in content.items():
        _add(element, name, value)
    return tostring(element)


def _encryption(properties: Properties) -> bytes:
    rules = [
        {"ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault") or {}}
        | ({"BucketKeyEnabled": rule["BucketKeyEnabled"]} if "BucketKeyEnabled" in rule else {})
        for rule in properties.get("ServerSideEncryptionConfiguration", [])
    ]
    return _xml("ServerSideEncryptionConfiguration", {"Rule": rules})


def _ownership(properties: Properties) -> bytes:
    return _xml("OwnershipControls", {"Rule": properties.get("Rules", [])})


def _versioning(properties: Properties) -> bytes:
    return _xml("VersioningConfiguration", properties)


def _tagging(tags: Any) -> bytes:
    return _xml("Tagging", {"TagSet": {"Tag": [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags or []]}})


def _lifecycle(properties: Properties) -> bytes:
    return _xml("LifecycleConfiguration", {"Rule": [_lifecycle_rule(rule) for rule in properties.get("Rules", [])]})


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    content: dict[str, Any] = {"ID": rule["Id"]} if "Id" in rule else {}
    content |= {"Filter": {"Prefix": rule.get("Prefix", "")}, "Status": rule.get("Status", "Enabled")}
    transitions = rule.get("Transitions") or [rule[name] for name in ("Transition",) if name in rule]
    if transitions:
        content["Transition"] = [
            {"Days": each.get("TransitionInDays", 0), "StorageClass": each["StorageClass"]} for each in transitions
        ]
    if "ExpirationInDays" in rule:
        content["Expiration"] = {"Days": rule["ExpirationInDays"]}
    elif "ExpiredObjectDeleteMarker" in rule:
        content["Expiration"] = {"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
    if "NoncurrentVersionExpiration" in rule:
        content["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    if "AbortIncompleteMultipartUpload" in rule:
        content["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return content


GAPS = (stack_bucket_properties, stack_bucket_policies, stack_bucket_deletion)
