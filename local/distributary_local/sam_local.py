"""Runs a function in Lambda's own image by `sam local invoke`, and reads what came of it.

`sam local` ends with 0 whatever happens to the function, so what it prints is read.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributary_local.tools import ROOT, run


class InvocationError(Exception):
    """A function could not be run, or not to its end; the message says why."""


@dataclass(frozen=True, slots=True)
class Invoked:
    """What a function answered, and the lines of its log that tell an outcome."""

    response: Any
    told: tuple[Mapping[str, Any], ...]

    @property
    def outcomes(self) -> Counter[str]:
        """How many log files had each; a file that had been delivered before counts as delivered."""
        return Counter(str(line["outcome"]).removeprefix("already_") for line in self.told)

    @property
    def error(self) -> str | None:
        """What the function raised, if it did."""
        if isinstance(self.response, Mapping) and "errorType" in self.response:
            return f"{self.response['errorType']}: {self.response.get('errorMessage', '')}"
        return None


def sam_local_invoke(function: str, event: Path, template: Path, variables: Path) -> Invoked:
    """Run a function once.

    Args:
        function: its logical ID.
        event: a file.
        template: built, see `sam_functions.write_template`.
        variables: a file for `--env-vars`.

    Raises:
        InvocationError: if it doesn't answer, by a timeout or for want of memory.
        DeploymentError: if sam can't run it.
    """
    command = ("sam", "local", "invoke", function, "--event", event, "--template-file", template)
    settings = ("--config-file", ROOT / "samconfig.toml", "--config-env", "local", "--env-vars", variables)
    done = run(None, "", *command, *settings)
    lines = done.stdout.strip().splitlines()
    try:
        response = json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        raise InvocationError(f"{function} gave no answer.\n{done.stderr.strip()[-3000:]}") from error
    return Invoked(response, tuple(told_outcomes(done.stderr)))


def told_outcomes(log: str) -> Iterator[Mapping[str, Any]]:
    """The lines of a function's log that tell an outcome, among all that sam prints."""
    for line in log.splitlines():
        if line.startswith("{"):
            fields = json.loads(line)
            if "outcome" in fields and "_aws" not in fields:
                yield fields
