"""SNS."""

from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import sns

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


GAPS = (subscribe_conditions,)
