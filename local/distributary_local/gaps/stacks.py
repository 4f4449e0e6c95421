"""CloudFormation: properties that ministack accepts and drops, and what it deletes too easily."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from ministack.core.responses import get_account_id
from ministack.services import dynamodb, iam, lambda_svc, s3, sns
from ministack.services.cloudformation import provisioners

from distributary_local.gaps.patching import Response

Properties = dict[str, Any]


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

    _before("AWS::S3::BucketPolicy", check)


def stack_bucket_deletion() -> None:
    """Refuse to delete a bucket that holds objects or versions.

    AWS: "AWS::S3::Bucket", see above: "You can only delete empty buckets"; the stack ends in DELETE_FAILED.
    ministack: deletes it with everything in it.
    """

    def check(name: str, _: Properties) -> None:
        bucket = s3._buckets.get(name)
        if bucket and (bucket["objects"] or any(key[0] == name and kept for key, kept in s3._object_versions.items())):
            raise ValueError(f"The bucket you tried to delete is not empty (BucketNotEmpty): {name}")

    _before_delete("AWS::S3::Bucket", check)


def stack_role_deletion() -> None:
    """Refuse to delete a role that holds policies which its stack hasn't given it.

    AWS: "DeleteRole", https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html: "you must delete the
    items attached to the role manually, or the deletion fails"; CloudFormation takes away its own only, and the stack
    ends in DELETE_FAILED.
    ministack: deletes the role with all that it holds.
    """

    def check(name: str, properties: Properties) -> None:
        role = iam._roles.get(name) or {}
        own = {policy.get("PolicyName") for policy in properties.get("Policies") or []}
        if set(role.get("InlinePolicies") or {}) - own:
            raise ValueError("Cannot delete entity, must delete policies first. (DeleteConflict)")
        if set(role.get("AttachedPolicies") or []) - set(properties.get("ManagedPolicyArns") or []):
            raise ValueError("Cannot delete entity, must detach all policies first. (DeleteConflict)")

    _before_delete("AWS::IAM::Role", check)


def stack_policy_deletion() -> None:
    """Refuse to delete a managed policy that is attached to somebody whom its stack doesn't name.

    AWS: "DeletePolicy", https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html: before it, "detach
    the policy from all users, groups, and roles that the policy is attached to"; CloudFormation does that for those it
    has attached it to, and the stack ends in DELETE_FAILED if there are others.
    ministack: deletes it.
    """

    def check(arn: str, properties: Properties) -> None:
        for kind, entities in (("Users", iam._users), ("Roles", iam._roles), ("Groups", iam._groups)):
            holders = {name for name, entity in entities.items() if arn in (entity.get("AttachedPolicies") or [])}
            if holders - set(properties.get(kind) or []):
                raise ValueError("Cannot delete a policy attached to entities. (DeleteConflict)")

    _before_delete("AWS::IAM::ManagedPolicy", check)


def stack_topic_properties() -> None:
    """Apply the key, the FIFO properties and the default policy of AWS::SNS::Topic.

    AWS: "AWS::SNS::Topic",
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html; a topic's
    default policy lets only its owner publish and subscribe.
    ministack: drops the properties, and its default policy lets every account publish and subscribe.
    Not shown: that SNS asks KMS for the key.
    """

    def apply(topic_arn: str, properties: Properties) -> None:
        attributes = sns._topics[topic_arn]["attributes"]
        for name in ("KmsMasterKeyId", "FifoTopic", "ContentBasedDeduplication", "SignatureVersion", "TracingConfig"):
            if properties.get(name) is not None:
                attributes[name] = _text(properties[name])
        policy = json.loads(attributes["Policy"])
        for statement in policy["Statement"]:
            if statement.get("Sid") == "__default_statement_ID":
                statement["Condition"] = {"StringEquals": {"AWS:SourceOwner": get_account_id()}}
        attributes["Policy"] = json.dumps(policy)

    _after("AWS::SNS::Topic", apply)


def stack_table_properties() -> None:
    """Apply the time to live, the point-in-time recovery and the deletion protection of AWS::DynamoDB::Table.

    AWS: "AWS::DynamoDB::Table",
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html.
    ministack: drops the first two and deletes a protected table.
    Not shown: SSESpecification, resource policies, a restore.
    """

    def apply(name: str, properties: Properties) -> None:
        if ttl := properties.get("TimeToLiveSpecification"):
            enabled = {"AttributeName": ttl.get("AttributeName"), "Enabled": _text(ttl.get("Enabled")) == "true"}
            dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": enabled})
        if recovery := properties.get("PointInTimeRecoverySpecification"):
            enabled = {"PointInTimeRecoveryEnabled": _text(recovery.get("PointInTimeRecoveryEnabled")) == "true"}
            dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": enabled})

    def check(name: str, _: Properties) -> None:
        if _text((dynamodb._tables.get(name) or {}).get("DeletionProtectionEnabled")) == "true":
            raise ValueError(f"Resource cannot be deleted as it is currently protected against deletion: {name}")

    _after("AWS::DynamoDB::Table", apply)
    _before_delete("AWS::DynamoDB::Table", check)


def stack_function_properties() -> None:
    """Apply the reserved concurrency and the dead-letter queue of AWS::Lambda::Function.

    AWS: "AWS::Lambda::Function",
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html.
    ministack: drops them.
    """

    def apply(name: str, properties: Properties) -> None:
        function = lambda_svc._functions[name]
        reserved = properties.get("ReservedConcurrentExecutions")
        function["concurrency"] = None if reserved is None else int(reserved)
        if properties.get("DeadLetterConfig"):
            function["config"]["DeadLetterConfig"] = properties["DeadLetterConfig"]

    _after("AWS::Lambda::Function", apply)


def stack_mapping_numbers() -> None:
    """Read the numbers of AWS::Lambda::EventSourceMapping that come from parameters as numbers.

    AWS: "AWS::Lambda::EventSourceMapping",
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html:
    a parameter is text until its property says what it is.
    ministack: keeps the text; the mapping's poller then fails for ever, comparing a number with a text.
    """

    def convert(properties: Properties) -> None:
        for name in ("BatchSize", "MaximumBatchingWindowInSeconds"):
            if name in properties:
                properties[name] = int(properties[name])
        scaling = properties.get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])

    _before("AWS::Lambda::EventSourceMapping", convert)


def _after(resource_type: str, apply: Callable[[str, Properties], None]) -> None:
    """Call `apply(physical_id, properties)` when a resource has been created or updated."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]

    def followed(provision: Any, position: int) -> Any:
        def provisioned(*args: Any) -> Any:
            result = provision(*args)
            apply(result[0], args[position])
            return result

        return provisioned

    handlers["create"] = followed(handlers["create"], 1)
    handlers["update"] = followed(handlers["update"], 2)


