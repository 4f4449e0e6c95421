"""The real function: functions/deliver_to_owner/app.py."""

import importlib.util
from pathlib import Path

from benchmarks.contenders import Handler

FUNCTIONS = Path(__file__).parents[2] / "functions"


def load(function: str) -> Handler:
    """The handler of a function, from its file as Lambda would import it."""
    spec = importlib.util.spec_from_file_location("app", FUNCTIONS / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


def make() -> Handler:
    """The handler."""
    return load("deliver_to_owner")
