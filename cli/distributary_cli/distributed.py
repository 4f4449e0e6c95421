"""A backfill on Step Functions: its shards planned and stored, its execution started, followed, and its results read.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

import json
import re
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from boto3.session import Session

from distributary.backfills import COUNTS
from distributary.windows import Window
from distributary_cli import stacks
from distributary_cli.reconciling import ReconcileFunction, Task

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

POLL_SECONDS = 2.0
Shard = dict[str, Any]

_DAY = re.compile(r"/(?:year=)?(20[0-9]{2})/(?:month=)?([0-9]{1,2})/(?:day=)?([0-9]{1,2})/$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an execution."""

    execution_arn: str
    status: str
    """AWS's, such as SUCCEEDED."""
    counts: Mapping[str, int]
    """What the batches that succeeded have found, and queued."""
    failures: tuple[str, ...]
    """For each batch that failed, which shards of it, and why."""

    def to_json(self) -> dict[str, Any]:
        """The form in which it is printed."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Backfills:
    """A stack's state machine, and the bucket of its shards and results."""

    states: Any
    """A client of Step Functions."""
    s3: "S3Client"
    state_machine_arn: str
    bucket: str

    def plan(self, function: ReconcileFunction, task: Task) -> Iterator[Shard]:
        """The shards of a task: prefixes with at least a folder of their year, in the order of the keys.

        Raises:
            ReconcileError: if the function fails.
            botocore.exceptions.ClientError: as Invoke does.
        """
        after: str | None = None
        while True:
            asked = task.event | {"only_plan": True} | ({"after": after} if after is not None else {})
            answer = function.invoke(asked)
            for shard in answer["shards"]:
                yield {name: asked[name] for name in ("subscription", "announce") if name in asked} | shard
            after = answer["continue_after"]
            if after is None:
                return

    def start(self, shards: Iterable[Shard], window: Window, now: datetime, limits: Mapping[str, int]) -> str:
        """Store the shards, the newest first, and start an execution; its ARN.

        Args:
            shards: what `plan` yields.
            window: of the times in the keys; it ends now if it has no other end.
            now: what arrives later isn't looked at: it arrives by its event.
            limits: rate (files a second, of all batches together), concurrency and tolerated_failure_percentage.

        Raises:
            botocore.exceptions.ClientError: as PutObject and StartExecution do.
        """
        name = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        key = f"shards/{name}.jsonl"
        with tempfile.TemporaryFile() as file:
            file.writelines(json.dumps(shard).encode() + b"\n" for shard in sorted(shards, key=_newest_first))
            file.seek(0)
            self.s3.upload_fileobj(file, self.bucket, key)
        given = {
            "shards": key,
            "since": (window.since or now).isoformat(),
            "until": (window.until or now).isoformat(),
            "arrived_before": now.isoformat(),
            "rate": limits["rate"] / limits["concurrency"],  # of one batch
            "concurrency": limits["concurrency"],
            "tolerated_failure_percentage": limits["tolerated_failure_percentage"],
        }
        started = self.states.start_execution(
            stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(given)
        )
        return str(started["executionArn"])

    def redrive(self, execution_arn: str) -> None:
        """Start anew what hasn't succeeded in an execution that failed, timed out or was stopped.

        Raises:
            botocore.exceptions.ClientError: as RedriveExecution does.
        """
        self.states.redrive_execution(executionArn=execution_arn)

    def follow(self, execution_arn: str) -> Iterator[tuple[int, int | None]]:
        """How many shards are done, and of how many, every other second until the execution ends."""
        while self.states.describe_execution(executionArn=execution_arn)["status"] == "RUNNING":
            for run in self._map_runs(execution_arn):
                counts = self.states.describe_map_run(mapRunArn=run)["itemCounts"]
                yield counts["succeeded"] + counts["failed"], counts["total"] or None
            time.sleep(POLL_SECONDS)

    def outcome(self, execution_arn: str) -> Outcome:
        """What came of an execution that has ended, by its results in S3."""
        ended = self.states.describe_execution(executionArn=execution_arn)
        counts, failures = dict.fromkeys(COUNTS, 0), []
        for run in self._map_runs(execution_arn):
            for child in self._results(f"results/{ended['name']}/{run.rpartition(':')[2]}/manifest.json"):
                if child["Status"] == "SUCCEEDED":
                    for name, count in json.loads(child["Output"])["counts"].items():
                        counts[name] += count
                else:
                    failures.append(_why(child))
        if ended["status"] != "SUCCEEDED" and ended.get("cause"):
            failures.append(f"{ended.get('error')}: {ended['cause']}")
        return Outcome(execution_arn, ended["status"], counts, tuple(failures))

    def _map_runs(self, execution_arn: str) -> list[str]:
        return [run["mapRunArn"] for run in self.states.list_map_runs(executionArn=execution_arn)["mapRuns"]]

    def _results(self, manifest_key: str) -> Iterator[dict[str, Any]]:
        """Every child execution that has ended; none if nothing was written, as where the execution was stopped."""
        try:
            files = self._read(manifest_key)["ResultFiles"]
        except self.s3.exceptions.NoSuchKey:
            return
        for status in ("SUCCEEDED", "FAILED"):
            for file in files[status]:
                yield from self._read(file["Key"])

    def _read(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())


def open_backfills(session: Session, stack: str) -> Backfills:
    """A stack's backfills.

    Raises:
        StackError: if there is no such stack, or it is of an older version.
        botocore.exceptions.ClientError: as DescribeStacks does.
    """
    outputs = stacks.read_stack(session, stack).outputs
    if "BackfillStateMachineArn" not in outputs:
        raise stacks.StackError(f"stack {stack} has no output BackfillStateMachineArn: deploy this version first")
    clients = session.client("stepfunctions"), session.client("s3")
    return Backfills(*clients, outputs["BackfillStateMachineArn"], outputs["BackfillBucketName"])


def _newest_first(shard: Shard) -> tuple[int, str, str]:
    """By day; a batch is of one subscription as far as can be. What has no day comes last."""
    found = _DAY.search(shard["prefix"])
    day = int("{}{:0>2}{:0>2}".format(*found.groups())) if found else 0
    return -day, shard["subscription"]["scope"] + shard["subscription"]["name"], shard["prefix"]


def _why(child: Mapping[str, Any]) -> str:
    """The function's own words, where it had some; Lambda wraps them in JSON."""
    cause = str(child.get("Cause", ""))
    try:
        told = json.loads(cause)
    except ValueError:
        return f"{child.get('Error')}: {cause}"
    return f"{told.get('errorType')}: {told.get('errorMessage')}"
