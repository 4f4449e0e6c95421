"""Ends a function of the local AWS in the middle of its work, as Lambda does when it runs out of memory or time."""

import os
import signal
import subprocess

from distributary_local.emulator import Emulator


def kill(emulator: Emulator, function_name: str) -> int:
    """Kill every environment of a function, whatever it is doing; how many there were."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={function_name}"
    killed = [pid for pid in _children(emulator.pid) if wanted in _environment(pid)]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    return len(killed)


def _children(pid: int) -> list[int]:
    pairs = (line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines())
    return [int(child) for child, parent in pairs if int(parent) == pid]


def _environment(pid: int) -> list[str]:
    return _ps("eww", "-o", "command=", "-p", str(pid)).split()


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
