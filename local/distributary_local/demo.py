"""The main job, once, in front of your eyes: log files arrive, their owners get them, and nobody else but Z does."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from distributary_local.announcements import read_one, take_all
from distributary_local.deliveries import Told, Written, final_outcomes, last_outcomes, read_outcomes
from distributary_local.demo_tables import accounts_table, attempts_table, outcomes_table
from distributary_local.deployment import (
    ACCOUNTS,
    CENTRAL_ACCOUNT_ID,
    FORMATS,
    ORGANIZATION_ID,
    OWNERS,
    THIRD_PARTY_ACCOUNT_ID,
    Deployment,
)
from distributary_local.log_files import generate
from distributary_local.outage import third_party_outage
from distributary_local.trespass import Attempt, attempts
from distributary_local.verdicts import wrong_copies, wrong_in_outage, wrong_notifications, wrong_outcomes

DEADLINE_SECONDS = 120.0
OUTAGE_FILES = 30
TO_OWNERS, TO_Z = "DELIVER_TO_OWNER_LOG_GROUP", "FAN_OUT_LOG_GROUP"
out = Console(soft_wrap=True)


def run_demo(deployment: Deployment, files: int, seed: int) -> bool:
    """Write log files, wait for their outcomes, show tables and trespasses; say whether all of it held."""
    with _progress() as progress:
        written = list(_write(deployment, progress, files, seed, until=datetime.now(UTC)))
        told = _wait(deployment, progress, written, "owners", TO_OWNERS)
        third_party = _wait(deployment, progress, written, "Z", TO_Z)
    out.print(accounts_table(written, told, third_party))
    out.print(outcomes_table(written, told, third_party))
    for account_id, name in {OWNERS[1]: "B", THIRD_PARTY_ACCOUNT_ID: "Z"}.items():
        _show_notification(deployment, account_id, name)
    tried = list(_trespass(deployment, written))
    out.print(attempts_table(tried))
    problems = [f"{one.who} could {one.what}: {one.answer}" for one in tried if not one.held]
    in_outage, wrong = _show_outage(deployment, seed)
    written += in_outage
    told, third_party = (final_outcomes(read_outcomes(deployment, group)) for group in (TO_OWNERS, TO_Z))
    notified = {account_id: take_all(deployment, account_id) for account_id in FORMATS}
    problems += [*wrong, *wrong_outcomes(written, told, third_party), *wrong_copies(deployment, written)]
    problems += wrong_notifications(written, notified)
    for problem in problems:
        out.print(f"[red]✗[/red] {problem}", highlight=False)
    if not problems:
        out.print(
            f"[green]✓[/green] All of it held: {len(written)} files written, no file lost, none astray; "
            f"{sum(map(len, notified.values()))} notifications."
        )
    return not problems


def _show_notification(deployment: Deployment, account_id: str, name: str) -> None:
    """Print one notification as its subscriber got it."""
    queue = deployment.notification_queues[account_id]
    out.print(f"A notification, as {name} gets it from {queue.rpartition('/')[2]}", style="italic")
    out.print(read_one(deployment, account_id), markup=False, highlight=False)


def _show_outage(deployment: Deployment, seed: int) -> tuple[list[Written], list[str]]:
    """Let Z's bucket refuse while more log files arrive; then wait until Z has them after all.

    Returns:
        These log files, and what was wrong before Z's bucket was mended.
    """
    out.print("Z's outage: its bucket refuses every write", style="italic")
    with third_party_outage(deployment), _progress() as progress:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        written = list(_write(deployment, progress, OUTAGE_FILES, seed, until=yesterday))
        told = _wait(deployment, progress, written, "owners", TO_OWNERS)
        _wait(deployment, progress, written, "Z's failures", TO_Z, last_outcomes)
        tried = read_outcomes(deployment, TO_Z)
    problems = list(wrong_in_outage(written, told, tried))
    delivered = sum(one.outcome == "delivered" for one in told.values())
    failed = {one.key for one in tried if one.outcome == "failed"} & {one.file.key for one in written}
    out.print(f"  owners got their {delivered} files meanwhile; {len(failed)} for Z failed and wait in its own queue")
    with _progress() as progress:
        _wait(deployment, progress, written, "Z, which is mended", TO_Z)
    return written, problems


def _write(deployment: Deployment, progress: Progress, count: int, seed: int, until: datetime) -> Iterator[Written]:
    bucket = deployment.outputs["CentralBucketName"]
    client = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID)
    made = generate(
        count,
        account_ids=list(ACCOUNTS),
        subscribed=OWNERS,
        organization_id=ORGANIZATION_ID,
        seed=seed,
        until=until,
        bucket=bucket,
    )
    for file in progress.track(made, total=count, description="Writing log files"):
        began = time.time()
        encoding = {"ContentEncoding": file.content_encoding} if file.content_encoding else {}
        client.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=file.body,
            ContentType=file.content_type,
            Metadata=dict(file.metadata),
            **encoding,
        )
        yield Written(file, began)


def _wait(
    deployment: Deployment,
    progress: Progress,
    written: Collection[Written],
    whose: str,
    log_group: str,
    outcomes: Callable[[list[Told]], dict[str, Told]] = final_outcomes,
) -> dict[str, Told]:
    """Wait until every file has such an outcome, or until the deadline: what is missing then is reported as such."""
    keys = {one.file.key for one in written}
    task = progress.add_task(f"Waiting for {whose}", total=len(keys))
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        told = {key: one for key, one in outcomes(read_outcomes(deployment, log_group)).items() if key in keys}
        progress.update(task, completed=len(told))
        if len(told) == len(keys) or time.monotonic() > deadline:
            return told
        time.sleep(0.25)


def _trespass(deployment: Deployment, written: Sequence[Written]) -> Iterator[Attempt]:
    keys = {one.file.account_id: one.file.key for one in written if one.file.expected_outcome == "delivered"}
    yield from attempts(deployment, own_key=keys[OWNERS[1]], foreign_key=keys[OWNERS[2]])


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=out
    )
