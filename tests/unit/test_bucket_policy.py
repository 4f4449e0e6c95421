"""The central bucket's policy against the grammar: whom its patterns let read a key is whom the key belongs to."""

import fnmatch
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from samples import LAYOUT, ORGANIZATION_ID, B, C, Z
from templates import listed, load, resources, statements

from distributary.keys import LogFile, parse_key

STATEMENTS = {
    one.get("Sid"): one
    for one in statements(
        resources(load("template.yaml"), "AWS::S3::BucketPolicy")["CentralBucketPolicy"]["PolicyDocument"]
    )
}
PARTS = ["AWSLogs", "notAWSLogs", B, C, ORGANIZATION_ID, "o-anotherorg1", f"aws-account-id={B}", f"aws-account-id={C}"]
PARTS += ["CloudTrail", "trails", "elsewhere", "", f"{B}_CloudTrail_f.gz", f"{C}_CloudTrail_f.gz"]
keys = st.lists(st.sampled_from(PARTS), max_size=8).map("/".join)


def patterns(sid: str, account_id: str) -> list[str]:
    """The resource patterns of a statement as S3 sees them for a caller of an account, without the bucket's ARN."""
    subs = [one.get("Fn::If", [None, one])[1]["Fn::Sub"] for one in listed(STATEMENTS[sid]["Resource"])]
    filled = [
        one.replace("${OrganizationId}", ORGANIZATION_ID).replace("${!aws:PrincipalAccount}", account_id)
        for one in subs
    ]
    return [one.removeprefix("${CentralBucket.Arn}/") for one in filled]


def matches(sid: str, account_id: str, key: str) -> bool:
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns(sid, account_id))


def may_read(account_id: str, key: str) -> bool:
    denied = matches("NobodyElseUsesForgedKeys", account_id, key)
    return matches("OwnersReadTheirOwn", account_id, key) and not denied


@given(keys)
def test_a_routed_key_is_readable_by_its_owner_alone(key: str) -> None:
    parsed = parse_key(key, LAYOUT)
    if isinstance(parsed, LogFile):
        assert [account for account in (B, C) if may_read(account, key)] == [parsed.account_id]


@given(keys)
def test_no_key_at_all_is_readable_by_two_accounts(key: str) -> None:
    assert not (may_read(B, key) and may_read(C, key))


@given(keys)
def test_a_third_party_reads_every_key_that_could_not_name_two_accounts(key: str) -> None:
    denied = [matches(sid, Z, key) for sid in ("NobodyElseUsesForgedKeys", "NoDeliveryRoleReadsForgedKeys")]
    assert matches("ThirdPartiesReadEverything", Z, key)
    assert denied == [key.count("AWSLogs/") > 1] * 2


def test_third_parties_are_named_and_only_their_delivery_roles_read() -> None:
    statement = STATEMENTS["ThirdPartiesReadEverything"]
    assert statement["Principal"] == {"AWS": {"Fn::Split": [",", {"Ref": "ThirdPartyAccountIds"}]}}
    assert statement["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    assert statement["Condition"]["ArnLike"] == STATEMENTS["OwnersReadTheirOwn"]["Condition"]["ArnLike"]


def test_only_the_delivery_role_of_the_organisation_or_of_the_listed_accounts_reads() -> None:
    condition: dict[str, Any] = STATEMENTS["OwnersReadTheirOwn"]["Condition"]
    assert condition["ArnLike"]["aws:PrincipalArn"]["Fn::Sub"].endswith(":role/${DeliveryRoleName}")
    assert condition["StringEquals"]["Fn::If"] == [
        "HasOrganization",
        {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}},
        {"aws:PrincipalAccount": {"Ref": "AccountIds"}},
    ]


def test_nobody_may_list_delete_or_change_anything() -> None:
    allowed = {action for one in STATEMENTS.values() if one["Effect"] == "Allow" for action in listed(one["Action"])}
    assert allowed == {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:GetBucketAcl", "s3:ListBucket"}
    services = [one for one in STATEMENTS.values() if "s3:ListBucket" in listed(one["Action"])]
    assert [list(one["Principal"]) for one in services] == [["Service"]]
