"""Runs each test of a gap twice: with all gaps closed it passes, without that one gap it fails.

The second run tells when ministack no longer needs the gap.
"""

import functools
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.exceptions import ClientError
from integration.gaps.world import ORGANIZATIONS, Aws

from distributary_local import emulator

OPEN = "open"
DELAY_SCALE = 0.05


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gap(name): shows that this gap is closed, and is still needed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("gap"):
        metafunc.parametrize("aws", ["closed", OPEN], indirect=True)


@pytest.fixture(scope="session")
def all_closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    directory = tmp_path_factory.mktemp("emulator")
    with emulator.running(
        emulator.free_port(), directory, organizations=ORGANIZATIONS, delay_scale=DELAY_SCALE
    ) as running:
        yield Aws(running)


@pytest.fixture(scope="session")
def all_but(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Aws]]:
    """Returns an emulator with one gap open; one such emulator at a time, since tests of a gap follow each other."""
    with ExitStack() as stack:

        @functools.lru_cache(maxsize=1)
        def start(gap: str) -> Aws:
            stack.close()
            directory = tmp_path_factory.mktemp(gap)
            port = emulator.free_port()
            options: dict[str, Any] = {
                "organizations": ORGANIZATIONS,
                "delay_scale": DELAY_SCALE,
                "without_gaps": {gap},
            }
            return Aws(stack.enter_context(emulator.running(port, directory, **options)))

        yield start


@pytest.fixture
def aws(request: pytest.FixtureRequest) -> Aws:
    """The local AWS: with every gap closed, or without the one that the test is about."""
    gap = request.node.get_closest_marker("gap")
    found: Aws
    if gap is None or request.param != OPEN:
        found = request.getfixturevalue("all_closed")
    else:
        found = request.getfixturevalue("all_but")(gap.args[0])
    return found


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Expect the test to fail while its gap is open."""
    gap = pyfuncitem.get_closest_marker("gap")
    if gap is None or pyfuncitem.callspec.params["aws"] != OPEN:
        return (yield)
    try:
        yield
    except (AssertionError, LookupError, ClientError, pytest.fail.Exception):
        return True
    raise AssertionError(f"ministack no longer needs the gap {gap.args[0]}: delete it")
