"""Event source mappings: a queue's messages on their way to a function."""

import json
import time
from contextvars import ContextVar
from typing import Any

from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from distributary_local.gaps.callers import may, role_session
from distributary_local.gaps.patching import Response, around

_INVOCATION_BYTES = 6 * 1024 * 1024  # of payload
_waiting_since: dict[str, float] = {}
_batch: ContextVar[tuple[Any, frozenset[str]] | None] = ContextVar("distributary_batch", default=None)


def batching_window() -> None:
    """Wait for a full batch until the batching window ends, and let batches grow past ten messages.

    AWS: "Using Lambda with Amazon SQS", section "Polling and batching behavior",
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: up to 10,000 messages; invokes when the
    batch is full, its payload reaches 6 MB or MaximumBatchingWindowInSeconds are over.
    ministack: at most ten, at once, whatever the mapping says.
    Not shown: the number of pollers and how it grows with the backlog.
    """

    @around(sqs, "_receive_messages_for_esm")
    def receive(_: Any, queue_url: str, batch_size: int) -> list[dict[str, Any]]:
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            now = time.time()
            bodies = [message["body"] for message in queue["messages"] if message.get("visible_at", 0) <= now]
            size, full = _batch_of(bodies, int(batch_size))
            window = _window(queue["attributes"]["QueueArn"])
            if not full and bodies and now - _waiting_since.setdefault(queue_url, now) < window:
                return []
            _waiting_since.pop(queue_url, None)
            visibility_timeout = int(queue["attributes"].get("VisibilityTimeout", "30"))
            batch: list[dict[str, Any]] = sqs._collect_msgs(queue, size, visibility_timeout) if size else []
            return batch


def _batch_of(bodies: list[str], batch_size: int) -> tuple[int, bool]:
    """Return how many messages one invocation takes, and whether another one wouldn't fit."""
    payload = 0
    for count, body in enumerate(bodies[:batch_size]):
        payload += len(body.encode())
        if payload > _INVOCATION_BYTES:
            return max(count, 1), True
    return min(len(bodies), batch_size), len(bodies) >= batch_size


def _window(queue_arn: str) -> int:
    mappings = (mapping for mapping in lambda_svc._esms.values() if mapping.get("EventSourceArn") == queue_arn)
    return max((int(mapping.get("MaximumBatchingWindowInSeconds") or 0) for mapping in mappings), default=0)


def mapping_checks() -> None:
    """Refuse an event source mapping that Lambda would refuse, also one made by CloudFormation.

    AWS: "CreateEventSourceMapping",
    https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html, and "Creating and configuring an
    Amazon SQS event source mapping": the function's role must receive, delete and read attributes, the queue's
    visibility timeout must not be shorter than the function's timeout, more than ten messages need a window.
    ministack: accepts them all.
    """

    @around(lambda_svc, "_create_esm")
    def create(original: Any, mapping: dict[str, Any]) -> Response:
        problem = _problem(mapping)
        response: Response = (
            lambda_svc.error_response_json("InvalidParameterValueException", problem, 400)
            if problem
            else original(mapping)
        )
        return response

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    for operation, position in (("create", 1), ("update", 2)):
        handlers[operation] = _checked(handlers[operation], position)


def _checked(provision: Any, position: int) -> Any:
    """Return a CloudFormation handler that first checks the properties, its argument at this position."""

    def checked(*args: Any) -> Any:
        if problem := _problem(args[position]):
            raise ValueError(f"{problem} (Service: Lambda, Status Code: 400, InvalidParameterValueException)")
        return provision(*args)

    return checked


def _problem(mapping: dict[str, Any]) -> str | None:
    queue_arn = mapping.get("EventSourceArn", "")
    queue = sqs._queue_by_arn(queue_arn)
    name, qualifier, error = lambda_svc._resolve_existing_esm_function(mapping.get("FunctionName", ""))
    if queue is None or error:
        return None
    _, function = lambda_svc._get_func_record_for_qualifier(name, qualifier)
    visibility_timeout, timeout = int(queue["attributes"].get("VisibilityTimeout", 30)), int(function.get("Timeout", 3))
    if visibility_timeout < timeout:
        return (
            f"Queue visibility timeout: {visibility_timeout} seconds is less than Function timeout: {timeout} seconds"
        )
    window = int(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    if int(mapping.get("BatchSize") or 10) > 10 and not window:
        return "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    return _missing_permission(function.get("Role", ""), queue_arn, queue["attributes"].get("Policy") or "")


def _missing_permission(role_arn: str, queue_arn: str, queue_policy: str) -> str | None:
    if role_arn.count(":") < 5:
        return None
    session, owner = role_session(role_arn, "event-source-mapping"), queue_arn.split(":")[4]
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        if not may(session, f"sqs:{action}", queue_arn, queue_policy, owner):
            return f"The function execution role does not have permissions to call {action} on SQS"
    return None


def malformed_batch_response() -> None:
    """Fail the whole batch when the function's partial batch response cannot be understood.

    AWS: "Handling errors for an SQS event source in Lambda", section "Success and failure conditions",
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: an item identifier that is empty, null
    or under another name, or an answer that isn't JSON, is a complete failure.
    ministack: counts it as a success and deletes the messages.
    Not shown: what AWS does with an unknown message ID, which isn't documented; here the batch fails.
    """

    @around(lambda_svc, "_run_sqs_batch")
    def run(original: Any, mapping: Any, function: Any, event: Any, batch: list[Any], *args: Any) -> None:
        reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or [])
        token = _batch.set((function, frozenset(message["id"] for message in batch)) if reports else None)
        try:
            original(mapping, function, event, batch, *args)
        finally:
            _batch.reset(token)

    @around(lambda_svc, "_execute_function")
    def execute(original: Any, function: Any, event: Any) -> dict[str, Any]:
        result: dict[str, Any] = original(function, event)
        running = _batch.get()
        if running is None or running[0] is not function or result.get("error"):
            return result
        if _understood(result.get("body"), running[1]):
            return result
        return {**result, "error": True, "body": {"errorType": "MalformedBatchItemFailures"}}


def _understood(body: Any, message_ids: frozenset[str]) -> bool:
    try:
        answer = json.loads(body) if isinstance(body, str | bytes) else body
        failures = (answer or {}).get("batchItemFailures") or []
        return all(failure["itemIdentifier"] in message_ids for failure in failures)
    except (ValueError, AttributeError, KeyError, TypeError):
        return False


GAPS = (batching_window, mapping_checks, malformed_batch_response)
