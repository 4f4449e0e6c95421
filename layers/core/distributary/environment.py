"""Builds what a delivering function needs, once per Lambda environment, from its environment variables."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from distributary.batches import Deliverer
from distributary.credentials import DeliverySessions
from distributary.delivery import Carrier
from distributary.engines import build_engine
from distributary.keys import LogFile
from distributary.policies import session_policy
from distributary.queues import FunctionQueue
from distributary.reports import Reporter
from distributary.settings import read_settings
from distributary.subscription_table import SubscriptionTable

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from mypy_boto3_sqs import SQSClient


def build_deliverer(environ: Mapping[str, str], service: str, scope_of: Callable[[LogFile], str]) -> Deliverer:
    """Build a deliverer.

    Args:
        environ: the function's environment variables; see `settings.read_settings`.
        service: the function's name in logs and metrics, such as `deliver_to_owner`.
        scope_of: whose subscriptions a log file is for.

    Raises:
        SettingError: if a variable is missing or malformed.
    """
    settings = read_settings(environ)
    loop = asyncio.new_event_loop()
    engine = build_engine(environ, settings, loop)
    sessions = DeliverySessions(
        engine.tokens,
        session_name=environ.get("AWS_LAMBDA_FUNCTION_NAME") or f"distributary-{service}",
        policy_for=lambda subscription: session_policy(
            subscription, settings.central_bucket, settings.layout, settings.log_key_arns
        ),
    )
    queue = None
    if settings.queue_url and settings.dead_letter_queue_url:
        queue = FunctionQueue(settings.queue_url, settings.dead_letter_queue_url, _queue_client)
    return Deliverer(
        settings=settings,
        scope_of=scope_of,
        table=SubscriptionTable(engine.items, settings.subscriptions_table),
        carrier=Carrier(settings, sessions, engine.copies, engine.announcer),
        reporter=Reporter(service, partial(_logger, service), environ.get("POWERTOOLS_LOG_LEVEL") or "INFO"),
        queue=queue,
        close_engine=engine.close,
        loop=loop,
    )


def _logger(service: str) -> "Logger":
    from aws_lambda_powertools import Logger  # a quarter of a cold start, and rarely needed

    return Logger(service=service, location=None, use_rfc3339=True)


def _queue_client() -> "SQSClient":
    """Asked for only when something failed, and in the last seconds of an invocation."""
    import boto3
    from botocore.config import Config

    quickly = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("sqs", config=quickly)
