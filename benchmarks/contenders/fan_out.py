"""The real function: functions/fan_out/app.py."""

from functions.fan_out import app

from benchmarks.contenders import Handler


def make() -> Handler:
    """The handler."""
    return app.handler
