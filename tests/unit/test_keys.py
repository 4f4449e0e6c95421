import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from samples import LAYOUT, ORGANIZATION_ID, B, C

from distributary.keys import KNOWN_LOG_TYPES, KeyLayout, LogFile, UnroutedKey, metric_log_type, parse_key
from distributary.outcomes import Outcome

ORG, NONE = ORGANIZATION_ID, None
# Layouts as AWS documents them: docs/keys.md has the pages.
LAYOUTS = [
    (f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/{B}_CloudTrail_us-east-1_20261121T0605Z_Mu0KsOhtH1ar15ZZ.json.gz", "CloudTrail", "us-east-1"),
    (f"trails/AWSLogs/{B}/CloudTrail/us-gov-west-1/2026/11/21/{B}_CloudTrail_us-gov-west-1_20261121T0605Z_x.json.gz", "CloudTrail", "us-gov-west-1"),
    (f"AWSLogs/{B}/CloudTrail-Digest/us-east-1/2026/11/21/{B}_CloudTrail-Digest_us-east-1_trail_us-east-1_20261121T060500Z.json.gz", "CloudTrail-Digest", "us-east-1"),
    (f"AWSLogs/{B}/CloudTrail-Digest/us-east-1/2026/11/21/{B}_CloudTrail-Digest_us-east-1_trail_us-east-1_20261121T060500Z_backfill.json.gz", "CloudTrail-Digest", "us-east-1"),
    (f"AWSLogs/{B}/CloudTrail-Insight/us-east-1/2026/11/21/{B}_CloudTrail-Insight_us-east-1_20261121T0605Z_x.json.gz", "CloudTrail-Insight", "us-east-1"),
    (f"AWSLogs/{B}/CloudTrail-NetworkActivity/us-east-1/2026/11/21/{B}_CloudTrail-NetworkActivity_us-east-1_20261121T0605Z_x.json.gz", "CloudTrail-NetworkActivity", "us-east-1"),
    (f"AWSLogs/{B}/CloudTrail-Aggregated/us-east-1/2026/11/21/{B}_CloudTrail-Aggregated_us-east-1_20261121T0605Z_x.json.gz", "CloudTrail-Aggregated", "us-east-1"),
    (f"AWSLogs/{ORG}/{B}/CloudTrail/us-east-1/2026/11/21/{B}_CloudTrail_us-east-1_20261121T0605Z_x.json.gz", "CloudTrail", "us-east-1"),
    (f"{ORG}/AWSLogs/{ORG}/{B}/CloudTrail/us-east-1/2026/11/21/{B}_CloudTrail_us-east-1_20261121T0605Z_x.json.gz", "CloudTrail", "us-east-1"),
    (f"AWSLogs/{B}/Config/us-east-1/2026/1/9/ConfigHistory/{B}_Config_us-east-1_ConfigHistory_AWS::EC2::Instance_20260109T060713Z_20260109T060713Z_1.json.gz", "Config", "us-east-1"),
    (f"AWSLogs/{B}/Config/us-east-1/2026/1/9/ConfigSnapshot/{B}_Config_us-east-1_ConfigSnapshot_20260109T060713Z_0a1b.json.gz", "Config", "us-east-1"),
    (f"AWSLogs/{B}/vpcflowlogs/us-east-1/2026/11/21/{B}_vpcflowlogs_us-east-1_fl-1234abcd_20261121T0605Z_fe123456.log.gz", "vpcflowlogs", "us-east-1"),
    (f"AWSLogs/{B}/vpcflowlogs/us-east-1/2026/11/21/06/{B}_vpcflowlogs_us-east-1_fl-1234abcd_20261121T0605Z_fe123456.log.gz", "vpcflowlogs", "us-east-1"),
    (f"AWSLogs/aws-account-id={B}/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=11/day=21/hour=06/{B}_vpcflowlogs_us-east-1_fl-1234abcd_20261121T0605Z_fe123456.log.parquet", "vpcflowlogs", "us-east-1"),
    (f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/{B}_elasticloadbalancing_us-east-1_app.my-lb.1234567890abcdef_20261121T0605Z_192.0.2.1_20sg8hgm.log.gz", "elasticloadbalancing", "us-east-1"),
    (f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/conn_log_{B}_elasticloadbalancing_us-east-1_app.my-lb.1234567890abcdef_20261121T0605Z_192.0.2.1_20sg8hgm.log.gz", "elasticloadbalancing", "us-east-1"),
    (f"AWSLogs/{B}/GuardDuty/us-east-1/2026/11/21/01234567-89ab-cdef-0123-456789012345.jsonl.gz", "GuardDuty", "us-east-1"),
    (f"AWSLogs/{B}/WAFLogs/us-east-1/my-web-acl/2026/11/21/06/05/{B}_waflogs_us-east-1_my-web-acl_20261121T0605Z_e0ca43b5.log.gz", "WAFLogs", "us-east-1"),
    (f"AWSLogs/{B}/vpcdnsquerylogs/vpc-0123456789abcdef0/2026/11/21/vpc-0123456789abcdef0_vpcdnsquerylogs_{B}_20261121T0605Z_ab12cd34.log.gz", "vpcdnsquerylogs", NONE),
    (f"/AWSLogs/{B}/network-firewall/alert/us-east-1/my-firewall/2026/11/21/06/{B}_network-firewall_alert_us-east-1_my-firewall_202611210605_4a1b2c3d.log.gz", "network-firewall", "us-east-1"),
    (f"AWSLogs/{B}/redshift/us-east-1/2026/11/21/{B}_redshift_us-east-1_mycluster_userlog_2026-11-21T06:05.gz", "redshift", "us-east-1"),
    (f"AWSLogs/{B}/Macie/us-east-1/sensitivedata/0a1b2c3d.jsonl.gz", "Macie", "us-east-1"),
    (f"AWSLogs/{B}/BedrockModelInvocationLogs/us-east-1/2026/11/21/06/20261121T060500123Z_0a1b2c3d4e5f6071.json.gz", "BedrockModelInvocationLogs", "us-east-1"),
    (f"AWSLogs/{B}/SomeNewService/us-east-1/2026/11/21/file.gz", "SomeNewService", "us-east-1"),
    (f"AWSLogs/{B}/file-without-a-folder.gz", "Other", NONE),
    ("cdn/E2EXAMPLE.2026-11-21-06.abcd1234.gz", "Mapped", NONE),
]  # fmt: skip


@pytest.mark.parametrize(("key", "log_type", "region"), LAYOUTS, ids=[f"{one[1]}-{n}" for n, one in enumerate(LAYOUTS)])
def test_a_documented_layout_names_its_owner(key: str, log_type: str, region: str | None) -> None:
    assert parse_key(key, LAYOUT) == LogFile(key, B, log_type, region)


@pytest.mark.parametrize(
    "key",
    [
        f"AWSLogs/{B}/CloudTrail/AWSLogs/{C}/CloudTrail/f.gz",
        f"AWSLogs/{B}/AWSLogs/{B}/f.gz",
        f"AWSLogs/{B}/CloudTrail/notAWSLogs/f.gz",
        f"AWSLogs/AWSLogs/{B}/f.gz",
        f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/{C}_CloudTrail_us-east-1_20261121T0605Z_x.json.gz",
        f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/conn_log_{C}_elasticloadbalancing_us-east-1_x.log.gz",
        f"AWSLogs/{B}/vpcdnsquerylogs/vpc-1/2026/11/21/vpc-1_vpcdnsquerylogs_{C}_20261121T0605Z_ab12cd34.log.gz",
        f"AWSLogs/aws-account-id={B}/aws-service=vpcflowlogs/aws-account-id={C}/f.gz",
        f"AWSLogs/{B}/CloudTrail/aws-account-id={C}/f.gz",
        f"AWSLogs/{B}/CloudTrail/../../{C}/CloudTrail/f.gz",
        f"AWSLogs/{B}/./f.gz",
        f"cdn/AWSLogs/{C}/CloudTrail/f.gz",
    ],
)
def test_a_key_that_could_name_two_accounts_is_refused(key: str) -> None:
    got = parse_key(key, LAYOUT)
    assert isinstance(got, UnroutedKey)
    assert got.outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "key",
    [
        f"AWSLogs/{B}/Config/ConfigWritabilityCheckFile",
        f"AWSLogs/{B}/ELBAccessLogTestFile",
        f"AWSLogs/{B}/BedrockModelInvocationLogs/us-east-1/amazon-bedrock-logs-permission-check",
        f"AWSLogs/{B}/CloudTrail/",
        "AWSLogs/",
        "/",
    ],
)
def test_what_is_no_log_file_is_ignored(key: str) -> None:
    got = parse_key(key, LAYOUT)
    assert isinstance(got, UnroutedKey)
    assert got.outcome is Outcome.IGNORED


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "no AWSLogs/"),
        ("access-logs/2026-11-21-06-07-13-EXAMPLE", "no AWSLogs/"),
        (f"awslogs/{B}/CloudTrail/f.gz", "no AWSLogs/"),
        (f"elsewhere/AWSLogs/{B}/CloudTrail/f.gz", "'elsewhere/' is not among the key prefixes"),
        (f"//AWSLogs/{B}/CloudTrail/f.gz", "'//' is not among the key prefixes"),
        (f"AWSLogs/o-anotherorg1/{B}/CloudTrail/f.gz", "o-anotherorg1 is not the configured one"),
        ("AWSLogs/CloudTrail/f.gz", "'CloudTrail' stands where the account ID should"),
        ("AWSLogs/22222222222/CloudTrail/f.gz", "twelve digits"),
        ("AWSLogs/2222222222222/CloudTrail/f.gz", "twelve digits"),
        ("AWSLogs/２２２２２２２２２２２２/CloudTrail/f.gz", "twelve digits"),  # noqa: RUF001 - full-width digits
        (f"AWSLogs/ {B}/CloudTrail/f.gz", "twelve digits"),
        (f"AWSLogs//{B}/CloudTrail/f.gz", "twelve digits"),
        (f"AWSLogs/{ORG}/aws-account-id={B}/f.gz", "twelve digits"),
        (f"AWSLogs/aws-account-id=/{B}/f.gz", "twelve digits"),
        (f"AWSLogs/{ORG}", "twelve digits"),
        (f"AWSLogs/{B}", "names no file"),
    ],
)  # fmt: skip
def test_an_unroutable_key_says_what_is_missing(key: str, reason: str) -> None:
    got = parse_key(key, LAYOUT)
    assert isinstance(got, UnroutedKey)
    assert got.outcome is Outcome.UNROUTABLE
    assert reason in got.reason


