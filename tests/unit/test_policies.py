import fnmatch
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import CENTRAL_BUCKET, LAYOUT, A, B, C, Z, plain_subscription, subscription

from distributary.keys import KeyLayout, LogFile, parse_key
from distributary.policies import SessionPolicyTooLongError, owned_resources, session_policy
from distributary.subscription_forms import from_mapping


def statements(**changes: Any) -> list[dict[str, Any]]:
    text = session_policy(subscription(B, **changes), CENTRAL_BUCKET, LAYOUT, ())
    return json.loads(text)["Statement"]  # type: ignore[no-any-return]


def test_a_session_reads_its_owners_prefixes_and_no_others() -> None:
    read = statements()[0]
    assert read["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    assert len(read["Resource"]) == 3 * 4 + 1
    assert all(B in resource or resource.endswith("/cdn/*") for resource in read["Resource"])
    assert not any(C in resource for resource in read["Resource"])


def test_a_session_writes_its_bucket_and_prefix_and_nowhere_else() -> None:
    target = {"bucket": "logs", "region": "us-east-1", "prefix": "audit/"}
    assert statements(copy_to=target)[1] == {
        "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
        "Resource": ["arn:aws:s3:::logs/audit/*"],
    }


def test_without_keys_nothing_is_said_of_kms() -> None:
    assert "kms:" not in json.dumps(statements())


def test_the_named_keys_and_only_those_may_be_used() -> None:
    ours, theirs = "arn:aws:kms:us-east-1:111111111111:key/1", f"arn:aws:kms:us-east-1:{B}:key/2"
    target = {"bucket": "logs", "region": "us-east-1", "kms_key_arn": theirs}
    text = session_policy(subscription(B, copy_to=target), CENTRAL_BUCKET, LAYOUT, [ours])
    kms = [one for one in json.loads(text)["Statement"] if one["Action"][0].startswith("kms:")]
    assert [(one["Action"], one["Resource"]) for one in kms] == [
        (["kms:Decrypt"], [ours]),
        (["kms:GenerateDataKey", "kms:Decrypt"], [theirs]),
    ]


def test_the_partition_follows_the_delivery_role() -> None:
    role = f"arn:aws-us-gov:iam::{B}:role/distributary-delivery"
    assert "arn:aws:" not in json.dumps(statements(delivery_role_arn=role))


def test_no_action_is_a_wildcard() -> None:
    assert not any("*" in action for one in statements() for action in one["Action"])


def test_a_notifying_session_publishes_to_its_topic_and_may_list_its_copies() -> None:
    topic = f"arn:aws:sns:us-east-1:{B}:log-files"
    _, _, publish, look = statements(notify={"topic_arn": topic})
    assert (publish["Action"], publish["Resource"]) == (["sns:Publish"], [topic])
    assert (look["Action"], look["Resource"]) == (["s3:ListBucketVersions"], [f"arn:aws:s3:::owner-logs-{B}"])


def test_a_session_that_only_notifies_writes_nowhere() -> None:
    plain = plain_subscription(B, notify={"topic_arn": f"arn:aws:sns:us-east-1:{A}:for-b"})
    del plain["copy_to"]
    text = session_policy(from_mapping(plain), CENTRAL_BUCKET, LAYOUT, ())
    actions = [action for one in json.loads(text)["Statement"] for action in one["Action"]]
    assert actions == ["s3:GetObject", "s3:GetObjectVersion", "sns:Publish"]


def test_a_topics_key_is_named_beside_it() -> None:
    key = f"arn:aws:kms:us-east-1:{B}:key/3"
    made = statements(notify={"topic_arn": f"arn:aws:sns:us-east-1:{B}:log-files", "kms_key_arn": key})
    assert {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": [key]} in made


def test_a_third_partys_session_reads_everything_but_forged_keys() -> None:
    text = session_policy(subscription(Z, scope="all"), CENTRAL_BUCKET, LAYOUT, ())
    read, write, deny = json.loads(text)["Statement"]
    assert read["Resource"] == [f"arn:aws:s3:::{CENTRAL_BUCKET}/*"]
    assert write["Resource"] == [f"arn:aws:s3:::owner-logs-{Z}/*"]
    assert (deny["Effect"], deny["Resource"]) == ("Deny", f"arn:aws:s3:::{CENTRAL_BUCKET}/*AWSLogs/*AWSLogs/*")


def test_many_prefixes_become_any_prefix_and_the_second_root_is_denied() -> None:
    layout = KeyLayout(
        key_prefixes=tuple(f"team-{number:02d}/" for number in range(20)), organization_id="o-exampleorg"
    )
    text = session_policy(subscription(B), CENTRAL_BUCKET, layout, ())
    assert len(text) <= 2048
    read, *_, deny = json.loads(text)["Statement"]
    assert [one.partition("/")[2] for one in read["Resource"]] == [
        f"*AWSLogs/{B}/*",
        f"*AWSLogs/aws-account-id={B}/*",
        f"*AWSLogs/o-exampleorg/{B}/*",
    ]
    assert (deny["Effect"], deny["Resource"]) == ("Deny", f"arn:aws:s3:::{CENTRAL_BUCKET}/*AWSLogs/*AWSLogs/*")


def test_the_longest_usual_policy_fits() -> None:
    layout = KeyLayout(("", "/", "o-exampleorg/", "trails/"), "o-" + "x" * 32)
    target = {"bucket": "b" * 63, "region": "us-east-1", "kms_key_arn": f"arn:aws:kms:us-east-1:{B}:key/{'k' * 36}"}
    ours = f"arn:aws:kms:us-east-1:111111111111:key/{'k' * 36}"
    assert len(session_policy(subscription(B, copy_to=target), "c" * 63, layout, [ours])) <= 2048


def test_a_policy_that_sts_would_refuse_is_refused_here_with_its_reason() -> None:
    layout = KeyLayout(prefix_accounts={f"mapped-{number:03d}/": B for number in range(60)})
    with pytest.raises(SessionPolicyTooLongError, match="fewer mapped prefixes"):
        session_policy(subscription(B), CENTRAL_BUCKET, layout, ())


@given(
    prefix=st.sampled_from(["", "trails/", "o-exampleorg/", "cdn/", "elsewhere/"]),
    organization=st.sampled_from(["", "o-exampleorg/", "o-another/"]),
    account=st.sampled_from([B, C, f"aws-account-id={B}", f"aws-account-id={C}"]),
    rest=st.sampled_from(["CloudTrail/us-east-1/f.json.gz", f"AWSLogs/{C}/f", f"{C}_CloudTrail_x.gz", "", "x//y"]),
)
def test_every_key_that_is_routed_to_b_may_be_read_by_bs_session_and_no_key_of_c(
    prefix: str, organization: str, account: str, rest: str
) -> None:
    key = f"{prefix}AWSLogs/{organization}{account}/{rest}"
    parsed = parse_key(key, LAYOUT)
    if not isinstance(parsed, LogFile):
        return
    readable = {owner: _matches(owner, key) for owner in (B, C)}
    assert readable == {B: parsed.account_id == B, C: parsed.account_id == C}


def _matches(account_id: str, key: str) -> bool:
    patterns = owned_resources(subscription(account_id), CENTRAL_BUCKET, LAYOUT)
    return any(fnmatch.fnmatchcase(f"arn:aws:s3:::{CENTRAL_BUCKET}/{key}", pattern) for pattern in patterns)
