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
    return [filled_in(one, account_id).removeprefix("${CentralBucket.Arn}/") for one in subs]


def filled_in(text: str, account_id: str) -> str:
    """What is left of a text of the template when CloudFormation and S3 have filled in its variables."""
    text = text.replace("${OrganizationId}", ORGANIZATION_ID).replace("${!", "${")
    return text.replace("${aws:PrincipalAccount}", account_id)


def matches(sid: str, account_id: str, key: str) -> bool:
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns(sid, account_id))


def may_read(account_id: str, key: str) -> bool:
    denied = matches("NobodyElseUsesForgedKeys", account_id, key)
    return matches("OwnersReadTheirOwn", account_id, key) and not denied


def lists(account_id: str, prefix: str) -> bool:
    """Whether DirectAccess lets an account list this prefix."""
    condition = STATEMENTS["OwnersListTheirOwnDirectly"]["Condition"]
    subs = [
        one.get("Fn::If", [None, one])[1] if isinstance(one, dict) else one
        for one in condition["StringLike"]["s3:prefix"]
    ]
    texts = [one["Fn::Sub"] if isinstance(one, dict) else one for one in subs]
    filled = [filled_in(one, account_id) for one in texts]
    forged = condition["StringNotLike"]["s3:prefix"]
    return any(fnmatch.fnmatchcase(prefix, one) for one in filled) and not fnmatch.fnmatchcase(prefix, forged)


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


def test_who_reads_directly_reads_what_its_delivery_role_reads_and_is_not_of_account_a() -> None:
    condition = STATEMENTS["OwnersReadTheirOwn"]["Condition"]
    for sid in ("OwnersReadTheirOwnDirectly", "OwnersListTheirOwnDirectly"):
        assert STATEMENTS[sid]["Principal"] == STATEMENTS["OwnersReadTheirOwn"]["Principal"]
        assert STATEMENTS[sid]["Condition"]["StringEquals"] == condition["StringEquals"]
        assert STATEMENTS[sid]["Condition"]["StringNotEquals"] == {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}
    assert patterns("OwnersReadTheirOwnDirectly", B) == patterns("OwnersReadTheirOwn", B)


@given(keys, st.sampled_from([B, C]))
def test_who_lists_directly_finds_nothing_but_what_it_reads(prefix: str, account_id: str) -> None:
    """Whatever prefix is asked for, every key below it is one that the account may read, or a forged one."""
    if lists(account_id, prefix):
        assert may_read(account_id, f"{prefix}x")
        assert not lists(C if account_id == B else B, prefix)


def test_nobody_may_delete_or_change_anything_and_listing_is_for_services_and_direct_readers() -> None:
    allowed = {action for one in STATEMENTS.values() if one["Effect"] == "Allow" for action in listed(one["Action"])}
    assert allowed == {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:GetBucketAcl", "s3:ListBucket"}
    listers = [one for one in STATEMENTS.values() if "s3:ListBucket" in listed(one["Action"])]
    assert [one["Sid"] for one in listers] == ["OwnersListTheirOwnDirectly", "ServicesCheckTheBucket"]
    assert list(STATEMENTS["ServicesCheckTheBucket"]["Principal"]) == ["Service"]
