import pytest
from samples import A, B

from distributary.settings import SettingError, read_layout, read_settings

ENVIRON = {
    "CENTRAL_BUCKET": "central",
    "CENTRAL_ACCOUNT_ID": A,
    "SUBSCRIPTIONS_TABLE": "table",
    "AWS_REGION": "eu-west-1",
}


def test_the_smallest_environment_is_enough() -> None:
    settings = read_settings(ENVIRON)
    assert settings.layout.key_prefixes == ("", "/")
    assert settings.layout.organization_id is None
    assert settings.log_key_arns == ()


def test_the_templates_lists_are_read() -> None:
    layout = read_layout({"KEY_PREFIXES": ",trails/, o-exampleorg/", "PREFIX_ACCOUNTS": f"cdn/={B},,,,"})
    assert layout.key_prefixes == ("", "trails/", "o-exampleorg/")
    assert dict(layout.prefix_accounts) == {"cdn/": B}


def test_a_mapped_prefix_that_begins_a_key_prefix_is_refused() -> None:
    with pytest.raises(SettingError, match="begins trails/central/"):
        read_layout({"KEY_PREFIXES": "trails/central/", "PREFIX_ACCOUNTS": f"trails/={B}"})


def test_a_prefix_is_either_mapped_or_stands_before_an_account() -> None:
    with pytest.raises(SettingError, match="begins trails/"):
        read_layout({"KEY_PREFIXES": "trails/", "PREFIX_ACCOUNTS": f"trails/={B}"})


def test_the_keys_of_log_files_are_read_past_empty_entries() -> None:
    assert read_settings(ENVIRON | {"LOG_KEY_ARNS": ",arn:one,,arn:two"}).log_key_arns == ("arn:one", "arn:two")


@pytest.mark.parametrize("variable", sorted(ENVIRON))
def test_a_missing_variable_is_named(variable: str) -> None:
    with pytest.raises(SettingError, match=variable):
        read_settings({name: value for name, value in ENVIRON.items() if name != variable})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CENTRAL_ACCOUNT_ID", "1111"),
        ("CONCURRENCY", "many"),
        ("CONCURRENCY", "0"),
        ("CONCURRENCY", "²"),
        ("PREFIX_ACCOUNTS", "cdn/"),
        ("PREFIX_ACCOUNTS", f"cdn={B}"),
        ("PREFIX_ACCOUNTS", f"c*n/={B}"),
        ("PREFIX_ACCOUNTS", "cdn/=22"),
        ("PREFIX_ACCOUNTS", f"cdn/={B},cdn/private/={A}"),
        ("KEY_PREFIXES", "trails/AWSLogs/"),
        ("KEY_PREFIXES", "trails"),
        ("KEY_PREFIXES", "*/"),
    ],
)
def test_a_malformed_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        read_settings(ENVIRON | {variable: value})
