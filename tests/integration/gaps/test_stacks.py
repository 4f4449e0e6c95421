from typing import Any

import pytest
from integration.gaps.world import EVERYTHING, A, Aws, B, C, document, eventually, name, refused


def resource(resource_type: str, **properties: Any) -> dict[str, Any]:
    return {"Type": resource_type, "Properties": properties}


@pytest.mark.gap("stack_bucket_properties")
def test_a_bucket_has_the_properties_of_its_template(aws: Aws) -> None:
    key_arn = aws.key(A)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    rules = [
        {"Id": "old", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
        {
            "Id": "parts",
            "Status": "Enabled",
            "Prefix": "AWSLogs/",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "Id": "logs",
            "Status": "Enabled",
            "ExpirationInDays": 400,
            "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}],
        },
    ]
    bucket = aws.stack(
        A,
        Bucket=resource(
            "AWS::S3::Bucket",
            BucketEncryption={"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": default}]},
            LifecycleConfiguration={"Rules": rules},
            OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
            Tags=[{"Key": "t", "Value": "1"}],
        ),
    )["Bucket"]
    s3 = aws.root("s3", A)
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"] == default
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "t", "Value": "1"}]
    old, parts, logs = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert old["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert (parts["Filter"], parts["AbortIncompleteMultipartUpload"]) == (
        {"Prefix": "AWSLogs/"},
        {"DaysAfterInitiation": 7},
    )
    assert (logs["Expiration"]["Days"], logs["Transitions"]) == (400, [{"Days": 90, "StorageClass": "GLACIER"}])


def test_what_ministack_does_not_drop(aws: Aws) -> None:
    """Notifications to EventBridge, Block Public Access and versioning: the design leans on them."""
    bucket = aws.stack(
        A,
        Bucket=resource(
            "AWS::S3::Bucket",
            NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": False},
            VersioningConfiguration={"Status": "Enabled"},
        ),
    )["Bucket"]
    s3 = aws.root("s3", A)
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert (block["BlockPublicAcls"], block["BlockPublicPolicy"]) == (True, False)


@pytest.mark.parametrize("statements", [1, 200], ids=["public", "over 20 KB"])
@pytest.mark.gap("stack_bucket_policies")
def test_a_bucket_policy_that_s3_would_refuse_fails_the_stack(aws: Aws, statements: int) -> None:
    bucket = aws.bucket(A)
    principal: Any = "*" if statements == 1 else {"AWS": B}
    allow = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = resource(
        "AWS::S3::BucketPolicy",
        Bucket=bucket,
        PolicyDocument={"Version": "2012-10-17", "Statement": [allow] * statements},
    )
    assert aws.deploy(A, name("stack"), Policy=policy) == "ROLLBACK_COMPLETE"


@pytest.mark.gap("stack_bucket_deletion")
def test_a_bucket_with_an_object_in_it_survives_its_stack(aws: Aws) -> None:
    made = aws.stack(A, Bucket=resource("AWS::S3::Bucket"))
    s3, cloudformation = aws.root("s3", A), aws.root("cloudformation", A)
    s3.put_object(Bucket=made["Bucket"], Key="x", Body=b"log")
    cloudformation.delete_stack(StackName=made["stack"])
    assert aws.settled(A, made["stack"]) == "DELETE_FAILED"
    s3.delete_object(Bucket=made["Bucket"], Key="x")
    cloudformation.delete_stack(StackName=made["stack"])
    assert aws.settled(A, made["stack"]) == "DELETE_COMPLETE"


TRUST = {"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"}
OWN = {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [EVERYTHING]}}


@pytest.mark.parametrize("kind", ["inline", "attached"])
@pytest.mark.gap("stack_role_deletion")
def test_a_role_with_a_policy_of_somebody_else_survives_its_stack(aws: Aws, kind: str) -> None:
    iam, cloudformation = aws.root("iam", A), aws.root("cloudformation", A)
    policy_arn = iam.create_policy(PolicyName=name("policy"), PolicyDocument=document(EVERYTHING))["Policy"]["Arn"]
    trust = {"Version": "2012-10-17", "Statement": [TRUST]}
    role = resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust, Policies=[OWN])
    made = aws.stack(A, Role=role)
    if kind == "inline":
        foreign = {"RoleName": made["Role"], "PolicyName": "foreign"}
        iam.put_role_policy(**foreign, PolicyDocument=document(EVERYTHING))
    else:
        iam.attach_role_policy(RoleName=made["Role"], PolicyArn=policy_arn)
    cloudformation.delete_stack(StackName=made["stack"])
    assert aws.settled(A, made["stack"]) == "DELETE_FAILED"
    if kind == "inline":
        iam.delete_role_policy(**foreign)
    else:
        iam.detach_role_policy(RoleName=made["Role"], PolicyArn=policy_arn)
    cloudformation.delete_stack(StackName=made["stack"])
    assert aws.settled(A, made["stack"]) == "DELETE_COMPLETE"


