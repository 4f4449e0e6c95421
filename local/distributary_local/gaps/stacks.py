"""CloudFormation: what ministack drops of other resources than buckets, and deletes too easily."""

import json

from ministack.core.responses import get_account_id
from ministack.services import dynamodb, iam, lambda_svc, sns

from distributary_local.gaps.stack_hooks import Properties, after, before, before_delete, text


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

    before_delete("AWS::IAM::Role", check)


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

    before_delete("AWS::IAM::ManagedPolicy", check)


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
                attributes[name] = text(properties[name])
        policy = json.loads(attributes["Policy"])
        for statement in policy["Statement"]:
            if statement.get("Sid") == "__default_statement_ID":
                statement["Condition"] = {"StringEquals": {"AWS:SourceOwner": get_account_id()}}
        attributes["Policy"] = json.dumps(policy)

    after("AWS::SNS::Topic", apply)


def stack_table_properties() -> None:
    """Apply the time to live, the point-in-time recovery and the deletion protection of AWS::DynamoDB::Table.

    AWS: "AWS::DynamoDB::Table",
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html.
    ministack: drops the first two and deletes a protected table.
    Not shown: SSESpecification, resource policies, a restore.
    """

    def apply(name: str, properties: Properties) -> None:
        if ttl := properties.get("TimeToLiveSpecification"):
            enabled = {"AttributeName": ttl.get("AttributeName"), "Enabled": text(ttl.get("Enabled")) == "true"}
            dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": enabled})
        if recovery := properties.get("PointInTimeRecoverySpecification"):
            enabled = {"PointInTimeRecoveryEnabled": text(recovery.get("PointInTimeRecoveryEnabled")) == "true"}
            dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": enabled})

    def check(name: str, _: Properties) -> None:
        if text((dynamodb._tables.get(name) or {}).get("DeletionProtectionEnabled")) == "true":
            raise ValueError(f"Resource cannot be deleted as it is currently protected against deletion: {name}")

    after("AWS::DynamoDB::Table", apply)
    before_delete("AWS::DynamoDB::Table", check)


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

    after("AWS::Lambda::Function", apply)


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

    before("AWS::Lambda::EventSourceMapping", convert)


GAPS = (
    stack_role_deletion,
    stack_policy_deletion,
    stack_topic_properties,
    stack_table_properties,
    stack_function_properties,
    stack_mapping_numbers,
)
