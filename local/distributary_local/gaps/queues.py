"""SQS: moving messages back from a dead-letter queue; delays."""

import json
import os
import time
from collections import defaultdict
from typing import Any

from ministack.core import iam_actions
from ministack.services import sqs

from distributary_local.gaps.patching import around

_tasks: dict[str, list[dict[str, Any]]] = defaultdict(list)


def dead_letter_redrive() -> None:
    """Add StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask and ListDeadLetterSourceQueues.

    AWS: "Learn how to configure a dead-letter queue redrive in Amazon SQS",
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html.
    ministack: InvalidAction.
    Not shown: a move that takes time; here it has ended when the call returns, so there is never one to cancel. Nor
    that a move also takes sqs:ReceiveMessage, sqs:DeleteMessage and, on the destination, sqs:SendMessage.
    """

    @around(iam_actions, "extract_resource_arn")
    def resource_arn_of(
        original: Any, service: str, method: str, path: str, headers: Any, body: bytes, *args: Any
    ) -> str:
        if service == "sqs" and headers.get("x-amz-target", "").endswith(
            ("StartMessageMoveTask", "ListMessageMoveTasks")
        ):
            return str(json.loads(body or b"{}").get("SourceArn", "*"))
        resource_arn: str = original(service, method, path, headers, body, *args)
        return resource_arn

    sqs._HANDLERS.update(
        StartMessageMoveTask=_start,
        ListMessageMoveTasks=_list,
        CancelMessageMoveTask=_cancel,
        ListDeadLetterSourceQueues=_sources,
    )


def shorter_delays() -> None:
    """Let messages rest a fraction of their DelaySeconds, LOCAL_DELAY_SCALE: for tests, in which minutes would pass.

    AWS has no such thing. At least a second is left of every delay; visibility timeouts stay what they are.
    """
    scale = float(os.environ.get("LOCAL_DELAY_SCALE", "1"))

    @around(sqs, "_act_send_message")
    def send(original: Any, parameters: dict[str, Any], url: str) -> dict[str, Any]:
        if delay := int(parameters.get("DelaySeconds") or 0):
            parameters = parameters | {"DelaySeconds": max(1, round(delay * scale))}
        sent: dict[str, Any] = original(parameters, url)
        return sent

    sqs._HANDLERS["SendMessage"] = sqs._act_send_message


def _start(parameters: dict[str, Any], _: str) -> dict[str, Any]:
    source_arn, destination_arn = parameters.get("SourceArn", ""), parameters.get("DestinationArn")
    source = sqs._queue_by_arn(source_arn)
    if source is None or not _source_queues(source_arn):
        raise sqs._Err("ResourceNotFoundException", "The source queue doesn't exist or is no dead-letter queue.", 404)
    if destination_arn and sqs._queue_by_arn(destination_arn) is None:
        raise sqs._Err("ResourceNotFoundException", "The destination queue doesn't exist.", 404)
    with sqs._queues_lock:
        moved = [message for message in source["messages"] if _move(message, destination_arn)]
        source["messages"] = [message for message in source["messages"] if message not in moved]
    sqs.esm_wake.set()
    task = {
        "TaskHandle": sqs.new_uuid(),
        "Status": "COMPLETED",
        "SourceArn": source_arn,
        "ApproximateNumberOfMessagesMoved": len(moved),
        "ApproximateNumberOfMessagesToMove": len(moved),
        "StartedTimestamp": int(time.time() * 1000),
    }
    _tasks[source_arn].insert(0, task | ({"DestinationArn": destination_arn} if destination_arn else {}))
    return {"TaskHandle": task["TaskHandle"]}


def _move(message: dict[str, Any], destination_arn: str | None) -> bool:
    """Put a copy into the destination, by default the queue the message came from; False if that is not to be."""
    system = dict(message.get("sys") or {})
    destination = sqs._queue_by_arn(destination_arn or system.pop("DeadLetterQueueSourceArn", ""))
    if destination is None or message.get("visible_at", 0) > time.time():
        return False
    fresh = {"id": sqs.new_uuid(), "receipt_handle": None, "visible_at": time.time(), "receive_count": 0}
    system.pop("DeadLetterQueueSourceArn", None)
    destination["messages"].append({**message, **fresh, "first_receive_at": None, "sys": system})
    return True


def _list(parameters: dict[str, Any], _: str) -> dict[str, Any]:
    tasks = _tasks[parameters.get("SourceArn", "")]
    return {"Results": tasks[: int(parameters.get("MaxResults") or 1)]}


def _cancel(_: dict[str, Any], __: str) -> dict[str, Any]:
    raise sqs._Err("ResourceNotFoundException", "The task is not running.", 404)


def _sources(_: dict[str, Any], queue_url: str) -> dict[str, Any]:
    sources = _source_queues(sqs._get_q(queue_url)["attributes"]["QueueArn"])
    return {"queueUrls": [sqs._externalize_url(source) for source in sources]}


def _source_queues(dead_letter_arn: str) -> list[str]:
    return [
        queue["url"]
        for queue in list(sqs._queues._data.values())
        if json.loads(queue["attributes"].get("RedrivePolicy") or "{}").get("deadLetterTargetArn") == dead_letter_arn
    ]


GAPS = (dead_letter_redrive, shorter_delays)
