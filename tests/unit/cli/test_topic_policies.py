from typing import Any

import pytest
from samples import A, B, C

from distributary_cli.topic_policies import denies_publishing, may_publish

ROLE = f"arn:aws:iam::{B}:role/receivers/distributary-delivery"
TOPIC = f"arn:aws:sns:eu-west-1:{A}:log-files"


def policy(**changes: Any) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sns:Publish", "Resource": TOPIC}
    return {"Version": "2012-10-17", "Statement": [allow | changes]}


THE_DEFAULT = {
    "Version": "2008-10-17",
    "Id": "__default_policy_ID",
    "Statement": [
        {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["SNS:GetTopicAttributes", "SNS:Subscribe", "SNS:Publish"],
            "Resource": TOPIC,
            "Condition": {"StringEquals": {"AWS:SourceOwner": A}},
        }
    ],
}
OUR_TEMPLATE_S = policy(Principal={"AWS": B}, Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})


@pytest.mark.parametrize(
    "said",
    [
        policy(),
        policy(Principal="*"),
        policy(Principal={"AWS": ["*"]}),
        policy(Principal={"AWS": [C, B]}),
        policy(Principal={"AWS": f"arn:aws:iam::{B}:root"}),
        policy(Action=["SNS:Subscribe", "SNS:Publish"]),
        policy(Action="sns:*"),
        policy(Action="*"),
        policy(Action="SNS:Pub*"),
        {"Statement": policy()["Statement"][0]},
        {"Statement": [*THE_DEFAULT["Statement"], *policy()["Statement"]]},
        OUR_TEMPLATE_S,
        policy(Resource="*"),
        policy(Resource=["arn:aws:sns:eu-west-1:*:other", f"arn:aws:sns:*:{A}:log-*"]),
        policy(
            Principal="*", Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*distributary-delivery"}}
        ),
        policy(Principal="*", Condition={"StringEquals": {"aws:PrincipalAccount": [C, B]}}),
        policy(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg"}}),
        policy(Principal="*", Condition={"StringNotEquals": {"aws:PrincipalAccount": B}}),
        {"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": C}, "NotAction": "sns:Subscribe", "Resource": "*"}]},
    ],
)
def test_what_can_mean_the_role_lets_it_publish(said: dict[str, Any]) -> None:
    assert may_publish(said, TOPIC, ROLE)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Statement": []},
        THE_DEFAULT,
        policy(Effect="Deny"),
        policy(Action="sns:Subscribe"),
        policy(Action=[]),
        policy(Principal={"AWS": C}),
        policy(Principal={"AWS": [A, f"arn:aws:iam::{C}:root"]}),
        policy(Principal={"AWS": ROLE + "-2"}),
        policy(Resource=f"{TOPIC}-2"),
        policy(Resource=[]),
        {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "NotResource": TOPIC}]},
        policy(Principal={"Service": "s3.amazonaws.com"}),
        policy(Principal={"AWS": B}, Condition={"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{B}:role/other"}}),
        policy(Principal="*", Condition={"StringEquals": {"aws:PrincipalAccount": C}}),
        {"Statement": [{"Effect": "Allow", "Principal": "*", "NotAction": "sns:Publish", "Resource": "*"}]},
    ],
)
def test_what_cannot_mean_the_role_does_not(said: dict[str, Any]) -> None:
    assert not may_publish(said, TOPIC, ROLE)


def deny(**changes: Any) -> dict[str, Any]:
    return {"Statement": [*policy()["Statement"], *policy(Effect="Deny", **changes)["Statement"]]}


@pytest.mark.parametrize(
    "said",
    [
        deny(),
        deny(Principal="*"),
        deny(Principal={"AWS": [C, B]}),
        deny(Principal={"AWS": f"arn:aws:iam::{B}:root"}),
        deny(Action="sns:*", Resource="*", Condition={}),
    ],
)
def test_a_deny_without_conditions_that_means_the_role_denies_it(said: dict[str, Any]) -> None:
    assert denies_publishing(said, TOPIC, ROLE)


@pytest.mark.parametrize(
    "said",
    [
        {},
        policy(),
        THE_DEFAULT,
        deny(Principal={"AWS": C}),
        deny(Action="sns:Subscribe"),
        deny(Resource=f"{TOPIC}-2"),
        deny(Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
        {"Statement": {"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "sns:Publish", "Resource": "*"}},
    ],
)
def test_what_denies_others_or_something_else_does_not_deny_it(said: dict[str, Any]) -> None:
    assert not denies_publishing(said, TOPIC, ROLE)
