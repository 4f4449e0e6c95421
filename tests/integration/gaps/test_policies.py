import pytest
from integration.gaps.world import EVERYTHING, A, Aws, B, C, document, name, refused


@pytest.mark.gap("policy_variables")
def test_each_account_reads_what_is_its_own(aws: Aws) -> None:
    allow = {
        "Principal": "*",
        "Action": "s3:GetObject",
        "Condition": {"StringEquals": {"aws:PrincipalAccount": [B, C]}},
    }
    bucket = aws.bucket(A, f"AWSLogs/{B}/x")
    own = f"arn:aws:s3:::{bucket}/AWSLogs/${{aws:PrincipalAccount}}/*"
    aws.root("s3", A).put_bucket_policy(Bucket=bucket, Policy=document({"Effect": "Allow", "Resource": own} | allow))
    aws.of(aws.user(B, EVERYTHING), "s3").get_object(Bucket=bucket, Key=f"AWSLogs/{B}/x")
    with refused("AccessDenied"):
        aws.of(aws.user(C, EVERYTHING), "s3").get_object(Bucket=bucket, Key=f"AWSLogs/{B}/x")


@pytest.mark.gap("condition_keys")
def test_a_policy_sees_the_role_and_the_bucket_owner(aws: Aws) -> None:
    only_buckets_of_a = EVERYTHING | {"Condition": {"StringEquals": {"aws:ResourceAccount": A}}}
    role_arn, session = aws.role_session(B, only_buckets_of_a, path="/delivery/")
    allow = {
        "Principal": {"AWS": B},
        "Action": "s3:*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": role_arn}, "Bool": {"aws:SecureTransport": "true"}},
    }
    bucket = aws.bucket(A, "x", allow=allow)
    aws.of(session, "s3").get_object(Bucket=bucket, Key="x")
    _, other = aws.role_session(B, EVERYTHING)
    with refused("AccessDenied"):
        aws.of(other, "s3").get_object(Bucket=bucket, Key="x")
    with refused("AccessDenied"):
        aws.of(session, "s3").get_object(Bucket=aws.bucket(B, "x"), Key="x")


@pytest.mark.gap("organizations")
def test_an_organisation_has_the_configured_accounts(aws: Aws) -> None:
    allow = {
        "Principal": "*",
        "Action": "s3:GetObject",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-distributary"}},
    }
    bucket = aws.bucket(A, "x", allow=allow)
    own_organization = EVERYTHING | {"Condition": {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}}
    aws.of(aws.user(B, own_organization), "s3").get_object(Bucket=bucket, Key="x")
    with refused("AccessDenied"):
        aws.of(aws.user(C, EVERYTHING), "s3").get_object(Bucket=bucket, Key="x")


@pytest.mark.gap("principal_wildcards")
def test_half_a_principal_is_nobody(aws: Aws) -> None:
    role_arn = aws.role(A, {"AWS": f"arn:aws:iam::{B}:user/*"})
    with refused("AccessDenied"):
        aws.assume(aws.user(B, EVERYTHING), role_arn)


@pytest.mark.gap("subscribe_conditions")
def test_a_topic_limits_who_subscribes_what(aws: Aws) -> None:
    sns = aws.root("sns", A)
    topic_arn = sns.create_topic(Name=name("topic"))["TopicArn"]
    _, queue_arn = aws.queue(B)
    _, other_queue_arn = aws.queue(B)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": B},
        "Action": "sns:Subscribe",
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"sns:Protocol": "sqs", "sns:Endpoint": queue_arn}},
    }
    sns.set_topic_attributes(TopicArn=topic_arn, AttributeName="Policy", AttributeValue=document(statement))
    subscriber = aws.of(aws.user(B, EVERYTHING), "sns")
    subscriber.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)
    with refused("AuthorizationError"):
        subscriber.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=other_queue_arn)


@pytest.mark.gap("batch_actions")
def test_who_may_send_may_send_a_batch(aws: Aws) -> None:
    url, queue_arn = aws.queue(A)
    topic_arn = aws.root("sns", A).create_topic(Name=name("topic"))["TopicArn"]
    user = aws.user(
        A, {"Effect": "Allow", "Action": ["sqs:SendMessage", "sns:Publish"], "Resource": [queue_arn, topic_arn]}
    )
    aws.of(user, "sqs").send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "log"}])
    aws.of(user, "sns").publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}])
    with refused("AccessDenied"):
        aws.of(user, "sqs").receive_message(QueueUrl=url)
