"""Compares the central bucket with the receivers' buckets, and puts what is missing into the queue again."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from distributary.reconcile_environment import build_jobs
from distributary.reconcile_jobs import Jobs
from distributary.rounds import LambdaContext


@cache
def jobs() -> Jobs:
    """Built on the first event, kept as long as the environment lives."""
    return build_jobs(os.environ)


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Compare one subscription, or start the comparison of all: `distributary.reconcile_jobs` has the events' forms."""
    return jobs().handle(event, context)
