"""A backfill that is too large for one invocation after the other: cut into shards, which are compared batch by batch.

A shard is a prefix of the central bucket for one subscription: one day of an account, log type and Region, where the
service files its log files so. The state machine in template.yaml (`Backfill`) hands out the batches. What a batch has
left comes back as the next invocation's event, so it is smaller each time.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from distributary.errors import DistributaryError
from distributary.prefixes import Place
from distributary.reconciliation import Report

SHARDS_AT_ONCE = 10_000
"""In one answer, which may have 6 MB."""
SECONDS_AT_ONCE = 60
"""A batch rests when it has queued as many files as its rate allows in that time: new files are waiting too."""
COUNTS = ("present", "missing", "different", "extra", "repaired")


class ShardsFailedError(DistributaryError):
    """No shard that is left of a batch can be compared; the message names them, and the first one's reason."""

    retryable = True


def plan_shards(places: Iterable[Place], has_time: Callable[[], bool]) -> dict[str, Any]:
    """The function's answer: shards, and the prefix after which to go on if these aren't all."""
    shards: list[dict[str, Any]] = []
    for place in places:
        if len(shards) == SHARDS_AT_ONCE or (shards and not has_time()):
            return {"shards": shards, "continue_after": shards[-1]["prefix"]}
        shards.append({"prefix": place.prefix} | ({"here_only": True} if place.here_only else {}))
    return {"shards": shards, "continue_after": None}


def read_place(event: Mapping[str, Any]) -> Place | None:
    """The place that a shard names; none where an event names no shard."""
    if "prefix" not in event:
        return None
    here_only = bool(event.get("here_only", False))
    return Place(str(event["prefix"]), folders_first=here_only, here_only=here_only)


def compare_batch(
    event: Mapping[str, Any], compare: Callable[[Mapping[str, Any]], Report], has_time: Callable[[], bool]
) -> dict[str, Any]:
    """Compare as many shards of a batch as there is time for, each whatever became of the others.

    Args:
        event: a batch as ItemBatcher makes it, or what this function made of it.
        compare: compares what an event of the first form in `reconcile_jobs` names.
        has_time: whether another one may be begun.

    Returns:
        The same batch with what is left of it: what there was no time for, and what failed; the counts up to now; and
        how many seconds to rest before it goes on.

    Raises:
        ShardsFailedError: if there are shards, and none of them could be compared.
    """
    common, counts = event["BatchInput"], {name: event.get("counts", {}).get(name, 0) for name in COUNTS}
    rate, queued = float(common["rate"]), counts["repaired"]
    left: list[Mapping[str, Any]] = []
    failures: list[tuple[str, Exception]] = []
    shards = list(event["Items"])
    compared = 0
    while shards and has_time() and counts["repaired"] - queued < rate * SECONDS_AT_ONCE:
        shard = shards.pop(0)
        try:
            report = compare({**common, **shard})
        except (DistributaryError, ClientError, BotoCoreError) as error:  # it stays, and the last ones left are raised
            failures.append((f"{shard['subscription']['name']} {shard['prefix']}", error))
            left.append(shard)
            continue
        compared += 1
        for name in COUNTS:
            counts[name] += getattr(report, name)
        if report.continue_after is not None:
            left.append({**shard, "after": report.continue_after})
    if failures and not compared:
        (_, first), names = failures[0], ", ".join(name for name, _ in failures)
        raise ShardsFailedError(
            f"{type(first).__name__}: {first}; the same or the like for: {names}; {queued} files of this batch's other "
            "shards are queued"
        ) from first
    rest = math.ceil((counts["repaired"] - queued) / rate)
    return {"Items": [*shards, *left], "BatchInput": common, "counts": counts, "rest_seconds": rest}
