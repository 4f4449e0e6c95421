"""What every test relies on: names that are the same in every process."""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes stay out of tests' names: workers compare names, and compressed bytes may carry the time."""
    return argname if isinstance(val, bytes) else None
