"""What `make invoke` makes of an event and of what came of it; containers are for tests/sam_local."""

import json
import socket
from collections import Counter
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from distributary.events import read_message
from distributary_local.emulator import LOOPBACK
from distributary_local.engine import HOST_NAME, reachable
from distributary_local.invocation import EVENTS, complaint, expected_outcomes, read_event, shown, told
from distributary_local.sam_local import InvocationError, Invoked, told_outcomes
from distributary_local.staged_files import _announced, _pinned

BATCH = {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}
DIRECT = {"source": "aws.s3"}
ENVELOPES = (
    "s3",
    "s3-sqs",
    "s3-sns-sqs",
    "s3-sns-sqs-raw",
    "s3-sns",
    "eventbridge",
    "eventbridge-sqs",
    "ten-records-sqs",
)


def invoked(*outcomes: str, error: str | None = None) -> Invoked:
    response: Any = {"errorType": error, "errorMessage": "why"} if error else {"batchItemFailures": []}
    return Invoked(response, tuple({"outcome": outcome} for outcome in outcomes))


def test_a_second_delivery_is_as_good_as_the_first() -> None:
    assert complaint(BATCH, invoked("delivered", "already_delivered"), Counter(delivered=2)) is None


def test_another_outcome_is_complained_of() -> None:
    assert complaint(BATCH, invoked("failed"), Counter(delivered=1)) == (
        "events/expected.json says 1 delivered; it was 1 failed."
    )


def test_of_an_event_that_nobody_documented_nothing_may_fail() -> None:
    assert complaint(BATCH, invoked("gone", "failed"), None) == "It was 1 failed, 1 gone."
    assert complaint(BATCH, invoked("gone"), None) is None


def test_only_a_direct_event_that_failed_may_raise() -> None:
    raised = invoked("failed", error="UndeliveredError")
    assert complaint(DIRECT, raised, Counter(failed=1)) is None
    assert complaint(BATCH, raised, Counter(failed=1)) == "The function raised UndeliveredError: why"
    assert complaint(DIRECT, invoked(error="KeyError"), None) == "The function raised KeyError: why"


def test_what_is_due_depends_on_the_function_and_on_the_local_aws() -> None:
    file = EVENTS / "unsubscribed-eventbridge-sqs.json"
    assert expected_outcomes(file, "DeliverToOwner", is_lonely=False) == {"unsubscribed": 1}
    assert expected_outcomes(file, "FanOut", is_lonely=False) == {"delivered": 1}
    assert expected_outcomes(file, "FanOut", is_lonely=True) == {"failed": 1}
    assert expected_outcomes(file, "Reconcile", is_lonely=False) is None
    assert expected_outcomes(Path("elsewhere") / file.name, "FanOut", is_lonely=False) is None


@pytest.mark.parametrize(("text", "sentence"), [(None, "is no file"), ("{", "is no JSON"), ("[]", "is no event")])
def test_a_file_that_holds_no_event_is_told_in_a_sentence(text: str | None, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvocationError, match=sentence):
        read_event(file)


def test_outcomes_are_found_among_all_that_sam_prints() -> None:
    metric = {"_aws": {}, "outcome": "delivered"}
    lines = ["START RequestId: 1", json.dumps({"outcome": "gone", "key": "k"}), json.dumps(metric), '{"message": "x"}']
    [line] = told_outcomes("\n".join(lines))
    assert told(line) == "gone  k"
    assert shown(Counter(gone=1)) == "1 gone"


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_event_gets_the_version_ids_of_the_files_that_were_put(name: str) -> None:
    event = json.loads((EVENTS / f"{name}.json").read_text())
    messages = [record["body"] for record in event["Records"]] if name.endswith("sqs") or "raw" in name else [event]
    for message in messages:
        announced = list(_announced(message))
        versions = {one.key: f"v{number}" for number, one in enumerate(announced)}
        text = message if isinstance(message, str) else json.dumps(message)
        pinned = _pinned(text, announced, versions)
        after = read_message(pinned if isinstance(message, str) else json.loads(pinned))
        assert [getattr(one, "version_id", None) for one in after] == list(versions.values())


def test_a_container_reaches_the_loopback_address_by_the_bridge_and_only_meanwhile() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        Thread(target=_echo_once, args=(server,), daemon=True).start()
        with reachable(LOOPBACK, server.getsockname()[1], LOOPBACK) as url:  # for the bridge
            port = int(url.removeprefix(f"http://{HOST_NAME}:"))
            with socket.create_connection((LOOPBACK, port), timeout=10) as client:
                client.sendall(b"said")
                client.shutdown(socket.SHUT_WR)
                assert client.makefile("rb").read() == b"said"
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((LOOPBACK, port), timeout=10)


def test_where_the_bridge_is_in_a_virtual_machine_that_passes_on_nothing_is_served_here() -> None:
    with reachable(LOOPBACK, 4566, "192.0.2.1") as url:
        assert url == f"http://{HOST_NAME}:4566"


def test_a_local_aws_on_another_address_is_reached_by_that() -> None:
    with reachable("172.17.0.1", 4566, "172.17.0.1") as url:
        assert url == "http://172.17.0.1:4566"


def _echo_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        while data := connection.recv(100):
            connection.sendall(data)
