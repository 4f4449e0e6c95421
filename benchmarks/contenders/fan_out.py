"""The real function: functions/fan_out/app.py."""

from benchmarks.contenders import Handler
from benchmarks.contenders.deliver_to_owner import load


def make() -> Handler:
    """The handler."""
    return load("fan_out")
