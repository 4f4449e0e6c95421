"""`sam build` makes the functions for either architecture on a machine that has no Python of their version."""

import shutil
from pathlib import Path

import pytest

from distributary_local.tools import TOOLS, run

NEEDED = ("bash", "cp", "env", "find", "make", "mkdir", "rm", "sh")
"""All that a build takes from the machine, besides Python 3.11 or later."""


@pytest.fixture
def scanty(tmp_path: Path) -> str:
    """The PATH of a machine with little on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return f"{TOOLS}:{folder}"


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_it_takes_no_interpreter_of_the_functions_version_and_the_second_time_the_cache(
    architecture: str, scanty: str, tmp_path: Path
) -> None:
    assert shutil.which("python3.13", path=scanty) is None
    first, second = (_build(architecture, scanty, tmp_path) for _ in range(2))
    assert f"architecture: {architecture}" in first
    assert "Running CustomMakeBuilder" in first
    assert "Valid cache found, copying previously built resources for following layers (CoreLayer)" in second
    assert "Running CustomMakeBuilder" not in second
    layer = tmp_path / "build" / "CoreLayer" / "python"
    assert (layer / "distributary" / "events.py").exists()
    assert not list(layer.rglob("*.so"))  # so it runs on either
    for function in ("DeliverToOwner", "FanOut", "Reconcile"):
        assert [file.name for file in (tmp_path / "build" / function).iterdir()] == ["app.py"]


def _build(architecture: str, path: str, directory: Path) -> str:
    folders = ("--build-dir", directory / "build", "--cache-dir", directory / "cache")
    parameters = ("--parameter-overrides", f"Architecture={architecture}")
    return run(None, "", "sam", "build", *folders, *parameters, extra={"PATH": path}).stderr
