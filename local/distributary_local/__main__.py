"""`python -m distributary_local up|down|demo|invoke`: what the `make` words of these names run."""

import os
import shlex
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from distributary_local import emulator as emulators
from distributary_local import invocation
from distributary_local.demo import run_demo
from distributary_local.deployment import CENTRAL_ACCOUNT_ID, ORGANIZATIONS, STACK, Deployment, deploy
from distributary_local.emulator import Emulator, EmulatorError
from distributary_local.engine import EngineError
from distributary_local.invocation import complaint, expected_outcomes, read_event, shown, told
from distributary_local.sam_functions import prepare
from distributary_local.sam_local import InvocationError
from distributary_local.tools import ROOT, DeploymentError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
messages = Console(stderr=True)
results = Console()
Host = Annotated[
    str, typer.Option(envvar="LOCAL_HOST", help="The address of the local AWS; containers reach the engine's bridge.")
]
Port = Annotated[int, typer.Option(envvar="LOCAL_PORT", min=1, max=65535, help="The port of the local AWS.")]
STATE = ROOT / ".local"


def _say(step: str) -> None:
    messages.print(f"  [dim]•[/dim] {step}", highlight=False)


@app.command()
def up(host: Host = emulators.LOOPBACK, port: Port = 4566) -> None:
    """Start a local AWS with everything deployed, and leave it running."""
    directory = STATE / str(port)
    if emulators.attach(directory) is not None:
        messages.print(f"It is up already on port {port}: source {_shown(directory / 'env')}, or make down first.")
        return
    shutil.rmtree(directory, ignore_errors=True)  # what an interrupted start has left
    _say(f"local AWS on port {port}")
    running = emulators.start(port, directory, organizations=ORGANIZATIONS, host=host)
    try:
        deployment = deploy(running, _say)
        _link("sam", prepare(running, CENTRAL_ACCOUNT_ID, STACK))
    except BaseException:
        running.stop()
        raise
    file = _write_environment(deployment)
    messages.print(
        f"Up. Now: [bold]source {_shown(file)}[/bold]  (and [bold]make down[/bold] at the end)", highlight=False
    )


@app.command()
def down(port: Port = 4566) -> None:
    """Stop the local AWS of that port; what was in it is gone."""
    directory = STATE / str(port)
    running = emulators.attach(directory)
    if running is None:
        messages.print(f"Nothing runs on port {port}.")
        return
    running.stop()
    shutil.rmtree(directory)
    for link in (STATE / "env", STATE / "sam"):
        if link.is_symlink() and not link.exists():
            link.unlink()
    messages.print(f"Down: port {port}.")


@app.command()
def demo(
    files: Annotated[int, typer.Option(min=14, help="How many log files to write.")] = 300,
    seed: Annotated[int, typer.Option(help="Other files with another number.")] = 1,
) -> None:
    """Run the main job once on a local AWS of its own, show what came of it, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="distributary-demo-") as directory:
        _say("local AWS, IAM enforced")
        with emulators.running(emulators.free_port(), Path(directory), organizations=ORGANIZATIONS) as running:
            held = run_demo(deploy(running, _say), files=files, seed=seed)
    raise typer.Exit(0 if held else 1)


@app.command()
def invoke(
    event_file: Annotated[Path, typer.Argument(metavar="EVENT", help="An event file.")],
    function: Annotated[str, typer.Option(help="The function's name in template.yaml.")] = "DeliverToOwner",
    port: Port = 4566,
) -> None:
    """Run a function in Lambda's own image on an event: on the local AWS of that port, if one is up."""
    event = read_event(event_file)
    running = emulators.attach(STATE / str(port))
    if running is None:
        messages.print(f"No local AWS is up on port {port} (make up): nothing can be delivered.", style="yellow")
    invoked = invocation.invoke(function, event, running, _say)
    for line in invoked.told:
        results.print(told(line), markup=False, highlight=False, soft_wrap=True)
    results.print_json(data=invoked.response, indent=None)
    expected = expected_outcomes(event_file, function, is_lonely=running is None)
    if problem := complaint(event, invoked, expected):
        raise InvocationError(problem)
    if expected is not None:
        messages.print(f"✓ as events/expected.json says: {shown(expected)}", style="green", highlight=False)


def _write_environment(deployment: Deployment) -> Path:
    running: Emulator = deployment.emulator
    file = running.directory / "env"
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in deployment.environment.items())
    file.write_text("".join(lines))
    _link("env", file)
    return file


def _link(name: str, target: Path) -> None:
    link = STATE / name
    link.unlink(missing_ok=True)
    link.symlink_to(target.relative_to(STATE))


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def main() -> None:
    """Run a command; a failure that people can mend is told in one piece, without a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped then, too
    try:
        app()
    except (EmulatorError, DeploymentError, EngineError, InvocationError) as error:
        messages.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
