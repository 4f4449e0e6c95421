"""Delivers each new log file in the central bucket to the third parties that receive all of them."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from distributary.batches import Deliverer
from distributary.environment import build_deliverer
from distributary.rounds import LambdaContext
from distributary.subscriptions import ALL


@cache
def deliverer() -> Deliverer:
    """Built on the first event, kept as long as the environment lives."""
    return build_deliverer(os.environ, "fan_out", scope_of=lambda _: ALL)


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Deliver what the event announces: a batch from SQS, or any other envelope by itself."""
    return deliverer().handle(event, context)
