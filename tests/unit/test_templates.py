"""What the templates promise, read as data: what no deployment to a local AWS can show."""

import json
import re
from typing import Any

import pytest
from samples import LAYOUT, A, B
from templates import ROOT, listed, load, resources, statements

from distributary.policies import listing_policy, session_policy
from distributary.subscriptions import CopyTarget, NotifyTarget, Subscription

PATHS = ["template.yaml", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("accounts/*/template.yaml"))]
MAIN = load("template.yaml")
every_template = pytest.mark.parametrize("path", PATHS)
every_function = pytest.mark.parametrize(
    ("function", "queue"), [("DeliverToOwner", "OwnerQueue"), ("FanOut", "ThirdPartyQueue")]
)


def policies(template: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every policy document of a template, with the name of its resource."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [properties.get("PolicyDocument"), properties.get("AssumeRolePolicyDocument")]
        documents += [properties.get("KeyPolicy")]
        documents += [one["PolicyDocument"] for one in properties.get("Policies", [])]
        found += [(name, document) for document in documents if document]
    return found


@every_template
def test_no_partition_is_spelled_out(path: str) -> None:
    text = "\n".join(line.partition(" #")[0] for line in (ROOT / path).read_text().splitlines())
    assert "arn:aws:" not in text
    assert "Fn::ForEach" not in text


@every_template
def test_every_parameter_and_output_is_described_and_every_parameter_used(path: str) -> None:
    template = load(path)
    described = {**template["Parameters"], **template["Outputs"]}
    assert [name for name, one in described.items() if len(one.get("Description", "")) < 15] == []
    text = (ROOT / path).read_text().partition("\nConditions:")[2]
    assert [name for name in template["Parameters"] if not re.search(rf"\b{name}\b", text)] == []


@every_template
def test_no_permission_is_a_wildcard_action(path: str) -> None:
    wide = [
        (name, action)
        for name, document in policies(load(path))
        for statement in statements(document)
        if statement["Effect"] == "Allow" and statement.get("Sid") != "Administration"  # a key's own account
        for action in listed(statement["Action"])
        if "*" in action and action != "kms:GenerateDataKey*"  # KMS's own spelling: with and without plaintext
    ]
    assert wide == []


@every_template
def test_no_role_has_a_managed_policy_or_a_resource_of_everything(path: str) -> None:
    for role in resources(load(path), "AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role
        for policy in role["Policies"]:
            allows = [one for one in statements(policy["PolicyDocument"]) if one["Effect"] == "Allow"]
            assert "*" not in [one["Resource"] for one in allows]


@every_template
def test_buckets_are_kept_private_encrypted_versioned_and_outlive_the_stack(path: str) -> None:
    template = load(path)
    for name, bucket in resources(template, "AWS::S3::Bucket").items():
        assert template["Resources"][name]["DeletionPolicy"] == "Retain"
        assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain"
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["BucketEncryption"]


@every_template
def test_buckets_queues_and_topics_take_requests_over_tls_only(path: str) -> None:
    template = load(path)
    guarded = [
        name
        for name, document in policies(template)
        for one in statements(document)
        if one["Effect"] == "Deny" and one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    kinds = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
    assert sorted(guarded) == sorted(name for kind in kinds for name in resources(template, kind))


def test_no_function_may_touch_s3_or_publish() -> None:
    """The comparing one lists the central bucket; it can't read there either."""
    roles = resources(MAIN, "AWS::IAM::Role")
    assert set(roles) == {"DeliverToOwnerRole", "FanOutRole", "ReconcileRole", "BackfillRole"}
    del roles["BackfillRole"]  # Step Functions' own, no function's
    for name, role in roles.items():
        [policy] = role["Policies"]
        actions = {action for one in statements(policy["PolicyDocument"]) for action in listed(one["Action"])}
        more = {"s3:ListBucket", "lambda:InvokeFunction"} if name == "ReconcileRole" else set()
        assert {action.partition(":")[0] for action in actions - more} == {"sts", "dynamodb", "sqs", "logs"}
        assert more <= actions


def test_a_function_becomes_delivery_roles_of_its_own_receivers_only() -> None:
    conditions = {
        name: [
            one["Condition"]["StringEquals"]
            for one in statements(role["Policies"][0]["PolicyDocument"])
            if one["Action"] == "sts:AssumeRole"
        ]
        for name, role in resources(MAIN, "AWS::IAM::Role").items()
    }
    in_the_organization, listed_ones = {"aws:ResourceOrgID": {"Ref": "OrganizationId"}}, {"Ref": "AccountIds"}
    owners = {"Fn::If": ["HasOrganization", in_the_organization, {"aws:ResourceAccount": listed_ones}]}
    third_parties = {"aws:ResourceAccount": {"Fn::Split": [",", {"Ref": "ThirdPartyAccountIds"}]}}
    assert conditions == {
        "DeliverToOwnerRole": [owners],
        "FanOutRole": [third_parties],
        "ReconcileRole": [owners, third_parties],
        "BackfillRole": [],
    }


def test_a_backfill_reads_and_writes_its_own_bucket_and_starts_nothing_but_itself() -> None:
    [policy] = resources(MAIN, "AWS::IAM::Role")["BackfillRole"]["Policies"]
    places = {one["Sid"]: json.dumps(one["Resource"]) for one in statements(policy["PolicyDocument"])}
    assert "BackfillBucket.Arn}/shards/*" in places["ReadTheShards"]
    assert "BackfillBucket.Arn}/results/*" in places["WriteTheResults"]
    assert all("${AWS::StackName}-backfill" in places[name] for name in ("StartBatches", "FollowBatches"))
    machine = resources(MAIN, "AWS::StepFunctions::StateMachine")["Backfill"]
    assert machine["StateMachineName"] == {"Fn::Sub": "${AWS::StackName}-backfill"}
    label = machine["Definition"]["States"]["CompareShards"]["Label"]
    assert f"-backfill/{label}:*" in places["FollowBatches"]  # the child executions' ARNs


def test_a_batch_may_take_as_long_as_the_function() -> None:
    states = resources(MAIN, "AWS::StepFunctions::StateMachine")["Backfill"]["Definition"]["States"]
    batch = states["CompareShards"]["ItemProcessor"]["States"]["CompareBatch"]
    assert batch["TimeoutSeconds"] > resources(MAIN, "AWS::Serverless::Function")["Reconcile"]["Timeout"]


@every_template
def test_every_permission_of_a_role_has_a_reason_above_it(path: str) -> None:
    text = (ROOT / path).read_text().partition("\nOutputs:")[0]
    for policies_of_a_role in text.split("      Policies:\n")[1:]:
        above, *statements_below = re.split(r"- Sid: ", policies_of_a_role.split("\n\n")[0])
        for name in statements_below:
            assert "#" in above, f"{path}: {name.splitlines()[0]} has no reason above it"
            above = name


@every_function
def test_the_visibility_timeout_is_six_times_the_functions(function: str, queue: str) -> None:
    timeout = resources(MAIN, "AWS::Serverless::Function")[function]["Timeout"]
    assert resources(MAIN, "AWS::SQS::Queue")[queue]["VisibilityTimeout"] == 6 * timeout


@pytest.mark.parametrize("queue", ["OwnerQueue", "ThirdPartyQueue"])
def test_a_message_outlives_its_retries_and_its_dead_letter_outlives_it(queue: str) -> None:
    queues, dead_letter_queue = resources(MAIN, "AWS::SQS::Queue"), queue.replace("Queue", "DeadLetterQueue")
    alive, dead = queues[queue], queues[dead_letter_queue]
    assert alive["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": f"{dead_letter_queue}.Arn"}
    retries = alive["RedrivePolicy"]["maxReceiveCount"] * alive["VisibilityTimeout"]
    assert retries < alive["MessageRetentionPeriod"] < dead["MessageRetentionPeriod"] == 14 * 86_400


@every_function
def test_a_message_fails_alone_and_what_is_left_of_it_returns_to_its_queue(function: str, queue: str) -> None:
    properties = resources(MAIN, "AWS::Serverless::Function")[function]
    event = properties["Events"][queue]["Properties"]
    assert event["Queue"] == {"Fn::GetAtt": f"{queue}.Arn"}
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties["Environment"]["Variables"]["QUEUE_URL"] == {"Ref": queue}


def test_every_alarm_tells_somebody_and_says_what_to_do() -> None:
    for name, alarm in resources(MAIN, "AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert len(alarm["AlarmDescription"]) > 60, name


def test_the_rule_sends_what_it_cannot_deliver_to_the_dead_letter_queue() -> None:
    targets = resources(MAIN, "AWS::Events::Rule")["LogFileCreatedRule"]["Targets"]
    dead_letters = [one.get("Fn::If", [None, one])[1]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"] for one in targets]
    assert dead_letters == ["OwnerDeadLetterQueue.Arn", "ThirdPartyDeadLetterQueue.Arn"]


def test_nothing_is_deployed_per_account() -> None:
    assert not re.search(r"[0-9]{12}", json.dumps(MAIN["Resources"]))


@pytest.mark.parametrize(
    ("folder", "trusted", "name"),
    [("owner", "DeliverToOwnerRoleArn", "deliver-to-owner"), ("third-party", "FanOutRoleArn", "fan-out")],
)
def test_a_delivery_role_trusts_its_stacks_functions_with_an_external_id(folder: str, trusted: str, name: str) -> None:
    """The one that delivers, and the one that compares."""
    role = resources(load(f"accounts/{folder}/template.yaml"), "AWS::IAM::Role")["DeliveryRole"]
    [trust] = statements(role["AssumeRolePolicyDocument"])
    assert trust["Condition"] == {
        "ArnEquals": {
            "aws:PrincipalArn": [
                {"Ref": trusted},
                {"Fn::Join": ["reconcile", {"Fn::Split": [name, {"Ref": trusted}]}]},
            ]
        },
        "StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}},
    }


def test_a_third_partys_side_is_an_owners_for_another_function() -> None:
    """One is a copy of the other: what is mended in one must be mended in both."""
    owner, third_party = (load(f"accounts/{folder}/template.yaml") for folder in ("owner", "third-party"))
    described = [one["Resources"]["DeliveryRole"]["Properties"].pop("Description") for one in (owner, third_party)]
    assert described[0] != described[1]
    assert owner.pop("Description") != third_party.pop("Description")
    text = json.dumps(owner).replace("DeliverToOwnerRoleArn", "FanOutRoleArn").replace("deliver-to-owner", "fan-out")
    assert json.loads(text) == third_party


def test_a_session_policys_actions_are_those_of_the_delivery_role() -> None:
    """Those of its two: the one that delivers, and the one that compares. The role has no other."""
    subscription = Subscription(
        name="everything",
        account_id=B,
        delivery_role_arn=f"arn:aws:iam::{B}:role/distributary-delivery",
        external_id="anything",
        copy_to=CopyTarget("bucket", "us-east-1", kms_key_arn=f"arn:aws:kms:us-east-1:{B}:key/bucket"),
        notify=NotifyTarget(f"arn:aws:sns:us-east-1:{B}:topic", kms_key_arn=f"arn:aws:kms:us-east-1:{B}:key/topic"),
    )
    session = json.loads(session_policy(subscription, "central", LAYOUT, [f"arn:aws:kms:us-east-1:{A}:key/logs"]))
    session["Statement"] += json.loads(listing_policy(subscription))["Statement"]
    [role] = resources(load("accounts/owner/template.yaml"), "AWS::IAM::Role").values()
    [policy] = role["Policies"]
    allowed = [
        sorted(tuple(sorted(listed(one["Action"]))) for one in document["Statement"])
        for document in (session, {"Statement": statements(policy["PolicyDocument"])})
    ]
    assert allowed[0] == allowed[1]


def test_a_topic_for_an_account_is_for_no_other() -> None:
    policy = resources(load("accounts/topics/template.yaml"), "AWS::SNS::TopicPolicy")["TopicPolicy"]
    allows = [one for one in statements(policy["PolicyDocument"]) if one["Effect"] == "Allow"]
    assert [one["Principal"] for one in allows] == [{"AWS": {"Ref": "ReceivingAccountId"}}] * 3
    assert [one["Action"] for one in allows] == ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes"]
