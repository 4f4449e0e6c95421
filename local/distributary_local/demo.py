"""The main job, once, in front of your eyes: log files arrive, their owners get them, and nobody else does."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from distributary_local.deliveries import Told, final_outcomes, read_bucket, read_outcomes
from distributary_local.deployment import (
    CENTRAL_ACCOUNT_ID,
    ORGANIZATION_ID,
    OWNERS,
    UNSUBSCRIBED_ACCOUNT_ID,
    Deployment,
)
from distributary_local.log_files import GeneratedFile, generate
from distributary_local.trespass import Attempt, attempts

DEADLINE_SECONDS = 90.0
ACCOUNTS = dict(zip((*OWNERS, UNSUBSCRIBED_ACCOUNT_ID), "ABCD", strict=True))
out = Console(soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Written:
    """A log file in the central bucket, and when writing it began, in seconds since the epoch."""

    file: GeneratedFile
    time: float


def run_demo(deployment: Deployment, files: int, seed: int) -> bool:
    """Write log files, wait for their outcomes, show tables and trespasses; say whether all of it held."""
    with _progress() as progress:
        written = list(_write(deployment, progress, files, seed))
        told = _wait(deployment, progress, {one.file.key for one in written})
    out.print(_accounts_table(written, told))
    out.print(_outcomes_table(written, told))
    problems = [*_wrong_outcomes(written, told), *_wrong_copies(deployment, written)]
    tried = list(_trespass(deployment, written))
    out.print(_attempts_table(tried))
    problems += [f"{one.who} could {one.what}: {one.answer}" for one in tried if not one.held]
    for problem in problems:
        out.print(f"[red]✗[/red] {problem}", highlight=False)
    if not problems:
        out.print(
            f"[green]✓[/green] All of it held: {len(written)} files written, {len(told)} outcomes, no file astray."
        )
    return not problems


def _write(deployment: Deployment, progress: Progress, count: int, seed: int) -> Iterator[Written]:
    bucket = deployment.outputs["CentralBucketName"]
    client = deployment.emulator.client("s3", CENTRAL_ACCOUNT_ID)
    made = generate(
        count,
        account_ids=list(ACCOUNTS),
        subscribed=OWNERS,
        organization_id=ORGANIZATION_ID,
        seed=seed,
        until=datetime.now(UTC),
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


def _wait(deployment: Deployment, progress: Progress, keys: set[str]) -> dict[str, Told]:
    """Wait until every key has a final outcome, or until the deadline: what is missing then is reported as such."""
    task = progress.add_task("Waiting for outcomes", total=len(keys))
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        told = {key: one for key, one in final_outcomes(read_outcomes(deployment)).items() if key in keys}
        progress.update(task, completed=len(told))
        if len(told) == len(keys) or time.monotonic() > deadline:
            return told
        time.sleep(0.25)


def _wrong_outcomes(written: Sequence[Written], told: dict[str, Told]) -> Iterator[str]:
    for one in written:
        got = told[one.file.key].outcome if one.file.key in told else "no outcome"
        if got != one.file.expected_outcome:
            yield f"{one.file.key} ({one.file.description}): {got}, expected {one.file.expected_outcome}"


def _wrong_copies(deployment: Deployment, written: Sequence[Written]) -> Iterator[str]:
    """Each owner's bucket holds the owner's files, byte for byte, and nothing else; digests with their signature."""
    central = read_bucket(deployment, CENTRAL_ACCOUNT_ID, deployment.outputs["CentralBucketName"])
    for account_id in OWNERS:
        bucket = deployment.buckets[account_id]
        due = [
            one.file
            for one in written
            if one.file.account_id == account_id and one.file.expected_outcome == "delivered"
        ]
        copies = read_bucket(deployment, account_id, bucket)
        for key in {file.key for file in due} ^ copies.keys():
            yield f"{bucket} {'holds' if key in copies else 'lacks'} {key}"
        yield from (f"{bucket} holds another {file.key}" for file in due if copies.get(file.key) != central[file.key])
        client = deployment.emulator.client("s3", account_id)
        for file in due:
            if not file.metadata or file.key not in copies:
                continue
            if client.head_object(Bucket=bucket, Key=file.key)["Metadata"] != dict(file.metadata):
                yield f"{bucket} lost the metadata of {file.key}"


def _trespass(deployment: Deployment, written: Sequence[Written]) -> Iterator[Attempt]:
    keys = {one.file.account_id: one.file.key for one in written if one.file.expected_outcome == "delivered"}
    yield from attempts(deployment, own_key=keys[OWNERS[1]], foreign_key=keys[OWNERS[2]])


def _accounts_table(written: Sequence[Written], told: dict[str, Told]) -> Table:
    table = Table(title="Log files by account", title_justify="left")
    table.add_column("account")
    for column in ("written", "delivered", "bytes", "median s", "worst s"):
        table.add_column(column, justify="right")
    for account_id, name in [*ACCOUNTS.items(), (None, "no one account")]:
        mine = [one for one in written if one.file.account_id == account_id]
        delivered = [one for one in mine if one.file.key in told and told[one.file.key].outcome == "delivered"]
        waited = [max(0.0, told[one.file.key].time - one.time) for one in delivered]
        times = (f"{median(waited):.1f}", f"{max(waited):.1f}") if waited else ("-", "-")
        size = sum(len(one.file.body) for one in delivered)
        label = f"{name} {account_id}" if account_id else name
        table.add_row(label, str(len(mine)), str(len(delivered)), f"{size:,}", *times)
    return table


def _outcomes_table(written: Sequence[Written], told: dict[str, Told]) -> Table:
    table = Table(title="Outcomes", title_justify="left", show_footer=True)
    counts = Counter(one.outcome for one in told.values())
    example = {one.outcome: one.reason or "" for one in reversed(told.values())}
    missing = len(written) - counts.total()
    table.add_column("outcome", footer=f"of {len(written)} written")
    table.add_column("files", justify="right", footer=str(counts.total()))
    table.add_column("for example, because", footer=f"{missing} without an outcome" if missing else "they add up")
    for outcome, count in counts.most_common():
        table.add_row(outcome, str(count), example[outcome])
    return table


def _attempts_table(tried: Sequence[Attempt]) -> Table:
    table = Table(title="Can B read what is C's?", title_justify="left")
    for column in ("who", "tries to", "AWS answers", ""):
        table.add_column(column)
    for one in tried:
        mark = "[green]✓[/green]" if one.held else "[red]✗ expected otherwise[/red]"
        table.add_row(one.who, one.what, one.answer, mark)
    return table


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=out
    )