@pytest.mark.gap("stack_policy_deletion")
def test_a_policy_that_somebody_else_holds_survives_its_stack(aws: Aws) -> None:
    iam, cloudformation = aws.root("iam", A), aws.root("cloudformation", A)
    named, other = name("user"), name("user")
    for user in (named, other):
        iam.create_user(UserName=user)
    policy = resource("AWS::IAM::ManagedPolicy", PolicyDocument=OWN["PolicyDocument"], Users=[named])
    made = aws.stack(A, Policy=policy)
    iam.attach_user_policy(UserName=other, PolicyArn=made["Policy"])
    cloudformation.delete_stack(StackName=made["stack"])
    assert aws.settled(A, made["stack"]) == "DELETE_FAILED"
    iam.detach_user_policy(UserName=other, PolicyArn=made["Policy"])
    cloudformation.delete_stack(StackName=made["stack"])
    assert aws.settled(A, made["stack"]) == "DELETE_COMPLETE"


@pytest.mark.gap("stack_topic_properties")
def test_a_topic_is_its_owners(aws: Aws) -> None:
    topic_arn = aws.stack(A, Topic=resource("AWS::SNS::Topic", KmsMasterKeyId="alias/aws/sns"))["Topic"]
    attributes = aws.root("sns", A).get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    assert attributes["KmsMasterKeyId"] == "alias/aws/sns"
    aws.of(aws.user(A, EVERYTHING), "sns").publish(TopicArn=topic_arn, Message="m")
    with refused("AuthorizationError"):
        aws.of(aws.user(C, EVERYTHING), "sns").publish(TopicArn=topic_arn, Message="m")


@pytest.mark.gap("stack_subscriptions")
def test_a_stack_subscribes_to_another_accounts_topic_only_where_its_policy_allows(aws: Aws) -> None:
    sns = aws.root("sns", A)
    opened, closed = (sns.create_topic(Name=name("topic"))["TopicArn"] for _ in range(2))
    _, queue_arn = aws.queue(C)
    allow = {"Effect": "Allow", "Principal": {"AWS": C}, "Action": "sns:Subscribe", "Resource": opened}
    allow |= {"Condition": {"StringEquals": {"sns:Protocol": "sqs", "sns:Endpoint": queue_arn}}}
    sns.set_topic_attributes(TopicArn=opened, AttributeName="Policy", AttributeValue=document(allow))

    def subscription(topic_arn: str) -> dict[str, Any]:
        endpoint = {"Protocol": "sqs", "Endpoint": queue_arn}
        return resource("AWS::SNS::Subscription", TopicArn=topic_arn, RawMessageDelivery=True, **endpoint)

    def subscribed(topic_arn: str) -> list[str]:
        found = sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"]
        return [one["Endpoint"] for one in found]

    made = aws.stack(C, Subscription=subscription(opened))
    assert subscribed(opened) == [queue_arn]
    assert aws.deploy(C, name("stack"), Subscription=subscription(closed)) == "ROLLBACK_COMPLETE"
    aws.root("cloudformation", C).delete_stack(StackName=made["stack"])
    assert aws.settled(C, made["stack"]) == "DELETE_COMPLETE"
    assert subscribed(opened) == []


@pytest.mark.gap("stack_table_properties")
def test_a_table_expires_recovers_and_is_protected(aws: Aws) -> None:
    made = aws.stack(
        A,
        Table=resource(
            "AWS::DynamoDB::Table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "scope", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "scope", "AttributeType": "S"}],
            TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            DeletionProtectionEnabled=True,
        ),
    )
    dynamodb, table = aws.root("dynamodb", A), made["Table"]
    assert dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    aws.root("cloudformation", A).delete_stack(StackName=made["stack"])
    assert aws.settled(A, made["stack"]) == "DELETE_FAILED"


@pytest.mark.gap("stack_function_properties")
def test_a_function_keeps_its_reserved_concurrency_and_dead_letter_queue(aws: Aws) -> None:
    _, queue_arn = aws.queue(A)
    function = aws.stack(
        A,
        Function=resource(
            "AWS::Lambda::Function",
            Runtime="python3.13",
            Handler="index.handler",
            Role=aws.role(A, {"Service": "lambda.amazonaws.com"}),
            Code={"ZipFile": "def handler(event, context): pass"},
            ReservedConcurrentExecutions=3,
            DeadLetterConfig={"TargetArn": queue_arn},
        ),
    )["Function"]
    client = aws.root("lambda", A)
    assert client.get_function_concurrency(FunctionName=function)["ReservedConcurrentExecutions"] == 3
    assert client.get_function_configuration(FunctionName=function)["DeadLetterConfig"] == {"TargetArn": queue_arn}


@pytest.mark.gap("stack_mapping_numbers")
def test_a_mapping_works_with_numbers_from_parameters(aws: Aws) -> None:
    url, queue_arn = aws.queue(A)
    aws.root("sqs", A).send_message(QueueUrl=url, MessageBody="log")
    aws.stack(
        A,
        Mapping=resource(
            "AWS::Lambda::EventSourceMapping",
            FunctionName=aws.function(A, "def handler(event, context): pass", EVERYTHING),
            EventSourceArn=queue_arn,
            ScalingConfig={"MaximumConcurrency": "2"},
        ),
    )
    assert eventually(lambda: aws.count(A, url) == 0, 3)
