"""Builds what the `reconcile` function needs, once per Lambda environment, from its environment variables."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from distributary.credentials import DeliverySessions
from distributary.policies import listing_policy
from distributary.queues import FunctionQueue
from distributary.reconcile_jobs import Jobs
from distributary.reconcile_reports import tell, tell_batch
from distributary.reconciliation import Reconciler
from distributary.sdk.signing import clients_by_region
from distributary.settings import SettingError, read_settings
from distributary.subscription_table import SubscriptionTable
from distributary.subscriptions import Subscription

SERVICE = "reconcile"


def build_jobs(environ: Mapping[str, str]) -> Jobs:
    """Build the function's work.

    Raises:
        SettingError: if a variable is missing or malformed.
    """
    settings = read_settings(environ)
    session = boto3.Session()
    config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5})
    own_name = environ.get("AWS_LAMBDA_FUNCTION_NAME") or f"distributary-{SERVICE}"
    logger = Logger(service=SERVICE, location=None)

    def queue_of(subscription: Subscription) -> FunctionQueue:
        variable = "THIRD_PARTY_QUEUE_URL" if subscription.is_third_party else "OWNER_QUEUE_URL"
        if not environ.get(variable):
            raise SettingError(variable, "is not set; the template sets it where there are such subscriptions")
        return FunctionQueue(environ[variable], "", lambda: session.client("sqs", config=config))

    def start(event: Mapping[str, Any]) -> None:
        payload = json.dumps(event).encode()
        session.client("lambda", config=config).invoke(FunctionName=own_name, InvocationType="Event", Payload=payload)

    return Jobs(
        reconciler=Reconciler(
            bucket=settings.central_bucket,
            layout=settings.layout,
            central=session.client("s3", config=config),
            queue_of=queue_of,
            with_etags=not settings.log_key_arns,
        ),
        table=SubscriptionTable(session.client("dynamodb", config=config), settings.subscriptions_table),
        sessions=DeliverySessions(session.client("sts", config=config), own_name, listing_policy),
        receiver=clients_by_region("s3", config.merge(Config(s3={"addressing_style": "path"}))),
        start=start,
        tell=partial(tell, SERVICE, logger),
        tell_batch=partial(tell_batch, logger),
    )
