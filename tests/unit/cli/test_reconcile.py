"""The command against a function that answers as told; the function itself is tested in test_reconcile_jobs."""

import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import B, C, Z, plain_subscription, subscription

from distributary.subscription_forms import from_mapping
from distributary.subscription_table import StoredSubscriptionError
from distributary.subscriptions import Subscription
from distributary.windows import Window
from distributary_cli import reconciling
from distributary_cli.reconciling import ReconcileFunction, chosen, days

FOUND = dict.fromkeys(("missing", "different", "extra", "repaired"), 0) | {"present": 3}
NOTHING: dict[str, Any] = {"missing_keys": [], "different_keys": [], "continue_after": None}


class Client:
    """Lambda with one function; what it answers is queued, and what it was asked is kept."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers: Callable[[dict[str, Any]], dict[str, Any]] = lambda _: {}
        self.fails = False
        self.interrupted_after = 1_000

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's spelling
        assert FunctionName == "distributary-reconcile"
        if len(self.asked) == self.interrupted_after:
            raise KeyboardInterrupt
        self.asked.append(json.loads(Payload))
        if self.fails:
            body = {"errorType": "AssumeRoleError", "errorMessage": "cannot assume it: no"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(body).encode())}
        answer = FOUND | NOTHING | self.answers(self.asked[-1])
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """B's and a third party's subscriptions are there to be compared."""
    client = Client()
    notified = plain_subscription(C, notify={"topic_arn": f"arn:aws:sns:us-east-1:{C}:log-files"})
    del notified["copy_to"]
    subscriptions = (subscription(B), subscription(Z, name="auditor", scope="all"), from_mapping(notified))
    function = ReconcileFunction(client, "distributary-reconcile", subscriptions)  # type: ignore[arg-type]
    monkeypatch.setattr(reconciling, "open_function", lambda *_: function)
    return client


def test_every_subscription_is_compared_over_the_last_two_days(run: Any, client: Client) -> None:
    compared = run("reconcile")
    assert compared.exit_code == 0
    assert [one["subscription"]["name"] for one in client.asked] == [f"owner-{B}", "auditor"]
    assert {(one["grace_minutes"], one["repair"]) for one in client.asked} == {(180, False)}
    age = datetime.now(UTC) - datetime.fromisoformat(client.asked[0]["since"])
    assert 47 < age.total_seconds() / 3600 < 49
    assert compared.stdout.splitlines()[1].split()[:3] == [f"owner-{B}", B, "3"]


def test_what_is_missing_is_named_and_fails(run: Any, client: Client) -> None:
    keys = [f"key-{number}" for number in range(12)]
    client.answers = lambda _: {"missing": 12, "missing_keys": keys}
    compared = run("reconcile", "--account", B)
    assert compared.exit_code == 1
    assert f"owner-{B}: missing: key-0" in compared.stdout
    assert f"owner-{B}: missing: and 2 more" in compared.stdout
    assert len(client.asked) == 1


def test_what_was_repaired_is_no_failure_and_what_is_different_is(run: Any, client: Client) -> None:
    client.answers = lambda event: {"missing": 2, "repaired": 2 if event["repair"] else 0}
    assert run("reconcile", "--repair").exit_code == 0
    client.answers = lambda _: {"different": 1, "different_keys": ["k"]}
    assert run("reconcile", "--repair").exit_code == 1


def test_parts_are_added_up(run: Any, client: Client) -> None:
    client.answers = lambda event: {
        "missing": 1,
        "missing_keys": ["k"],
        "continue_after": None if "after" in event else "k",
    }
    compared = run("reconcile", "--subscription", "auditor", "--json")
    [report] = json.loads(compared.stdout)["subscriptions"]
    assert (report["present"], report["missing"], report["missing_keys"]) == (6, 2, ["k", "k"])
    assert client.asked[1]["after"] == "k"


def test_the_functions_error_is_one_sentence(run: Any, client: Client) -> None:
    client.fails = True
    failed = run("reconcile")
    assert failed.exit_code == 1
    assert failed.stderr == ("Error: function distributary-reconcile failed: AssumeRoleError: cannot assume it: no\n")


@pytest.mark.parametrize(
    "arguments",
    [("--since", "someday"), ("--since", "2026-11-02", "--until", "2026-11-01"), ("--grace", "-1")],
)
def test_wrong_times_are_refused_before_anything_is_asked(run: Any, client: Client, arguments: tuple[str, ...]) -> None:
    assert run("reconcile", *arguments).exit_code == 2
    assert client.asked == []


@pytest.mark.parametrize(
    ("arguments", "is_told"),
    [((), True), (("--account", Z), True), (("--subscription", "bad"), True), (("--account", B), False)],
)
def test_what_is_malformed_is_told_and_not_passed_over(
    run: Any, client: Client, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], is_told: bool
) -> None:
    bad = StoredSubscriptionError("all", "external_id: is missing", "bad", Z)
    ones = (subscription(B), subscription(Z, name="auditor", scope="all"), subscription(C, name="bad"))
    function = ReconcileFunction(client, "distributary-reconcile", ones, (bad,))  # type: ignore[arg-type]
    monkeypatch.setattr(reconciling, "open_function", lambda *_: function)
    compared = run("reconcile", *arguments)
    assert ("Passed over: bad of third parties in the table is malformed" in compared.stderr) == is_told
    assert compared.exit_code == (1 if is_told else 0)
    assert compared.stdout != ""


def test_nobody_meant_is_an_error(run: Any, client: Client) -> None:
    refused = run("reconcile", "--account", C)
    assert refused.exit_code == 1
    assert "no subscription with copies is meant" in refused.stderr
    assert client.asked == []


def test_a_backfill_goes_day_by_day_from_the_newest(run: Any, client: Client) -> None:
    client.answers = lambda _: {"missing": 1, "repaired": 1}
    done = run("backfill", "--account", B, "--since", "2026-11-01T12:00", "--until", "2026-11-04", "--json")
    assert json.loads(done.stdout) == {"days": 3, "missing": 3, "queued": 3, "dry_run": False}
    assert [(one["since"][:13], one["until"][:10]) for one in client.asked] == [
        ("2026-11-03T00", "2026-11-04"),
        ("2026-11-02T00", "2026-11-03"),
        ("2026-11-01T12", "2026-11-02"),
    ]
    assert all(one["repair"] and one["grace_minutes"] == 0 for one in client.asked)


def test_a_dry_backfill_repairs_nothing(run: Any, client: Client) -> None:
    client.answers = lambda _: {"missing": 2}
    done = run("backfill", "--since", "2026-11-01", "--until", "2026-11-02", "--dry-run")
    assert done.stdout == "4 files would be queued, of 1 days and 2 subscriptions.\n"
    assert not any(one["repair"] for one in client.asked)


def test_only_who_has_a_topic_is_announced_everything(run: Any, client: Client) -> None:
    client.answers = lambda event: {"missing": 2, "repaired": 2 if event["repair"] else 0}
    announced = run("backfill", "--since", "2026-11-20", "--until", "2026-11-21", "--announce")
    assert announced.stdout == "2 files queued, of 1 days and 1 subscriptions.\n"
    [asked] = client.asked
    assert (asked["subscription"]["name"], asked["announce"], asked["repair"]) == (f"owner-{C}", True, True)
    assert run("backfill", "--since", "2026-11-20", "--announce", "--dry-run").exit_code == 0
    assert {(one["announce"], one["repair"]) for one in client.asked[1:]} == {(True, False)}
    refused = run("backfill", "--since", "2026-11-20", "--announce", "--account", B)
    assert (refused.exit_code, "no subscription with notifications is meant" in refused.stderr) == (1, True)


def test_a_backfill_keeps_to_its_rate(run: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("distributary_cli.reconcile_commands.time.sleep", slept.append)
    client.answers = lambda _: {"missing": 1000, "repaired": 1000}
    run("backfill", "--account", B, "--since", "2026-11-01", "--until", "2026-11-02", "--rate", "10")
    assert [round(seconds) for seconds in slept] == [100]


def test_days_cover_a_window_without_gap_or_overlap() -> None:
    window = Window(datetime(2026, 2, 27, 5, tzinfo=UTC), datetime(2026, 3, 2, 7, tzinfo=UTC))
    found = list(days(window, datetime(2030, 1, 1, tzinfo=UTC)))
    assert (found[0].until, found[-1].since) == (window.until, window.since)
    assert all(later.since == earlier.until for later, earlier in itertools.pairwise(found))
    assert len(found) == 4


def test_who_is_meant() -> None:
    def named(account_id: str, name: str) -> Subscription:
        return from_mapping(plain_subscription(account_id, name=name))

    ones = [named(B, "b"), named(C, "c")]
    assert chosen(ones, [], []) == ones
    assert chosen(ones, [B], []) == ones[:1]
    assert chosen(ones, [], ["c"]) == ones[1:]
    assert chosen(ones, [B], ["c"]) == []


@pytest.mark.parametrize("command", [("reconcile", "--repair"), ("backfill", "--since", "2d")], ids=" ".join)
def test_ctrl_c_says_how_far_it_was_and_what_to_do(run: Any, client: Client, command: tuple[str, ...]) -> None:
    client.answers = lambda _: {"missing": 4, "repaired": 4}
    client.interrupted_after = 1
    interrupted = run(*command)
    assert interrupted.exit_code == 130
    assert interrupted.stdout == ""
    [said] = interrupted.stderr.splitlines()
    assert said.startswith("Interrupted after 1 of ")
    assert "At least 4 files are queued" in said
    assert "Run it again" in said


def test_an_account_that_is_none_is_refused(run: Any, client: Client) -> None:
    refused = run("reconcile", "--account", "B")
    assert (refused.exit_code, client.asked) == (2, [])
    assert "twelve digits" in refused.stderr


def test_a_terminal_sees_how_far_it_is(run: Any, client: Client) -> None:
    done = run("backfill", "--since", "2d", env={"FORCE_COLOR": "1"})
    assert done.exit_code == 0
    assert "Comparing" in done.stderr
    assert "Comparing" not in done.stdout
    assert client.asked
