"""SNS."""

import re
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import sns
from ministack.services.cloudformation import provisioners

from distributary_local.gaps.patching import around

_request: ContextVar[dict[str, str]] = ContextVar("distributary_sns_subscribe", default={})  # noqa: B039  # never changed


def subscribe_conditions() -> None:
    """Know sns:Protocol and sns:Endpoint when somebody subscribes.

    AWS: "Using identity-based policies with Amazon SNS", section "Amazon SNS policy keys",
    https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html.
    ministack: doesn't know them, so that a statement with either never allows.
    Not shown: the confirmation that a subscription across accounts waits for.
    """

    @around(iam_actions, "request_tag_context")
    def context(original: Any, service: str, action: str, body: bytes, parameters: dict[str, Any]) -> dict[str, Any]:
        found = {
            f"sns:{name.lower()}": str(sns._p(parameters, name))
            for name in ("Protocol", "Endpoint")
            if name in parameters
        }
        subscribes = action == "sns:Subscribe"
        _request.set(found if subscribes else {})
        return {**original(service, action, body, parameters), **(found if subscribes else {})}

    @around(iam_evaluator, "_resolve_condition_key")
    def resolve(original: Any, key: str, request: Any) -> Any:
        return _request.get().get(key.lower()) or original(key, request)


def stack_subscriptions() -> None:
    """Let CloudFormation subscribe by SNS's API, which asks the topic's policy, wherever the topic is.

    AWS: "AWS::SNS::Subscription",
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html; a queue's
    own account subscribes it to another account's topic without confirmation, if the topic's policy allows.
    ministack: says that it has subscribed to another account's topic, and has not.
    Not shown: a topic in another Region; that CloudFormation asks for sns:GetTopicAttributes too.
    """

    def subscribe(_: str, properties: dict[str, Any], __: str) -> tuple[str, dict[str, str]]:
        parameters = {name: str(properties[name]) for name in ("TopicArn", "Protocol", "Endpoint")}
        for number, (name, value) in enumerate(provisioners._sns_sub_attributes(properties).items(), 1):
            parameters |= {f"Attributes.entry.{number}.key": name, f"Attributes.entry.{number}.value": value}
        token = _request.set({f"sns:{name.lower()}": parameters[name] for name in ("Protocol", "Endpoint")})
        status, _, answer = sns._subscribe(parameters)
        _request.reset(token)
        found = re.search(r"<SubscriptionArn>(.+)</SubscriptionArn>", answer.decode())
        if status >= 400 or not found:
            raise ValueError(f"{properties['TopicArn']}: {answer!r}")
        return found[1], {"Arn": found[1]}

    def unsubscribe(physical_id: str, _: Any) -> None:
        sns._unsubscribe({"SubscriptionArn": physical_id})

    provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"] |= {"create": subscribe, "delete": unsubscribe}


GAPS = (subscribe_conditions, stack_subscriptions)
