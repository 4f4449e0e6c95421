from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from samples import B, C, plain_subscription, subscription

from distributary_cli.problems import Problem, SubscriptionFileError
from distributary_cli.subscription_files import likely_mistypings, read_subscriptions

EXAMPLE = Path(__file__).parents[3] / "subscriptions.example.yaml"
RIGHT = """\
version: 1
subscriptions:
  - name: payments
    account_id: "222222222222"
    delivery_role_arn: arn:aws:iam::222222222222:role/distributary-delivery
    external_id: external-id
    copy_to:
      bucket: payments-logs
      region: eu-west-1
      prefix: central/
      kms_key_arn: arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab
    filters:
      log_types: [CloudTrail]
      regions: [eu-west-1]
    paused: true
"""


def problems(path: Path, text: str | bytes) -> list[str]:
    """What is said about a file: `line:column: field: reason`."""
    path = path / "s.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SubscriptionFileError) as caught:
        read_subscriptions(path)
    return [problem.describe(Path("s.yaml")).removeprefix("s.yaml:") for problem in caught.value.problems]


def test_the_example_file_is_right() -> None:
    assert [one.name for one in read_subscriptions(EXAMPLE).subscriptions] == [
        "payments",
        "research",
        "shop",
        "warehouse",
        "auditor",
    ]


def test_a_right_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(RIGHT, "utf-8-sig")
    (one,) = read_subscriptions(path).subscriptions
    assert one.copy_to is not None
    assert (one.account_id, one.copy_to.prefix, one.paused) == ("222222222222", "central/", True)