def _before(resource_type: str, check: Callable[[Properties], None]) -> None:
    """Call `check(properties)`, which may raise ValueError, before a resource is created or updated."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]

    def preceded(provision: Any, position: int) -> Any:
        def provisioned(*args: Any) -> Any:
            check(args[position])
            return provision(*args)

        return provisioned

    handlers["create"] = preceded(handlers["create"], 1)
    handlers["update"] = preceded(handlers["update"], 2)


def _before_delete(resource_type: str, check: Callable[[str, Properties], None]) -> None:
    """Call `check(physical_id, properties)`, which may raise ValueError, before a resource is deleted."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    delete = handlers["delete"]

    def checked(physical_id: str, properties: Properties) -> None:
        check(physical_id, properties)
        delete(physical_id, properties)

    handlers["delete"] = checked


def _applied(put: Callable[[str, bytes], Response]) -> Callable[[str, bytes], None]:
    """Turn an error answer of S3 into the exception that fails a stack."""

    def apply(bucket: str, body: bytes) -> None:
        status, _, answer = put(bucket, body)
        if status >= 400:
            raise ValueError(f"{bucket}: {answer!r}")

    return apply


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or str(value) in ("True", "False") else str(value)


def _add(parent: Element, name: str, value: Any) -> None:
    """Append CloudFormation's JSON as the XML of S3's API; a list repeats the element."""
    for each in value if isinstance(value, list) else [value]:
        child = SubElement(parent, name)
        if isinstance(each, dict):
            for key, inner in each.items():
                _add(child, key, inner)
        else:
            child.text = _text(each)


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


GAPS = (
    stack_bucket_properties,
    stack_bucket_policies,
    stack_bucket_deletion,
    stack_role_deletion,
    stack_policy_deletion,
    stack_topic_properties,
    stack_table_properties,
    stack_function_properties,
    stack_mapping_numbers,
)
