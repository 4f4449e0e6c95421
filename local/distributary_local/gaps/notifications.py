"""EventBridge between a bucket and a queue."""

import json
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import eventbridge, s3, sqs

from distributary_local.gaps.patching import around

_rule_arn: ContextVar[str] = ContextVar("distributary_rule", default="")
_version_id: ContextVar[str | None] = ContextVar("distributary_version", default=None)


def rule_needs_queue_policy() -> None:
    """Deliver an event to a queue only if the queue's policy lets this rule send to it.

    AWS: "Using resource-based policies for Amazon EventBridge", section "Amazon SQS permissions",
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html: events.amazonaws.com needs
    sqs:SendMessage, limited by aws:SourceArn to the rule. Otherwise the invocation fails and is retried for a day.
    ministack: delivers without asking.
    Not shown: the retries, the FailedInvocations metric, the target's own dead-letter queue, a target's role.
    """

    @around(eventbridge, "_invoke_target")
    def invoke(original: Any, target: Any, event: Any, rule: Any, view: Any = None) -> None:
        token = _rule_arn.set(rule.get("Arn", ""))
        try:
            original(target, event, rule, view)
        finally:
            _rule_arn.reset(token)

    @around(eventbridge, "_dispatch_to_sqs")
    def dispatch(original: Any, spec: Any, payload: str, parameters: Any = None) -> None:
        if sqs.queue_policy_allows(str(spec), "events.amazonaws.com", _rule_arn.get(), get_account_id()):
            original(spec, payload, parameters)
        else:
            eventbridge.logger.warning("%s may not send to %s", _rule_arn.get(), spec)


def event_versions() -> None:
    """Name the object's version in what S3 tells EventBridge, if its bucket has versions.

    AWS: "EventBridge event message structure",
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html: object.version-id.
    ministack: names it in S3's own notifications only.
    Not shown: nothing.
    """

    @around(s3, "_fire_s3_event")
    def fire(original: Any, *args: Any, version_id: str | None = None, **kwargs: Any) -> None:
        token = _version_id.set(version_id)
        try:
            original(*args, version_id=version_id, **kwargs)
        finally:
            _version_id.reset(token)

    @around(eventbridge, "_dispatch_event")
    def dispatch(original: Any, event: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if event["Source"] == "aws.s3" and (version_id := _version_id.get()):
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event["Detail"] = json.dumps(detail)
        return original(event, *args, **kwargs)


GAPS = (rule_needs_queue_policy, event_versions)
