import pytest
from samples import A, B

from distributary.settings import SettingError, read_layout, read_settings

ENVIRON = {"CENTRAL_BUCKET": "central", "CENTRAL_ACCOUNT_ID": A, "SUBSCRIPTIONS_TABLE": "table"}


def test_the_smallest_environment_is_enough() -> None:
    settings = read_settings(ENVIRON)
    assert settings.layout.key_prefixes == ("", "/")
    assert settings.layout.organization_id is None
    assert settings.central_key_arn is None


def test_the_templates_lists_are_read() -> None:
    layout = read_layout({"KEY_PREFIXES": ",trails/, o-exampleorg/", "PREFIX_ACCOUNTS": f"cdn/={B},,,,"})
    assert layout.key_prefixes == ("", "trails/", "o-exampleorg/")
    assert dict(layout.prefix_accounts) == {"cdn/": B}


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
        ("KEY_PREFIXES", "trails"),
        ("KEY_PREFIXES", "*/"),
    ],
)
def test_a_malformed_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        read_settings(ENVIRON | {variable: value})
