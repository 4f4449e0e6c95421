import os
import re
import subprocess
from pathlib import Path

from distributary_local import emulator

HERE = Path(__file__).parent


def test_every_gap_has_a_test() -> None:
    listed = _gaps("--list")
    tested = {
        gap
        for file in HERE.glob("test_*.py")
        for gap in re.findall(r'^@pytest\.mark\.gap\("(\w+)"\)', file.read_text(), re.M)
    }
    assert set(listed.stdout.split()) == tested


def test_every_gap_is_in_the_readme() -> None:
    readme = (Path(emulator.__file__).parents[1] / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", readme, re.M)) == set(_gaps("--list").stdout.split())


def test_an_unknown_gap_is_an_error() -> None:
    refused = _gaps("--without", "nonsense")
    assert (refused.returncode, refused.stderr) == (1, "No such gap: nonsense.\n")


def _gaps(*arguments: str) -> subprocess.CompletedProcess[str]:
    local = Path(emulator.__file__).parents[1]
    command = [str(local.parent / ".venv/emulator/bin/python"), "-P", "-m", "distributary_local.gaps", *arguments]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(local)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
