"""`make invoke`: one event of events/ through one function in Lambda's own image, and whether it ended as documented.

With a local AWS (`make up`) the files that the event announces are put there first, and really copied. Without one,
nothing that takes a subscription can be delivered: events/README.md says what comes then.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from distributary.events import is_queue_batch
from distributary_local.emulator import Emulator
from distributary_local.engine import bridge_address, reachable
from distributary_local.sam_functions import function_names, read_variables, write_template, write_variables
from distributary_local.sam_local import InvocationError, Invoked, sam_local_invoke
from distributary_local.staged_files import stage
from distributary_local.tools import ROOT, sam_build

BUILD = ROOT / ".local" / "invoke"
EVENTS = ROOT / "events"
DELIVERING = ("DeliverToOwner", "FanOut")
NOWHERE = "http://127.0.0.1:9"
"""Where nothing listens: without a local AWS, a function must not ask the real one."""
_OUTCOMES = {"deliver": "delivered", "control": "ignored", "other": "ignored", "unreadable": "failed"}


def read_event(file: Path) -> dict[str, Any]:
    """Read an event file.

    Raises:
        InvocationError: if there is none, or none that Lambda would take.
    """
    if not file.is_file():
        raise InvocationError(f"{file} is no file. EVENT= names one, such as EVENT=events/eventbridge-sqs.json")
    try:
        event = json.loads(file.read_text())
    except ValueError as error:
        raise InvocationError(f"{file} is no JSON: {error}.") from error
    if not isinstance(event, dict):
        raise InvocationError(f"{file} is no event: a JSON object is.")
    return event


def invoke(function: str, event: dict[str, Any], emulator: Emulator | None, progress: Callable[[str], None]) -> Invoked:
    """Build, and run a function once.

    Raises:
        InvocationError: if there is no such function, or it doesn't answer.
        EngineError: if there is no container engine.
        DeploymentError: if `sam build` fails.
    """
    address = bridge_address()
    if not _is_built():
        progress("sam build")
        sam_build(BUILD)
        write_template(BUILD)
    template = BUILD / "local.yaml"
    if function not in function_names(template):
        raise InvocationError(f"There is no function {function}: FUNCTION= is {', '.join(function_names(template))}.")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="distributary-invoke-")))
        variables = lonely_variables()
        if emulator is not None:
            url = stack.enter_context(reachable(emulator.host, emulator.port, address))
            variables = {name: own | {"AWS_ENDPOINT_URL": url} for name, own in read_variables(emulator).items()}
            if function in DELIVERING:
                event, put = stage(emulator, variables[function], event)
                if put:
                    progress(f"put {put} log files into s3://{variables[function]['CENTRAL_BUCKET']}")
        file = directory / "event.json"
        file.write_text(json.dumps(event))
        progress(f"sam local invoke {function}")
        return sam_local_invoke(function, file, template, write_variables(directory / "functions.json", variables))


def _is_built() -> bool:
    """Whether nothing has changed since: sam's own look at its cache takes seconds."""
    template = BUILD / "local.yaml"
    folders = [ROOT / "functions", ROOT / "layers" / "core"]
    sources = [ROOT / "template.yaml", *(file for folder in folders for file in (folder, *folder.rglob("*")))]
    changed = (file.stat().st_mtime for file in sources if "__pycache__" not in file.parts)
    return template.exists() and template.stat().st_mtime > max(changed)


def lonely_variables() -> dict[str, dict[str, str]]:
    """All functions' variables where there is no local AWS."""
    variables = json.loads((ROOT / "local" / "environment.json").read_text())["Parameters"]
    nobody = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "nobody")
    return {"Parameters": {**variables, **nobody, "AWS_ENDPOINT_URL": NOWHERE}}


def expected_outcomes(file: Path, function: str, *, is_lonely: bool) -> Counter[str] | None:
    """How many log files end how, by events/expected.json; None where it doesn't say.

    Args:
        file: the event's.
        function: its logical ID.
        is_lonely: whether there is no local AWS.
    """
    expected = json.loads((EVENTS / "expected.json").read_text()).get(file.name)
    if expected is None or file.resolve().parent != EVENTS or function not in DELIVERING:
        return None
    words = dict(_OUTCOMES)
    if function == "FanOut":
        words["unsubscribed"] = "delivered"  # a third party receives everybody's
    if is_lonely:
        words |= {"deliver": "failed", "unsubscribed": "failed"}
    return Counter(words.get(one["expect"], one["expect"]) for message in expected for one in message)


def complaint(event: dict[str, Any], invoked: Invoked, expected: Counter[str] | None) -> str | None:
    """What is not as it should be, if anything.

    Args:
        event: what the function was given.
        invoked: what came of it.
        expected: the outcomes; None if nothing may fail.
    """
    outcomes = invoked.outcomes
    if expected is not None and outcomes != expected:
        return f"events/expected.json says {shown(expected)}; it was {shown(outcomes)}."
    if expected is None and outcomes["failed"]:
        return f"It was {shown(outcomes)}."
    raises = not is_queue_batch(event) and outcomes["failed"] > 0  # so that Lambda tries again
    return f"The function raised {invoked.error}" if invoked.error and not raises else None


def shown(outcomes: Counter[str]) -> str:
    """Such as `2 delivered, 1 ignored`."""
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "nothing"


def told(line: Mapping[str, Any]) -> str:
    """One line of a function's log, for people."""
    where = "".join(f"\n    → {destination}" for destination in line.get("deliveries", ()))
    why = f"\n    {line['reason']}" if line.get("reason") else ""
    return f"{line['outcome']}  {line.get('key') or '(no key)'}{where}{why}"
