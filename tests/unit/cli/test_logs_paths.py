import re
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from samples import cloudtrail_key

from distributary_cli.logs_paths import MAX_NAME_BYTES, relative_path

# What people and attackers would put into a key: separators, dots, device names, and anything else.
hostile = st.lists(
    st.sampled_from(
        ["/", "//", "..", ".", "\\", "\0", "C:", "CON", "nul.txt", "%2F", "%", "~", " ", "a", "é", "\u202e"]
    )
    | st.text(st.characters(codec="utf-8"), max_size=5),
    min_size=1,
    max_size=12,
).map("".join)
keys = (hostile | st.text(st.characters(codec="utf-8"), min_size=1, max_size=400)).filter(bool)


@given(keys)
@example("../../etc/passwd")
@example("/etc/passwd")
@example("C:\\Windows\\system32")
@example("\\\\server\\share")
@example("a/./b/../c/")
@example("x" * 1024)
def test_no_key_leads_out_of_the_folder(key: str) -> None:
    path = relative_path(key)
    assert path
    for flavour in (PurePosixPath(path), PureWindowsPath(path)):
        assert not flavour.is_absolute()
        assert not flavour.drive
        assert not flavour.root
        assert flavour.parts == tuple(path.split("/"))  # the names are those that we see, no fewer and no more
    for name in path.split("/"):
        assert name
        assert not name.startswith(".")
        assert not name.endswith((".", " "))
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert name.isprintable()
        assert not re.search(r'[\\:*?"<>|]', name)
        assert not re.fullmatch(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", name, re.IGNORECASE)


@given(keys)
def test_a_path_gives_its_key_back_unless_it_was_cut(key: str) -> None:
    path = relative_path(key)
    assert "%~" in path or unquote(path, errors="strict") == key


@given(st.text("ab/.%~:", min_size=1, max_size=6), st.text("ab/.%~:", min_size=1, max_size=6))
def test_two_keys_have_two_paths(one: str, other: str) -> None:
    assert one == other or relative_path(one) != relative_path(other)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (cloudtrail_key(), cloudtrail_key()),
        ("AWSLogs/1/Config/AWS::EC2::Instance_1.json.gz", "AWSLogs/1/Config/AWS%3A%3AEC2%3A%3AInstance_1.json.gz"),
        ("/AWSLogs/1/x.gz", "%2FAWSLogs/1/x.gz"),
        ("a//b", "a%2F%2Fb"),
        ("a/", "a%2F"),
        ("..", "%2E%2E"),
        ("a/../b", "a/%2E%2E/b"),
        (".distributary/x.part", "%2Edistributary/x.part"),
        ("a\0b", "a%00b"),
        ("100%", "100%25"),
        ("con.gz", "%63on.gz"),
        ("con .gz", "%63on .gz"),
        ("CONIN$", "%43ONIN$"),
        ("conout$.gz", "%63onout$.gz"),
        ("cafés/ä.gz", "cafés/ä.gz"),
    ],
)
def test_the_mapping_is_as_documented(key: str, path: str) -> None:
    assert relative_path(key) == path


def test_names_that_are_too_long_stay_apart() -> None:
    one, other = (relative_path("%" * 255 + end) for end in "ab")
    assert one != other
    assert one[:180] == other[:180]
    assert re.fullmatch(r"(%25)+%~[0-9a-f]{64}", one)
