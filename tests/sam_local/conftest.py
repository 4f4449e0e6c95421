"""One deployment on the local AWS, and what `sam local` needs to run its functions in Lambda's own image.

They take minutes and a container engine: `make test-sam-local` runs them.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from distributary_local import emulator
from distributary_local.deployment import CENTRAL_ACCOUNT_ID, ORGANIZATIONS, STACK, Deployment, deploy
from distributary_local.engine import EngineError, bridge_address, reachable
from distributary_local.invocation import EVENTS
from distributary_local.sam_functions import deployed_variables, write_template, write_variables
from distributary_local.sam_local import Invoked, sam_local_invoke
from distributary_local.staged_files import stage

Event = dict[str, Any]
Invoke = Callable[[str, Event], Invoked]


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("invoke" if item.path.name == "test_invoke.py" else "sam_local"))
            if "SAM_LOCAL" not in os.environ:
                item.add_marker(pytest.mark.skip(reason="containers take minutes: make test-sam-local runs them"))


@pytest.fixture(scope="session")
def engine() -> str:
    """The address that containers know this machine by."""
    try:
        return bridge_address()
    except EngineError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("deployment")
    with emulator.running(emulator.free_port(), directory, organizations=ORGANIZATIONS) as running:
        yield deploy(running, progress=lambda _: None)


@pytest.fixture(scope="session")
def variables(engine: str, deployment: Deployment) -> Iterator[Mapping[str, Mapping[str, str]]]:
    """Each function's, with which it reaches the local AWS."""
    running = deployment.emulator
    with reachable(running.host, running.port, engine) as url:
        yield deployed_variables(running, CENTRAL_ACCOUNT_ID, STACK, url)


@pytest.fixture(scope="session")
def template(engine: str, deployment: Deployment) -> Path:  # noqa: ARG001  # first: without it, nothing is deployed
    """As it was built for the deployment, to run here."""
    return write_template(deployment.emulator.directory / "build")


@pytest.fixture(scope="session")
def variables_file(variables: Mapping[str, Mapping[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_variables(tmp_path_factory.mktemp("sam") / "functions.json", variables)


@pytest.fixture
def invoke(template: Path, variables_file: Path, tmp_path: Path) -> Invoke:
    """Runs a function on the local AWS, in a container of its own."""

    def run(function: str, event: Event) -> Invoked:
        file = tmp_path / "event.json"
        file.write_text(json.dumps(event))
        return sam_local_invoke(function, file, template, variables_file)

    return run


@pytest.fixture(scope="session")
def staged(deployment: Deployment, variables: Mapping[str, Mapping[str, str]]) -> Callable[[str], Event]:
    """An event of events/, whose files are in the central bucket; the deployed functions weren't told."""

    def read(name: str) -> Event:
        event, _ = stage(deployment.emulator, variables["DeliverToOwner"], json.loads((EVENTS / name).read_text()))
        return event

    return read
