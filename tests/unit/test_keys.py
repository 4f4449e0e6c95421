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
    (f"AWSLogs/{B}/vpcflowlogs/us-east-1/2026/11/21/{B}_vpcflowlogs_us-east-1_fl-4bbad5b1_tgw-0123456789abcdef0_20261121T0605Z_fe123456.log.gz", "vpcflowlogs", "us-east-1"),
    (f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/{B}_elasticloadbalancing_us-east-1_app.my-lb.1234567890abcdef_20261121T0605Z_192.0.2.1_20sg8hgm.log.gz", "elasticloadbalancing", "us-east-1"),
    (f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/conn_log_{B}_elasticloadbalancing_us-east-1_app.my-lb.1234567890abcdef_20261121T0605Z_192.0.2.1_20sg8hgm.log.gz", "elasticloadbalancing", "us-east-1"),
    (f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/health_check_log_{B}_elasticloadbalancing_us-east-1_app.my-lb.1234567890abcdef_20261121T0605Z_192.0.2.1_20sg8hgm.log.gz", "elasticloadbalancing", "us-east-1"),
    (f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/{B}_elasticloadbalancing_us-east-1_net.my-lb.1234567890abcdef_20261121T0605Z_20sg8hgm.log.gz", "elasticloadbalancing", "us-east-1"),
    (f"AWSLogs/{B}/GuardDuty/us-east-1/2026/11/21/01234567-89ab-cdef-0123-456789012345.jsonl.gz", "GuardDuty", "us-east-1"),
    (f"AWSLogs/{B}/WAFLogs/us-east-1/my-web-acl/2026/11/21/06/05/{B}_waflogs_us-east-1_my-web-acl_20261121T0605Z_e0ca43b5.log.gz", "WAFLogs", "us-east-1"),
    (f"AWSLogs/{B}/WAFLogs/cloudfront/my-web-acl/2026/11/21/06/05/{B}_waflogs_cloudfront_my-web-acl_20261121T0605Z_e0ca43b5.log.gz", "WAFLogs", NONE),
    (f"AWSLogs/{B}/vpcdnsquerylogs/vpc-0123456789abcdef0/2026/11/21/vpc-0123456789abcdef0_vpcdnsquerylogs_{B}_20261121T0605Z_ab12cd34.log.gz", "vpcdnsquerylogs", NONE),
    (f"/AWSLogs/{B}/network-firewall/alert/us-east-1/my-firewall/2026/11/21/06/{B}_network-firewall_alert_us-east-1_my-firewall_202611210605_4a1b2c3d.log.gz", "network-firewall", "us-east-1"),
    (f"AWSLogs/{B}/redshift/us-east-1/2026/11/21/{B}_redshift_us-east-1_mycluster_userlog_2026-11-21T06:05.gz", "redshift", "us-east-1"),
    (f"AWSLogs/{B}/Macie/us-east-1/sensitivedata/0a1b2c3d.jsonl.gz", "Macie", "us-east-1"),
    (f"AWSLogs/{B}/BedrockModelInvocationLogs/us-east-1/2026/11/21/06/20261121T060500123Z_0a1b2c3d4e5f6071.json.gz", "BedrockModelInvocationLogs", "us-east-1"),
    (f"AWSLogs/aws-account-id={B}/CloudFront/E2EXAMPLE.2026-11-21-06.abcd1234.gz", "CloudFront", NONE),
    (f"AWSLogs/aws-account-id={B}/file-without-a-folder.gz", "Other", NONE),
    (f"AWSLogs/{B}/SomeNewService/us-east-1/2026/11/21/202611210605_0a1b2c3d.gz", "SomeNewService", "us-east-1"),
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
        f"notAWSLogs/AWSLogs/{B}/CloudTrail/f.gz",
        f"AWSLogs/{B}/CloudTrail/AWSLogs",
        f"AWSLogs/AWSLogs/{B}/f.gz",
        f"AWSLogs/{B}/CloudTrail/us-east-1/2026/11/21/{C}_CloudTrail_us-east-1_20261121T0605Z_x.json.gz",
        f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/conn_log_{C}_elasticloadbalancing_us-east-1_x.log.gz",
        f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/health_check_log_{C}_elasticloadbalancing_us-east-1_x.log.gz",
        f"AWSLogs/{B}/elasticloadbalancing/us-east-1/2026/11/21/conn_log_202611210605_elasticloadbalancing_us-east-1_x.log.gz",
        f"AWSLogs/{B}/SomeNewService/us-east-1/2026/11/21/202613320605_0a1b2c3d.gz",
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
        f"AWSLogs/{B}/ELBConnectionLogTestFile",
        f"AWSLogs/{B}/ELBHealthCheckLogTestFile",
        f"elsewhere/AWSLogs/{B}/ELBAccessLogTestFile",
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


def test_an_ignored_key_still_says_what_could_be_read() -> None:
    got = parse_key(f"AWSLogs/{B}/BedrockModelInvocationLogs/us-east-1/amazon-bedrock-logs-permission-check", LAYOUT)
    assert (got.account_id, got.log_type, got.region) == (B, "BedrockModelInvocationLogs", "us-east-1")


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


def test_a_layout_can_be_hashed_whatever_mapping_it_holds() -> None:
    assert hash(KeyLayout()) == hash(KeyLayout(prefix_accounts={"cdn/": B}))


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
# Keys that begin as they should, so that many are routed, and go on as they like.
harmless = st.sampled_from(["CloudTrail", "us-east-1", "2026", "", "f.gz", f"o-{'x' * 10}", B, C]) | st.text(max_size=5)
likely_keys = st.builds(
    "{}AWSLogs/{}{}/{}/{}".format,
    st.sampled_from([*LAYOUT.key_prefixes, "cdn/", "elsewhere/"]),
    st.sampled_from(["", "", f"{ORG}/", "o-anotherorg1/"]),
    st.sampled_from([B, C, f"aws-account-id={B}", f"aws-account-id={C}"]) | st.from_regex(r"\A[0-9]{11,13}\Z"),
    st.lists(harmless, max_size=3).map("/".join) | st.lists(parts, max_size=3).map("/".join),
    st.sampled_from(["f.gz", f"{B}_CloudTrail_f.gz", f"{C}_CloudTrail_f.gz"]),
)
mapped_keys = st.lists(parts, max_size=4).map(lambda rest: "/".join(["cdn", *rest]))
any_text = st.text(st.characters(exclude_categories=()))
hostile_keys = likely_keys | mapped_keys | st.lists(parts, max_size=8).map("/".join) | any_text


@given(hostile_keys)
@example("\x00")
@example("\ud800AWSLogs/")
@example("AWSLogs/" * 100_000)
@example("x" * 10_000_000 + f"AWSLogs/{B}/CloudTrail/f")
@example("AWSLogs/o-" + "a" * 10_000_000)
def test_any_text_gets_an_answer(key: str) -> None:
    got = parse_key(key, LAYOUT)
    assert got.key == key
    if isinstance(got, UnroutedKey):
        assert got.outcome in ("ignored", "unroutable", "refused")
        assert 0 < len(got.reason) < 4000  # however long the key, the reason is one sentence for people


def covering(account_id: str) -> list[str]:
    """What the IAM statements of an account begin with, written down once more."""
    forms = (f"AWSLogs/{account_id}/", f"AWSLogs/{ORG}/{account_id}/", f"AWSLogs/aws-account-id={account_id}/")
    mapped = [prefix for prefix, owner in LAYOUT.prefix_accounts.items() if owner == account_id]
    return [prefix + form for prefix in LAYOUT.key_prefixes for form in forms] + mapped


@given(likely_keys | mapped_keys | hostile_keys)
def test_a_key_is_routed_only_to_the_account_whose_iam_statements_cover_it(key: str) -> None:
    got = parse_key(key, LAYOUT)
    if isinstance(got, LogFile):
        assert re.fullmatch("[0-9]{12}", got.account_id, re.ASCII)
        named = {B, C, got.account_id, *re.findall("[0-9]{12}", key)}
        covered = {account for account in named if key.startswith(tuple(covering(account)))}
        assert covered == {got.account_id}


@given(likely_keys)
def test_a_routed_key_holds_its_owner_behind_the_only_root(key: str) -> None:
    """The bucket policy doesn't know the prefixes: what stands behind any `AWSLogs/` must be the owner."""
    got = parse_key(key, LAYOUT)
    if not isinstance(got, LogFile) or got.log_type == "Mapped":
        return
    forms = ("AWSLogs/{}/", "AWSLogs/aws-account-id={}/", f"AWSLogs/{ORG}/{{}}/")
    readers = {account for account in (B, C, got.account_id) if any(form.format(account) in key for form in forms)}
    assert readers == {got.account_id}
    assert key.count("AWSLogs/") == 1


def test_metrics_know_a_bounded_number_of_log_types() -> None:
    assert metric_log_type("CloudTrail") == "CloudTrail"
    assert metric_log_type("SomeNewService") == "Other"
    assert len(KNOWN_LOG_TYPES) < 30