def test_an_empty_list_of_subscriptions_is_right(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("version: 1\nsubscriptions: []\n")
    assert read_subscriptions(path).subscriptions == ()


# Each line's replacement, and what is then said of that line.
WRONG_LINES = [
    ("version: 1", "version: 2", "1:10: version: must be 1"),
    ("version: 1", 'version: "1"', '1:10: version: must be a number, not "1"'),
    ("name: payments", "name: Payments", '3:11: subscriptions[0].name: "Payments" must be 1 to 63 lower-case'),
    ("name: payments", "name: 12", "3:11: subscriptions[0].name: 12 is a number: put it in quotes"),
    ("name: payments", "name: no", "3:11: subscriptions[0].name: no is true or false: put it in quotes"),
    ("name: payments", "name: 2026-02-30", "3:11: subscriptions[0].name: 2026-02-30 is a date: put it in quotes"),
    ("name: payments", "name:", "3:10: subscriptions[0].name: is empty. The subscription's own name"),
    ("name: payments", "name: !env NAME", "3:11: subscriptions[0].name: the tag !env is not known here"),
    ("name: payments", "naem: payments", "3:5: subscriptions[0].naem: is not known here; did you mean name?"),
    (
        "name: payments",
        "xyzzy: payments",
        "3:5: subscriptions[0].xyzzy: is not known here; known are name, scope, account_id",
    ),
    (
        '"222222222222"',
        "222222222222",
        "4:17: subscriptions[0].account_id: 222222222222 is a number: put it in quotes so",
    ),
    (
        '"222222222222"',
        "022222222222",
        "4:17: subscriptions[0].account_id: 022222222222 is a number: put it in quotes so",
    ),
    ('"222222222222"', '"22222222222"', '4:17: subscriptions[0].account_id: "22222222222" must be twelve digits'),
    ("222222222222:role/", "22:role/", "5:24: subscriptions[0].delivery_role_arn: "),
    (f"{B}:role/", f"{C}:role/", f"5:24: subscriptions[0].delivery_role_arn: the role is in account {C}, not in {B}"),
    (
        "external_id: external-id",
        "external_id: s e c r e t",
        "6:18: subscriptions[0].external_id: it must be 2 to 1224",
    ),
    (
        "bucket: payments-logs",
        "bucket: Payments_Logs",
        '8:15: subscriptions[0].copy_to.bucket: "Payments_Logs" must be a',
    ),
    ("bucket: payments-logs", "bucket: [a]", "8:15: subscriptions[0].copy_to.bucket: must be text, not a list"),
    ("region: eu-west-1\n", "region: Ireland\n", '9:15: subscriptions[0].copy_to.region: "Ireland" must be a Region'),
    ("prefix: central/", "prefix: central", '10:15: subscriptions[0].copy_to.prefix: "central" must end with /'),
    (
        "prefix: central/",
        "prefix: 'a*/'",
        '10:15: subscriptions[0].copy_to.prefix: "a*/" must end with / and hold none',
    ),
    (
        "prefix: central/",
        f"prefix: {'x' * 512}/",
        "10:15: subscriptions[0].copy_to.prefix: has 513 characters; at most 512",
    ),
    ("kms_key_arn: ", "kms_key_arn: x", "11:20: subscriptions[0].copy_to.kms_key_arn: "),
    ("kms:eu-west-1", "kms:us-east-1", "11:20: subscriptions[0].copy_to.kms_key_arn: the key must be in the bucket's"),
    ("[CloudTrail]", "CloudTrail", '13:18: subscriptions[0].filters.log_types: must be a list, not "CloudTrail"'),
    ("[CloudTrail]", "[]", "13:18: subscriptions[0].filters.log_types: is an empty list; leave the field out"),
    ("[CloudTrail]", "[CloudTrail, '']", "13:31: subscriptions[0].filters.log_types[1]: is empty"),
    ("[CloudTrail]", "[a, a]", "13:18: subscriptions[0].filters.log_types: names something twice"),
    ("regions: [eu-west-1]", "regions: [eu]", '14:17: subscriptions[0].filters.regions[0]: "eu" must be a Region'),
    ("paused: true", 'paused: "true"', '15:13: subscriptions[0].paused: must be true or false, not "true"'),
    (
        "paused: true",
        "paused: true\n    paused: false",
        "16:5: subscriptions[0].paused: stands here a second time, after line 15",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), WRONG_LINES)
def test_each_field_s_problem_names_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in RIGHT
    assert any(said.startswith(expected) for said in problems(tmp_path, RIGHT.replace(old, new, 1)))


THIRD_PARTY = """\
version: 1
subscriptions:
  - name: auditor
    scope: all
    account_id: "999999999999"
    delivery_role_arn: arn:aws:iam::999999999999:role/distributary-delivery
    external_id: external-id
    notify:
      topic_arn: arn:aws:sns:eu-west-1:999999999999:log-files
      format: cloudtrail
      kms_key_arn: arn:aws:kms:eu-west-1:999999999999:key/1234abcd-12ab
    filters:
      account_ids: ["222222222222"]
      except_account_ids: ["333333333333"]
"""
WRONG_LINES_OF_A_THIRD_PARTY = [
    ("scope: all", "scope: everything", '4:12: subscriptions[0].scope: must be all, or be left out, not "everything"'),
    ("scope: all", "scope:", "4:11: subscriptions[0].scope: must be all, or be left out"),
    ("scope: all", f"scope: {B}", f'4:12: subscriptions[0].scope: must be all, or be left out, not "{B}"'),
    (
        "      topic_arn: arn:aws:sns:eu-west-1:999999999999:log-files\n",
        "",
        "9:7: subscriptions[0].notify.topic_arn: is",
    ),
    (":log-files", ":log-files.fifo", "9:18: subscriptions[0].notify.topic_arn: "),
    (
        "arn:aws:iam",
        "arn:aws-cn:iam",
        "9:18: subscriptions[0].notify.topic_arn: the topic is in partition aws, the delivery role in aws-cn",
    ),
    (
        "format: cloudtrail",
        "format: sns",
        '10:15: subscriptions[0].notify.format: must be one of s3, cloudtrail, eventbridge, not "sns"',
    ),
    (
        "kms:eu-west-1",
        "kms:us-east-1",
        "11:20: subscriptions[0].notify.kms_key_arn: the key must be in the topic's Region, eu-west-1",
    ),
    (
        '["222222222222"]',
        "[222222222222]",
        "13:21: subscriptions[0].filters.account_ids[0]: 222222222222 is a number: put it in quotes so",
    ),
    ('["222222222222"]', '["22"]', '13:21: subscriptions[0].filters.account_ids[0]: "22" must be twelve digits'),
    ('["222222222222"]', "[]", "13:20: subscriptions[0].filters.account_ids: is an empty list; leave the field out"),
    (
        "    scope: all\n",
        "",
        "12:20: subscriptions[0].filters.account_ids: is for third parties (scope: all); an owner receives",
    ),
]


def test_a_right_third_party_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(THIRD_PARTY)
    (one,) = read_subscriptions(path).subscriptions
    assert one.notify is not None
    assert (one.scope, one.copy_to, one.notify.format) == ("all", None, "cloudtrail")


@pytest.mark.parametrize(("old", "new", "expected"), WRONG_LINES_OF_A_THIRD_PARTY)
def test_each_problem_of_a_third_party_names_its_place_once(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in THIRD_PARTY
    assert sum(said.startswith(expected) for said in problems(tmp_path, THIRD_PARTY.replace(old, new, 1))) == 1


def test_a_fifo_topic_is_refused_in_words(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, THIRD_PARTY.replace(":log-files", ":log-files.fifo"))
    assert "FIFO topics (.fifo) are refused" in said


REQUIRED = [
    ("  - name: payments\n    account_id", "  - account_id", "3:5: subscriptions[0].name: is missing. "),
    ('    account_id: "222222222222"\n', "", "3:5: subscriptions[0].account_id: is missing. The receiving account's"),
    ("    external_id: external-id\n", "", "3:5: subscriptions[0].external_id: is missing. "),
    (
        "      bucket: payments-logs\n",
        "",
        "8:7: subscriptions[0].copy_to.bucket: is missing. The receiving bucket's name",
    ),
    ("version: 1\n", "", "1:1: version: is missing. The version of this file's format: 1."),
]


@pytest.mark.parametrize(("old", "new", "expected"), REQUIRED)
def test_a_missing_field_is_named_where_it_should_stand(tmp_path: Path, old: str, new: str, expected: str) -> None:
    (said,) = problems(tmp_path, RIGHT.replace(old, new, 1))
    assert said.startswith(expected)


def test_neither_copy_to_nor_notify_is_said_once(tmp_path: Path) -> None:
    plain = plain_subscription()
    del plain["copy_to"]
    (said,) = problems(tmp_path, yaml.safe_dump({"version": 1, "subscriptions": [plain]}))
    assert said == (
        "2:3: subscriptions[0].copy_to: is missing, and so is notify: a subscription has one of them, or both"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty; begin with `version: 1` and `subscriptions:`"),
        ("# nothing\n", "is empty; begin with `version: 1` and `subscriptions:`"),
        ("- a\n", "1:1: must be a mapping, not a list"),
        ("text\n", '1:1: must be a mapping, not "text"'),
        ("null\n", "1:1: is empty. Who receives"),
        ("a:\n\t- b\n", "2:1: is not YAML: a tab stands where only spaces may"),
        ("a: 'b\n", "2:1: is not YAML: while scanning a quoted scalar"),
        ("a: 1\n---\nb: 1\n", "2:1: is not YAML: expected a single document"),
        ("a: b\x07\n", "1:5: is not YAML: the character U+0007 is not allowed"),
        (b"version: 1\nname: caf\xe9\n", "2:10: the byte 0xe9 is not UTF-8"),
        ("version: 1".encode("utf-16"), "1:1: the byte 0xff is not UTF-8"),
        ("a: *b\n", "1:4: is not YAML: found undefined alias"),
        ("a: &b [*b]\n", "1:4: is not YAML: an anchor refers to itself"),
        ("? [a]\n: b\n", "1:3: is not YAML: a field's name must be text"),
        ("a: " + "[" * 5000, "is nested too deeply"),
        ("version: 1\nsubscriptions:\n", "2:15: subscriptions: is empty. The list of all"),
        ("version: 1\nsubscriptions: [x]\n", '2:17: subscriptions[0]: must be a mapping, not "x"'),
    ],
)
def test_what_is_no_subscriptions_file_is_refused(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert any(expected in said for said in problems(tmp_path, text))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SubscriptionFileError, match=r"there is no such file; name yours with --file"):
        read_subscriptions(tmp_path / "none.yaml")
    with pytest.raises(SubscriptionFileError, match=r"cannot be read: is a directory"):
        read_subscriptions(tmp_path)


def test_every_problem_is_named_in_the_order_of_the_file(tmp_path: Path) -> None:
    first = plain_subscription(B, name="X", paused="no", delivery_role_arn=f"arn:aws:iam::{C}:role/r")
    first["copy_to"] |= {"kms_key_arn": f"arn:aws:kms:eu-west-1:{B}:key/1"}
    same = plain_subscription(C, name="X") | {"copy_to": dict(first["copy_to"])}
    said = problems(tmp_path, yaml.safe_dump({"version": 1, "subscriptions": [first, same]}, sort_keys=False))
    assert [problem.split(": ")[1] for problem in said] == [
        "subscriptions[0].name",
        "subscriptions[0].delivery_role_arn",
        "subscriptions[0].copy_to.kms_key_arn",
        "subscriptions[0].paused",
        "subscriptions[1].name",
        "subscriptions[1].name",
        "subscriptions[1].copy_to",
        "subscriptions[1].copy_to.kms_key_arn",
    ]


def test_anchors_and_merged_fields_are_read_and_their_problems_found_where_they_stand(tmp_path: Path) -> None:
    text = f"""\
version: 1
subscriptions:
  - &base
    name: a
    account_id: &id "{B}"
    delivery_role_arn: arn:aws:iam::{B}:role/r
    external_id: xyz
    copy_to: {{bucket: aaa, region: REGION}}
  - <<: *base
    name: b
    account_id: *id
    copy_to: {{bucket: bbb, region: eu-west-1}}
"""
    path = tmp_path / "right.yaml"
    path.write_text(text.replace("REGION", "eu-west-1"))
    assert [one.name for one in read_subscriptions(path).subscriptions] == ["a", "b"]
    assert [said.split(": ")[0] for said in problems(tmp_path, text)] == ["8:36"]


def test_an_external_id_is_never_repeated(tmp_path: Path) -> None:
    assert "s e c r e t" not in str(problems(tmp_path, RIGHT.replace("external-id", "s e c r e t")))


@given(st.text(max_size=200) | st.binary(max_size=100))
def test_any_content_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    with pytest.raises(SubscriptionFileError):
        read_subscriptions(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(list(plain_subscription(filters={}, paused=False))), json_values)
def test_any_value_of_any_field_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, field: str, value: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-value.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "subscriptions": [plain_subscription(**{field: value})]}), "utf-8")
    found: tuple[Problem, ...] = ()
    try:
        read_subscriptions(path)
    except SubscriptionFileError as error:
        found = error.problems
    assert all(problem.line and problem.field.startswith("subscriptions[0]") for problem in found)


def test_five_hundred_subscriptions_are_read(tmp_path: Path) -> None:
    ids = [f"{number:012d}" for number in range(500)]
    path = tmp_path / "many.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "subscriptions": [plain_subscription(one) for one in ids]}))
    assert read_subscriptions(path).subscriptions == tuple(subscription(one) for one in ids)


def test_a_log_type_that_looks_mistyped_is_doubted_a_new_one_is_not() -> None:
    filters = {"log_types": ["CloudTrail", "Cloudtrail", "vpcflowlog", "brand-new-logs"]}
    assert list(likely_mistypings([subscription(filters=filters)])) == [
        f"owner-{B} filters for log type Cloudtrail; did you mean CloudTrail?",
        f"owner-{B} filters for log type vpcflowlog; did you mean vpcflowlogs?",
    ]