def test_leading_zeros_of_an_account_id_stay() -> None:
    got = parse_key("AWSLogs/000000000012/CloudTrail/us-east-1/f.gz", LAYOUT)
    assert isinstance(got, LogFile)
    assert got.account_id == "000000000012"


def test_without_an_organisation_its_keys_are_unroutable() -> None:
    got = parse_key(f"AWSLogs/{ORG}/{B}/CloudTrail/f.gz", KeyLayout())
    assert isinstance(got, UnroutedKey)
    assert "OrganizationId" in got.reason


def test_the_longest_mapped_prefix_wins() -> None:
    got = parse_key("cdn/special/f.gz", KeyLayout(prefix_accounts={"cdn/": B, "cdn/special/": C, "cdn/spec/": B}))
    assert isinstance(got, LogFile)
    assert got.account_id == C


parts = st.sampled_from(
    [
        "AWSLogs",
        B,
        C,
        ORG,
        "o-anotherorg1",
        f"aws-account-id={B}",
        f"aws-account-id={C}",
        "CloudTrail",
        "us-east-1",
        "cdn",
        "trails",
        "",
        ".",
        "..",
        f"{B}_CloudTrail_f.gz",
        f"{C}_CloudTrail_f.gz",
        "ConfigWritabilityCheckFile",
    ]
)
hostile_keys = st.lists(parts, max_size=8).map("/".join) | st.text(st.characters(exclude_categories=()))


