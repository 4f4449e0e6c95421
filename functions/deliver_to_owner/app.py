"""Delivers each new log file in the central bucket to the account that owns it."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from distributary.batches import Deliverer
from distributary.environment import build_deliverer
from distributary.rounds import LambdaContext


@cache
def deliverer() -> Deliverer:
    """Built on the first event, kept as long as the environment lives."""
    return build_deliverer(os.environ, "deliver_to_owner", scope_of=lambda log_file: log_file.account_id)


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Deliver what the event announces: a batch from SQS, or any other envelope by itself."""
    return deliverer().handle(event, context)
