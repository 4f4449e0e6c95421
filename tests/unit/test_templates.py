"""What the templates promise, read as data: what no deployment to a local AWS can show."""

import json
import re
from typing import Any

import pytest
from templates import ROOT, listed, load, resources, statements

PATHS = ["template.yaml", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("accounts/*/template.yaml"))]
MAIN = load("template.yaml")
every_template = pytest.mark.parametrize("path", PATHS)


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
            assert "*" not in [one["Resource"] for one in statements(policy["PolicyDocument"])]


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
def test_buckets_and_queues_take_requests_over_tls_only(path: str) -> None:
    template = load(path)
    guarded = [
        name
        for name, document in policies(template)
        for one in statements(document)
        if one["Effect"] == "Deny" and one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    holders = resources(template, "AWS::S3::BucketPolicy") | resources(template, "AWS::SQS::QueuePolicy")
    assert sorted(guarded) == sorted(holders)


def test_the_function_may_not_touch_s3_at_all() -> None:
    [policy] = resources(MAIN, "AWS::IAM::Role")["DeliverToOwnerRole"]["Policies"]
    actions = {action for one in statements(policy["PolicyDocument"]) for action in listed(one["Action"])}
    assert not any(action.startswith("s3:") for action in actions)


@every_template
def test_every_permission_of_a_role_has_a_reason_above_it(path: str) -> None:
    text = (ROOT / path).read_text().partition("\nOutputs:")[0]
    for policies_of_a_role in text.split("      Policies:\n")[1:]:
        above, *statements_below = re.split(r"- Sid: ", policies_of_a_role.split("\n\n")[0])
        for name in statements_below:
            assert "#" in above, f"{path}: {name.splitlines()[0]} has no reason above it"
            above = name


def test_the_visibility_timeout_is_six_times_the_functions() -> None:
    function = resources(MAIN, "AWS::Serverless::Function")["DeliverToOwner"]
    assert resources(MAIN, "AWS::SQS::Queue")["OwnerQueue"]["VisibilityTimeout"] == 6 * function["Timeout"]


def test_a_message_outlives_its_retries_and_its_dead_letter_outlives_it() -> None:
    queues = resources(MAIN, "AWS::SQS::Queue")
    owner, dead = queues["OwnerQueue"], queues["OwnerDeadLetterQueue"]
    assert owner["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": "OwnerDeadLetterQueue.Arn"}
    retries = owner["RedrivePolicy"]["maxReceiveCount"] * owner["VisibilityTimeout"]
    assert retries < owner["MessageRetentionPeriod"] < dead["MessageRetentionPeriod"] == 14 * 86_400


def test_a_message_fails_alone() -> None:
    events = resources(MAIN, "AWS::Serverless::Function")["DeliverToOwner"]["Events"]
    assert events["OwnerQueue"]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_alarm_tells_somebody_and_says_what_to_do() -> None:
    for name, alarm in resources(MAIN, "AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert len(alarm["AlarmDescription"]) > 60, name


def test_the_rule_sends_what_it_cannot_deliver_to_the_dead_letter_queue() -> None:
    [target] = resources(MAIN, "AWS::Events::Rule")["LogFileCreatedRule"]["Targets"]
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": "OwnerDeadLetterQueue.Arn"}


def test_nothing_is_deployed_per_account() -> None:
    assert not re.search(r"[0-9]{12}", json.dumps(MAIN["Resources"]))


def test_the_delivery_role_trusts_one_role_with_an_external_id() -> None:
    role = resources(load("accounts/owner/template.yaml"), "AWS::IAM::Role")["DeliveryRole"]
    [trust] = statements(role["AssumeRolePolicyDocument"])
    assert trust["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": {"Ref": "DeliverToOwnerRoleArn"}},
        "StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}},
    }
