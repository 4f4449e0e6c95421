"""The layer as sam builds it, in a copy of its folder: what is in it, and that functions need nothing else.

The interpreters here see the standard library and the layer, nothing of this environment (-I -S), and may not open a
connection.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from templates import ROOT

FUNCTIONS = sorted(ROOT.glob("functions/*/app.py"))
NOT_FOR_FUNCTIONS = "distributary_cli distributary_local jsonschema moto mypy_boto3_s3 pydantic pytest rich typer yaml"
ALONE = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        raise AssertionError(f"{event} {arguments}")
sys.addaudithook(refuse)
sys.path[:0] = sys.argv[1:]
"""

pytestmark = pytest.mark.xdist_group("layer")


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ends up below /opt/python."""
    directory = tmp_path_factory.mktemp("layer")
    source = shutil.copytree(ROOT / "layers" / "core", directory / "source")
    leftovers = source / "distributary" / "__pycache__"
    leftovers.mkdir(exist_ok=True)
    (leftovers / "keys.cpython-311.pyc").touch()
    command = ["make", "-C", str(source), "build-CoreLayer", f"ARTIFACTS_DIR={directory}", f"PYTHON={sys.executable}"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert built.returncode == 0, built.stdout + built.stderr
    return directory / "python"


def run(interpreter: str, code: str, *paths: Path) -> str:
    """Run code with these import paths only, without any AWS setting; return what it prints."""
    environment = {name: os.environ[name] for name in ("PATH", "PYENV_ROOT") if name in os.environ}
    # Where python3.13 is pyenv's stand-in, this tells it which interpreter is meant.
    environment |= {"HOME": "/nonexistent", "PYENV_VERSION": "3.13"}
    command = [interpreter, "-I", "-S", "-B", "-W", "error", "-c", ALONE + code, *map(str, paths)]
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@cache
def python_3_13() -> str | None:
    """The functions' own version, if there is one on this machine."""
    candidate = shutil.which("python3.13")
    try:
        return candidate if candidate and run(candidate, "print(sys.version_info[:2])") == "(3, 13)" else None
    except AssertionError:
        return None


@pytest.fixture(params=["this", "3.13"])
def interpreter(request: pytest.FixtureRequest) -> str:
    found = sys.executable if request.param == "this" else python_3_13()
    if found is None:
        pytest.skip("there is no python3.13 on the PATH")
    return found


def test_nothing_is_compiled(layer: Path) -> None:
    """One layer serves arm64 and x86_64, and the same sources make the same layer."""
    found = [path for path in layer.rglob("*") if path.suffix in (".so", ".pyd", ".dylib", ".pyc")]
    assert found == []
    assert list(layer.rglob("__pycache__")) == []


def test_every_distribution_runs_anywhere(layer: Path) -> None:
    wheels = list(layer.glob("*.dist-info/WHEEL"))
    assert wheels
    for wheel in wheels:
        tags = [line.removeprefix("Tag: ") for line in wheel.read_text().splitlines() if line.startswith("Tag: ")]
        assert "py3-none-any" in tags, wheel
        assert set(tags) <= {"py2-none-any", "py3-none-any"}, wheel


def test_nothing_that_functions_do_not_need_is_in_it(layer: Path) -> None:
    assert [name for name in NOT_FOR_FUNCTIONS.split() if (layer / name).exists()] == []


def test_the_library_and_what_it_stands_on_can_be_imported(layer: Path, interpreter: str) -> None:
    modules = [path.stem for path in (layer / "distributary").glob("*.py") if path.stem != "__init__"]
    assert "keys" in modules
    code = "\n".join(f"import distributary.{module}" for module in modules)
    code += "\nimport aws_lambda_powertools, boto3, distributary\nprint(boto3.__file__, distributary.__file__)"
    found = run(interpreter, code, layer)
    assert found == f"{layer}/boto3/__init__.py {layer}/distributary/__init__.py"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda path: path.parent.name)
def test_importing_a_function_does_nothing(layer: Path, interpreter: str, function: Path) -> None:
    """No Region, no credentials, no settings, no connection; whatever is made is made on the first event."""
    code = """
import gc
import app
import botocore.client, botocore.session
kinds = (botocore.client.BaseClient, botocore.session.Session)
print(callable(app.handler), [one for one in gc.get_objects() if isinstance(one, kinds)])
"""
    assert run(interpreter, code, function.parent, layer) == "True []"
