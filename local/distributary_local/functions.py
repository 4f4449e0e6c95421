"""Ends a function of the local AWS in the middle of its work, as Lambda does when it runs out of memory or time."""

import os
import signal
import subprocess
from collections.abc import Iterator

from distributary_local.emulator import Emulator


def kill(emulator: Emulator, function_name: str) -> int:
    """Kill every environment of a function, whatever it is doing; how many there were."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={function_name}"
    killed = [pid for pid, parent, words in _processes() if parent == emulator.pid and wanted in words]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    return len(killed)


def _processes() -> Iterator[tuple[int, int, list[str]]]:
    """Each process with its parent, and the words of its command line and its environment."""
    command = ("ps", "axeww", "-o", "pid=,ppid=,command=")
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        pid, parent, *words = line.split()
        yield int(pid), int(parent), words
