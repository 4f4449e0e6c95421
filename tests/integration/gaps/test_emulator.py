import socket
import subprocess
from pathlib import Path

import pytest
from integration.gaps.world import A, Aws, eventually

from distributary_local import emulator

SLEEPER = """
import time
def handler(event, context):
    time.sleep(60)
"""


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(emulator.EmulatorError, match=rf"Port {port} .*LOCAL_PORT={port + 1}"):
            emulator.start(port, tmp_path)


def test_a_start_that_fails_shows_the_log(tmp_path: Path) -> None:
    with pytest.raises(emulator.EmulatorError, match="No such gap: nonsense"):
        emulator.start(emulator.free_port(), tmp_path, without_gaps={"nonsense"})


def test_no_function_outlives_the_emulator(tmp_path: Path) -> None:
    with emulator.running(emulator.free_port(), tmp_path) as running:
        aws = Aws(running)
        function = aws.function(A, SLEEPER, Timeout=60)
        aws.root("lambda", A).invoke(FunctionName=function, InvocationType="Event")
        assert eventually(lambda: len(_processes(running.pid)) == 2)
        attached = emulator.attach(tmp_path)
        assert attached == running
    assert _processes(running.pid) == []
    assert emulator.attach(tmp_path) is None
    running.stop()  # again does nothing


def test_another_process_with_that_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:  # noqa: S607
        emulator.Emulator(other.pid, "127.0.0.1", 1, tmp_path).stop()
        assert other.poll() is None
        other.kill()


def _processes(group: int) -> list[str]:
    """Return the processes of the group that have not ended, whether or not somebody has looked at how."""
    asked = ["ps", "-o", "stat=", "-g", str(group)]
    states = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()  # noqa: S603
    return [state for state in states if not state.startswith("Z")]