@given(hostile_keys)
@example("\x00")
@example("\ud800AWSLogs/")
@example("AWSLogs/" * 100_000)
def test_any_text_gets_an_answer(key: str) -> None:
    got = parse_key(key, LAYOUT)
    assert got.key == key
    assert isinstance(got, LogFile) or (got.outcome in ("ignored", "unroutable", "refused") and got.reason)


@given(hostile_keys)
def test_a_routed_key_holds_the_owner_where_iam_reads_it_and_nobody_else_there(key: str) -> None:
    """The bucket policy's patterns, written down once more: they must agree with the grammar on every routed key."""
    got = parse_key(key, LAYOUT)
    if not isinstance(got, LogFile) or got.log_type == "Mapped":
        return
    forms = ("AWSLogs/{}/", "AWSLogs/aws-account-id={}/", f"AWSLogs/{ORG}/{{}}/")
    readers = {account for account in (B, C) if any(form.format(account) in key for form in forms)}
    assert readers == {got.account_id}
    assert len(re.findall("AWSLogs/", key)) == 1


def test_metrics_know_a_bounded_number_of_log_types() -> None:
    assert metric_log_type("CloudTrail") == "CloudTrail"
    assert metric_log_type("SomeNewService") == "Other"
    assert len(KNOWN_LOG_TYPES) < 30
