"""`python -m distributary_local up|down|demo`: what `make up`, `make down` and `make demo` run."""

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
from distributary_local.demo import run_demo
from distributary_local.deployment import ORGANIZATIONS, Deployment, deploy
from distributary_local.emulator import Emulator, EmulatorError
from distributary_local.tools import ROOT, DeploymentError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
messages = Console(stderr=True)
Port = Annotated[int, typer.Option(envvar="LOCAL_PORT", min=1, max=65535, help="The port of the local AWS.")]
STATE = ROOT / ".local"


def _say(step: str) -> None:
    messages.print(f"  [dim]•[/dim] {step}", highlight=False)


@app.command()
def up(port: Port = 4566) -> None:
    """Start a local AWS with everything deployed, and leave it running."""
    directory = STATE / str(port)
    if emulators.attach(directory) is not None:
        messages.print(f"It is up already on port {port}: source {_shown(directory / 'env')}, or make down first.")
        return
    shutil.rmtree(directory, ignore_errors=True)  # what an interrupted start has left
    _say(f"local AWS on port {port}")
    running = emulators.start(port, directory, organizations=ORGANIZATIONS)
    try:
        deployment = deploy(running, _say)
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
    link = STATE / "env"
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


def _write_environment(deployment: Deployment) -> Path:
    running: Emulator = deployment.emulator
    file = running.directory / "env"
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in deployment.environment.items())
    file.write_text("".join(lines))
    link = STATE / "env"
    link.unlink(missing_ok=True)
    link.symlink_to(file.relative_to(STATE))
    return file


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def main() -> None:
    """Run a command; a failure that people can mend is told in one piece, without a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped then, too
    try:
        app()
    except (EmulatorError, DeploymentError) as error:
        messages.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
