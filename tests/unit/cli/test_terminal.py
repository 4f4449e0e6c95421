"""The installed command as a process: what only a real terminal, pipe or signal shows."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from samples import cloudtrail_key

COMMAND = str(Path(sys.executable).parent / "distributary")
EXAMPLE = str(Path(__file__).parents[3] / "subscriptions.example.yaml")
KEY = cloudtrail_key()


def command(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *args], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return] # noqa: S603


def on_a_terminal(*args: str, **environment: str) -> str:
    """What a terminal of 40 columns is sent."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (20, 40))
    process = subprocess.Popen([COMMAND, *args], stdout=theirs, stderr=theirs, env=os.environ | environment)  # noqa: S603
    os.close(theirs)
    sent = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            sent += os.read(ours, 4096)
        except OSError:  # the process has closed its end
            break
    process.wait(60)
    os.close(ours)
    return sent.decode()


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    args = ("explain", "--file", EXAMPLE, KEY)
    assert "\x1b[32mdeliver" in on_a_terminal(*args, TERM="xterm-256color")
    assert "\x1b[32m" not in on_a_terminal(*args, TERM="xterm-256color", NO_COLOR="1")
    assert "\x1b" not in command(*args).stdout


def test_nothing_is_cut_off_on_a_narrow_terminal() -> None:
    assert KEY in on_a_terminal("explain", "--file", EXAMPLE, KEY, NO_COLOR="1", TERM="dumb")


def test_a_reader_that_goes_away_is_no_error() -> None:
    keys = "\n".join(cloudtrail_key(number=number) for number in range(5000))
    for mode in ([], ["--json"]):
        process = subprocess.Popen(  # noqa: S603
            [COMMAND, "explain", *mode, "--file", EXAMPLE, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        _, said = process.communicate(keys, timeout=60)
        assert said == ""


def test_ctrl_c_ends_it_with_130_and_without_a_traceback() -> None:
    process = subprocess.Popen(  # noqa: S603
        [COMMAND, "explain", "--json", "--file", EXAMPLE, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{KEY}\n")
    assert KEY in process.stdout.readline()  # answered at once, and now it waits for the next
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (130, "")


def test_a_key_of_bytes_that_are_no_text_is_explained() -> None:
    for mode in ([], ["--json"]):
        told = subprocess.run(  # noqa: S603
            [COMMAND.encode(), b"explain", *(part.encode() for part in mode), b"--file", EXAMPLE.encode(), b"caf\xe9"],
            capture_output=True,
            timeout=60,
            check=True,
        )
        assert b"udce9" in told.stdout


def test_an_ascii_terminal_gets_escapes_not_an_error() -> None:
    told = command("explain", "--file", EXAMPLE, KEY, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert told.returncode == 0
    assert "\\u2192 payments" in told.stdout


def test_help_and_a_file_s_explanation_load_no_aws_library() -> None:
    script = (
        "import sys; from distributary_cli.app import main; sys.argv[0] = 'distributary'\n"
        "try: main()\nexcept SystemExit: print('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    for args in (["--help"], ["explain", "--file", EXAMPLE, KEY], ["subscriptions", "schema"]):
        ran = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True, check=True)  # noqa: S603
        assert ran.stdout.splitlines()[-1] == "False"


def test_the_version_is_told() -> None:
    assert command("--version").stdout == "distributary 0.1.0\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["subscriptions", "pln"], "Did you mean 'plan'"),
        (["subscriptions", "plan", "--fiel", "x"], "No such option: --fiel"),
        (["nonsense"], "No such command"),
        (["subscriptions", "apply"], "add --yes"),
        (["explain", "--prefix-accounts", "x", "y"], "--prefix-accounts"),
    ],
)
def test_a_wrong_use_exits_with_2_and_says_what_is_right(args: list[str], said: str) -> None:
    used = command(*args, stdin=subprocess.DEVNULL)
    assert (used.returncode, used.stdout) == (2, "")
    assert said in " ".join(used.stderr.replace("│", " ").split())
