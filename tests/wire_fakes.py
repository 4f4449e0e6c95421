"""What stands in for the wire's connections. Neither opens any: that is `test_connections.py`'s business."""

from collections.abc import Sequence

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber

from distributary.wire.answers import Answer
from distributary.wire.calls import Caller
from distributary.wire.connections import Connections


class MotoConnections(Connections):
    """Hands each request to moto, within `mock_aws`, which looks at no signature, permission or condition on copies."""

    def __init__(self) -> None:
        self.requests: list[AWSPreparedRequest] = []

    async def exchange(self, endpoint_url: str, request: bytes) -> Answer:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        prepared = AWSPreparedRequest(method, endpoint_url + path, HTTPHeaders.from_dict(headers), body, False)
        self.requests.append(prepared)
        answered = botocore_stubber("before-send", prepared)
        assert answered is not None, f"moto doesn't know {endpoint_url}"
        content = answered.content
        told = {name.lower(): str(value) for name, value in answered.headers.items()}
        return Answer(answered.status_code, told, content)

    @property
    def operations(self) -> list[str]:
        """What was asked: the operation's name where the request tells it, and CopyObject for a PUT."""
        return [_operation(request) for request in self.requests]


class Scripted(Connections):
    """Gives the answers that it was made with, one after the other, or raises them."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []

    async def exchange(self, endpoint_url: str, request: bytes) -> Answer:  # noqa: ARG002 - the interface
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def caller_of(connections: Connections, pauses: list[float] | None = None) -> Caller:
    """A caller that waits for nothing and notes how long it would have."""

    async def note(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)

    return Caller({}, connections, sleep=note)


def answers(*bodies: tuple[int, bytes]) -> Sequence[Answer]:
    """Answers without headers, from statuses and bodies."""
    return [Answer(status, {}, body) for status, body in bodies]


def _operation(request: AWSPreparedRequest) -> str:
    if target := request.headers.get("x-amz-target"):
        return str(target).rpartition(".")[2]
    body = request.body
    for field in (body.decode() if isinstance(body, bytes) else "").split("&"):
        if field.startswith("Action="):
            return field.removeprefix("Action=")
    return "CopyObject" if request.method == "PUT" else str(request.method)
