"""EventBridge on its way to a queue."""

from contextvars import ContextVar
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import eventbridge, sqs

from distributary_local.gaps.patching import around

_rule_arn: ContextVar[str] = ContextVar("distributary_rule", default="")


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


GAPS = (rule_needs_queue_policy,)
