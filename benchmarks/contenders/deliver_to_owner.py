"""The real function: functions/deliver_to_owner/app.py."""

from functions.deliver_to_owner import app

from benchmarks.contenders import Handler


def make() -> Handler:
    """The handler."""
    return app.handler
