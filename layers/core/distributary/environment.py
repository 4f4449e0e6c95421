"""Builds what a delivering function needs, once per Lambda environment, from its environment variables."""

from collections.abc import Callable, Mapping

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from distributary.batches import Deliverer
from distributary.copies import Copier
from distributary.credentials import DeliverySessions
from distributary.delivery import Carrier
from distributary.keys import LogFile
from distributary.policies import session_policy
from distributary.publishing import Publisher
from distributary.queues import FunctionQueue
from distributary.reports import Reporter
from distributary.settings import read_settings
from distributary.subscription_table import SubscriptionTable


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
    session = boto3.Session()
    config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    sessions = DeliverySessions(
        session.client("sts", config=config.merge(Config(max_pool_connections=settings.concurrency))),
        session_name=environ.get("AWS_LAMBDA_FUNCTION_NAME") or f"distributary-{service}",
        policy_for=lambda subscription: session_policy(
            subscription, settings.central_bucket, settings.layout, settings.log_key_arns
        ),
    )
    # It is asked in the last seconds of an invocation.
    quickly = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    queue = None
    if settings.queue_url and settings.dead_letter_queue_url:
        queue = FunctionQueue(
            settings.queue_url, settings.dead_letter_queue_url, lambda: session.client("sqs", config=quickly)
        )
    return Deliverer(
        settings=settings,
        scope_of=scope_of,
        table=SubscriptionTable(session.client("dynamodb", config=config), settings.subscriptions_table),
        carrier=Carrier(settings, sessions, Copier(settings.concurrency), Publisher(settings.concurrency)),
        reporter=Reporter(service, Logger(service=service, location=None)),
        queue=queue,
    )
