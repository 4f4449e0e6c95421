"""What `sam local` runs: the built template, and for each function the variables that it has on the local AWS.

sam sets only variables that the template declares, and AWS_ENDPOINT_URL has no place in the real one: an empty value
there would be passed on. So a copy beside the built template declares what only a laptop needs. Nobody deploys it.
Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-invoke.html
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from distributary_local.emulator import LOOPBACK, Emulator
from distributary_local.engine import HOST_NAME
from distributary_local.tools import ARCHITECTURE

DECLARED = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_LENDER = f"""
import os
def handler(event, context):
    return {{name: os.environ[name] for name in {_CREDENTIALS!r}}}
"""


def write_template(build: Path, name: str = "local.yaml", timeout: int | None = None) -> Path:
    """Write a template for `sam local` on this machine beside the built one.

    Args:
        build: sam's build folder.
        name: the file's.
        timeout: in seconds, instead of every function's own.
    """
    template = yaml.safe_load((build / "template.yaml").read_text())
    template["Globals"]["Function"]["Environment"]["Variables"] |= dict.fromkeys(DECLARED, "")
    template["Parameters"]["Architecture"]["Default"] = ARCHITECTURE
    if timeout is not None:
        for function in function_names(build / "template.yaml"):
            template["Resources"][function]["Properties"]["Timeout"] = timeout
    file = build / name
    file.write_text(yaml.safe_dump(template, sort_keys=False))
    return file


def function_names(template: Path) -> list[str]:
    """The logical IDs of a template's functions."""
    resources = yaml.safe_load(template.read_text())["Resources"].items()
    return [name for name, resource in resources if resource["Type"] == "AWS::Serverless::Function"]


def write_variables(file: Path, variables: Mapping[str, Mapping[str, str]]) -> Path:
    """Write variables for sam's `--env-vars`, readable by this user only: credentials are among them."""
    file.touch(mode=0o600)
    file.write_text(json.dumps(variables, indent=2))
    return file


def prepare(emulator: Emulator, account_id: str, stack: str) -> Path:
    """Write what `sam local … --config-env local` runs (see samconfig.toml); return the folder it is in."""
    build = emulator.directory / "build"
    write_template(build)
    host = HOST_NAME if emulator.host == LOOPBACK else emulator.host
    write_variables(
        _variables(emulator), deployed_variables(emulator, account_id, stack, f"http://{host}:{emulator.port}")
    )
    return build


def read_variables(emulator: Emulator) -> dict[str, dict[str, str]]:
    """The variables that `prepare` wrote."""
    variables: dict[str, dict[str, str]] = json.loads(_variables(emulator).read_text())
    return variables


def _variables(emulator: Emulator) -> Path:
    return emulator.directory / "build" / "functions.json"


def deployed_variables(emulator: Emulator, account_id: str, stack: str, endpoint_url: str) -> dict[str, dict[str, str]]:
    """Each function's variables as they are deployed, and its own role's credentials, by its name in the template.

    Args:
        emulator: the local AWS.
        account_id: whose stack it is.
        stack: its name.
        endpoint_url: the local AWS, as containers know it.
    """
    resources = emulator.client("cloudformation", account_id).describe_stack_resources(StackName=stack)
    functions = emulator.client("lambda", account_id)
    found = {}
    for resource in resources["StackResources"]:
        if resource["ResourceType"] == "AWS::Lambda::Function":
            deployed = functions.get_function_configuration(FunctionName=resource["PhysicalResourceId"])
            found[resource["LogicalResourceId"]] = {
                **deployed["Environment"]["Variables"],
                **_borrowed_credentials(functions, deployed),
                "AWS_ENDPOINT_URL": endpoint_url,
            }
    return found


def _borrowed_credentials(functions: Any, deployed: Mapping[str, Any]) -> dict[str, str]:
    """The credentials that Lambda gives to a function of this role: its trust policy lets nobody else have them."""
    name = f"{deployed['FunctionName'][:50]}-lends"
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("lender.py", _LENDER)
    functions.create_function(
        FunctionName=name,
        Role=deployed["Role"],
        Runtime=deployed["Runtime"],
        Handler="lender.handler",
        Code={"ZipFile": package.getvalue()},
    )
    try:
        answer = json.load(functions.invoke(FunctionName=name)["Payload"])
    finally:
        functions.delete_function(FunctionName=name)
    return {variable: answer[variable] for variable in _CREDENTIALS}
