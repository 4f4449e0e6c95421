"""Accounts with users, roles, buckets and functions in them, made in a line each."""

import functools
import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from distributary_local.emulator import Emulator, session_of

A, B, C = "111111111111", "222222222222", "333333333333"
ORGANIZATIONS = {"o-distributary": [A, B]}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_numbers = itertools.count(1)


def name(kind: str) -> str:
    """Return a name that nothing else in this test session has."""
    return f"{kind}-{next(_numbers)}"


def document(*statements: dict[str, Any]) -> str:
    """Return a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """Expect AWS's refusal, by its error code; S3's answers to HEAD have only a status."""
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] in codes


def eventually(found: Callable[[], Any], seconds: float = 10) -> Any:
    """Ask until the answer is true, and return it; the last answer when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := found()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


@functools.lru_cache(maxsize=32)
def _root_client(emulator: Emulator, service: str, account_id: str) -> Any:
    return emulator.client(service, account_id)


@dataclass(frozen=True)
class Aws:
    """One local AWS."""

    emulator: Emulator

    def root(self, service: str, account_id: str) -> Any:
        """Return a client that may do everything in its account: for preparing a test, never for its question."""
        return _root_client(self.emulator, service, account_id)

    def of(self, session: boto3.Session, service: str) -> Any:
        """Return a client of a user or a role session."""
        return self.emulator.client_of(session, service)

    def user(self, account_id: str, *statements: dict[str, Any]) -> boto3.Session:
        """Return a session of a new IAM user with these permissions."""
        iam, user = self.root("iam", account_id), name("user")
        iam.create_user(UserName=user)
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return session_of(key["AccessKeyId"], key["SecretAccessKey"])

    def role(
        self, account_id: str, principal: Any, *statements: dict[str, Any], path: str = "/", **options: Any
    ) -> str:
        """Return the ARN of a new role that this principal may assume."""
        iam, role = self.root("iam", account_id), name("role")
        trust = document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
        made = iam.create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=trust, **options)
        if statements:
            iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document(*statements))
        return str(made["Role"]["Arn"])

    def assume(self, session: boto3.Session, role_arn: str, **options: Any) -> boto3.Session:
        """Return a session of the role; `options` go to AssumeRole."""
        asked = {"RoleArn": role_arn, "RoleSessionName": "test"} | options
        given = self.of(session, "sts").assume_role(**asked)["Credentials"]
        return session_of(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def role_session(self, account_id: str, *statements: dict[str, Any], path: str = "/") -> tuple[str, boto3.Session]:
        """Return a role's ARN and a session of it."""
        arn = self.role(account_id, {"AWS": account_id}, *statements, path=path)
        return arn, self.assume(self.user(account_id, EVERYTHING), arn)

    def bucket(self, account_id: str, *keys: str, allow: dict[str, Any] | None = None) -> str:
        """Return a new bucket with these keys and a policy that adds to `allow` its effect and resources."""
        s3, bucket = self.root("s3", account_id), name("bucket")
        s3.create_bucket(Bucket=bucket)
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=b"log")
        if allow:
            both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
            statement = {"Effect": "Allow", "Resource": both} | allow
            s3.put_bucket_policy(Bucket=bucket, Policy=document(statement))
        return bucket

    def queue(self, account_id: str, **attributes: str) -> tuple[str, str]:
        """Return the URL and the ARN of a new queue."""
        sqs = self.root("sqs", account_id)
        url = str(sqs.create_queue(QueueName=name("queue"), Attributes=attributes)["QueueUrl"])
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def messages(self, account_id: str, url: str, count: int = 1) -> list[Any]:
        """Return the messages in a queue, once there are as many as that or some seconds have passed."""
        sqs, found = self.root("sqs", account_id), list[Any]()

        def enough() -> bool:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            found.extend(answer.get("Messages", []))
            return len(found) >= count

        eventually(enough, 5)
        return found

    def count(self, account_id: str, url: str) -> int:
        """Return how many messages a queue holds, being processed or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        asked = self.root("sqs", account_id).get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(asked["Attributes"][name]) for name in names)

    def key(self, account_id: str, *statements: dict[str, Any]) -> str:
        """Return the ARN of a new KMS key; its account's root user always manages it, nobody else uses it."""
        root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"}, "Resource": "*"}
        policy = document(root | {"Action": ["kms:Put*", "kms:Describe*", "kms:Disable*"]}, *statements)
        return str(self.root("kms", account_id).create_key(Policy=policy)["KeyMetadata"]["Arn"])

    def function(self, account_id: str, code: str, *statements: dict[str, Any], **options: Any) -> str:
        """Return the name of a new function that calls `handler` of this code."""
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app.py", code)
        function = name("function")
        self.root("lambda", account_id).create_function(
            FunctionName=function,
            Role=self.role(account_id, {"Service": "lambda.amazonaws.com"}, *statements),
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": package.getvalue()},
            **options,
        )
        return function

    def invoke(self, account_id: str, function: str, event: Any = None) -> Any:
        """Return what the function answers."""
        answer = self.root("lambda", account_id).invoke(FunctionName=function, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def stack(self, account_id: str, **resources: dict[str, Any]) -> dict[str, str]:
        """Deploy the resources and return their physical IDs by logical ID; fail unless the stack is complete."""
        stack = name("stack")
        status = self.deploy(account_id, stack, **resources)
        assert status == "CREATE_COMPLETE", status
        found = self.root("cloudformation", account_id).describe_stack_resources(StackName=stack)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found} | {"stack": stack}

    def deploy(self, account_id: str, stack: str, **resources: dict[str, Any]) -> str:
        """Deploy the resources and return the status in which the stack ends."""
        cloudformation = self.root("cloudformation", account_id)
        template, capabilities = json.dumps({"Resources": resources}), ["CAPABILITY_IAM"]
        cloudformation.create_stack(StackName=stack, TemplateBody=template, Capabilities=capabilities)
        return self.settled(account_id, stack)

    def settled(self, account_id: str, stack: str) -> str:
        """Wait until nothing is in progress, and return the stack's status; DELETE_COMPLETE if it is gone."""

        def status() -> str:
            try:
                found = self.root("cloudformation", account_id).describe_stacks(StackName=stack)
            except ClientError:
                return "DELETE_COMPLETE"
            now = str(found["Stacks"][0]["StackStatus"])
            return "" if now.endswith("_IN_PROGRESS") else now

        return str(eventually(status, 20))
