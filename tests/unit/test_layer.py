"""The layer as sam builds it, in a copy of its folder: what is in it, and that functions need nothing else.

The interpreters here see the standard library and the layer, nothing of this environment (-I -S), and may not open a
connection.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import boto3
import pytest
from templates import ROOT

FUNCTIONS = sorted(ROOT.glob("functions/*/app.py"))
NOT_FOR_FUNCTIONS = "distributary_cli distributary_local jsonschema moto mypy_boto3_s3 pydantic pytest rich typer yaml"
SERVICES = ("dynamodb", "lambda", "s3", "sns", "sqs", "sts")
REGIONS = ("us-east-1", "eu-central-2", "ap-southeast-7", "cn-north-1", "us-gov-west-1")
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "CENTRAL_ACCOUNT_ID": "111111111111",
    "CENTRAL_BUCKET": "central",
    "SUBSCRIPTIONS_TABLE": "subscriptions",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111111111111/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111111111111/dead-letters",
}
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
    make("build-CoreLayer", source, directory, f"PYTHON={sys.executable}")
    return directory / "python"


def make(target: str, source: Path, directory: Path, *variables: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(source), target, f"ARTIFACTS_DIR={directory}", *variables]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert made.returncode == 0, made.stdout + made.stderr
    return made


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


def test_nothing_is_compiled_for_one_architecture_or_another_runtime(layer: Path) -> None:
    """One layer serves arm64 and x86_64."""
    found = [path for path in layer.rglob("*") if path.suffix in (".so", ".pyd", ".dylib", ".pyc")]
    assert [path for path in found if not path.name.endswith(".cpython-313.pyc")] == []


def test_every_module_has_byte_code_that_is_never_checked(layer: Path) -> None:
    """PEP 552's flags: by hash, not by time, so the same sources make the same layer; and nobody looks."""
    if python_3_13() is None:
        pytest.skip("there is no python3.13 on the PATH")
    compiled = {path.relative_to(layer): path.read_bytes()[4:8] for path in layer.rglob("*.pyc")}
    modules = [path.relative_to(layer) for path in layer.rglob("*.py")]
    assert set(compiled) == {path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in modules}
    assert set(compiled.values()) == {(1).to_bytes(4, "little")}


@pytest.mark.parametrize("runtime", ["no-such-python3.13", sys.executable], ids=["none", "another"])
def test_without_the_runtime_s_interpreter_there_is_no_byte_code(runtime: str, tmp_path: Path) -> None:
    if sys.version_info[:2] == (3, 13) and runtime == sys.executable:
        pytest.skip("this is python3.13")
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "module.py").touch()
    done = make("byte-code", ROOT / "layers" / "core", tmp_path, f"RUNTIME={runtime}")
    assert "No python3.13 here" in done.stderr
    assert list(tmp_path.rglob("*.pyc")) == []


def test_every_distribution_runs_anywhere(layer: Path) -> None:
    wheels = list(layer.glob("*.dist-info/WHEEL"))
    assert wheels
    for wheel in wheels:
        tags = [line.removeprefix("Tag: ") for line in wheel.read_text().splitlines() if line.startswith("Tag: ")]
        assert "py3-none-any" in tags, wheel
        assert set(tags) <= {"py2-none-any", "py3-none-any"}, wheel


def test_nothing_that_functions_do_not_need_is_in_it(layer: Path) -> None:
    assert [name for name in NOT_FOR_FUNCTIONS.split() if (layer / name).exists()] == []


def test_the_sdk_s_data_is_that_of_the_clients_that_the_library_makes(layer: Path) -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "layers/core/distributary").rglob("*.py"))
    used = set(
        re.findall(
            r"""(?:client|clients_by_region|load_service_model|get_service_model)\(\s*"([a-z0-9-]+)\"""", sources
        )
    )
    assert {path.name for path in (layer / "botocore/data").iterdir() if path.is_dir()} == used == set(SERVICES)
    assert not (layer / "boto3/data").exists()


def test_the_layer_stays_small(layer: Path) -> None:
    """It was 32 MB with all of the SDK's data."""
    assert sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) < 12_000_000


def test_each_client_can_be_made_and_asks_where_the_whole_sdk_would(layer: Path, interpreter: str) -> None:
    code = f"""
import boto3
for region in {REGIONS}:
    session = boto3.Session("x", "x", region_name=region)
    for service in {SERVICES}:
        client = session.client(service)
        print(client.meta.service_model.api_version, client.meta.endpoint_url)
print(session.client("dynamodb").can_paginate("scan"), session.client("s3").can_paginate("list_objects_v2"))
"""
    *found, paginators = run(interpreter, code, layer).splitlines()
    assert paginators == "True True"
    sessions = [boto3.Session("x", "x", region_name=region) for region in REGIONS]
    clients = [session.client(service) for session in sessions for service in SERVICES]  # type: ignore[call-overload]
    assert found == [f"{one.meta.service_model.api_version} {one.meta.endpoint_url}" for one in clients]


def test_logs_and_metrics_need_nothing_else(layer: Path, interpreter: str) -> None:
    code = """
from aws_lambda_powertools import Logger
from distributary.outcomes import Outcome
from distributary.reports import Reporter, Result
reporter = Reporter("deliver_to_owner", lambda: Logger(service="deliver_to_owner", location=None))
reporter.report(Result(Outcome.DELIVERED, "key", "CloudTrail", event_time="2026-11-21T06:05:00Z"), "message")
reporter.flush()
"""
    lines = [json.loads(line) for line in run(interpreter, code, layer).splitlines()]
    assert [line.get("message") or line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] for line in lines] == [
        "delivered",
        "LogFiles",
        "DeliveryDelay",
    ]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda path: path.parent.name)
def test_a_function_can_build_all_that_it_keeps(layer: Path, interpreter: str, function: Path) -> None:
    code = f"""
import os
os.environ.update({SETTINGS})
import app
print(type((app.jobs if hasattr(app, "jobs") else app.deliverer)()).__name__)
"""
    assert run(interpreter, code, function.parent, layer) in ("Deliverer", "Jobs")


def test_the_library_and_what_it_stands_on_can_be_imported(layer: Path, interpreter: str) -> None:
    paths = [path.relative_to(layer).with_suffix("") for path in (layer / "distributary").rglob("*.py")]
    modules = [".".join(path.parts) for path in paths if path.name != "__init__"]
    assert "distributary.wire.calls" in modules
    code = "\n".join(f"import {module}" for module in modules)
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


def test_delivering_imports_nothing_that_only_the_comparison_or_the_command_line_needs(
    layer: Path, interpreter: str
) -> None:
    """Each module is read in every cold start."""
    code = f"""
import os, sys
os.environ.update({SETTINGS})
import app
app.deliverer()
print(*sorted(sys.modules))
"""
    imported = set(run(interpreter, code, ROOT / "functions" / "deliver_to_owner", layer).split())
    assert "distributary.batches" in imported
    needless = {"aws_lambda_powertools", "boto3", "ctypes", "sqlite3", "unittest"}
    assert needless & {name.split(".")[0] for name in imported} == set()
    assert "botocore.session" not in imported  # nor what else of the SDK takes long to read
    ours = ("comparisons", "listings", "prefixes", "reconciliation", "reconcile_jobs", "selections", "windows")
    assert imported & {f"distributary.{name}" for name in ours} == set()
