"""How AWS's services write their answers: XML (S3, STS, SNS) and JSON (DynamoDB).

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from xml.etree import ElementTree as ET

from distributary.errors import DistributaryError
from distributary.times import utc_time
from distributary.wire.answers import Answer

UNREADABLE = (ET.ParseError, LookupError, ValueError)
"""What is no XML; the latter two, where it says that it has an encoding which the parser doesn't know."""


class UnreadableAnswerError(DistributaryError):
    """A service answered with success and something that isn't its own language: a proxy's page, say."""

    retryable = True


def read_xml(answer: Answer, operation: str) -> ET.Element:
    """The root of an answer's body. While an operation takes long, S3 sends white space ahead of it.

    Raises:
        UnreadableAnswerError: if it isn't XML.
    """
    try:
        return ET.fromstring(answer.body.strip())  # noqa: S314 - from AWS, over TLS; expat expands no external entities
    except UNREADABLE as error:
        raise UnreadableAnswerError(f"{operation} answered {answer.body[:80]!r}: {error}") from error


def read_json(answer: Answer, operation: str) -> dict[str, Any]:
    """An answer's body.

    Raises:
        UnreadableAnswerError: if it isn't a JSON object.
    """
    try:
        body = json.loads(answer.body)
    except ValueError as error:
        raise UnreadableAnswerError(f"{operation} answered {answer.body[:80]!r}: {error}") from error
    if not isinstance(body, dict):
        raise UnreadableAnswerError(f"{operation} answered {answer.body[:80]!r}")
    return body


def text(element: ET.Element, name: str, default: str | None = None) -> str:
    """The text of a named element within another, whatever their namespace.

    Raises:
        UnreadableAnswerError: if there is none, and no default.
    """
    for inner in element.iter():
        if inner.text and inner.tag.rpartition("}")[2] == name:
            return inner.text
    if default is None:
        raise UnreadableAnswerError(f"an answer without {name}")
    return default


def time(element: ET.Element, name: str) -> datetime:
    """The time in a named element within another, UTC. Raises as `text` does."""
    told = text(element, name)
    try:
        return utc_time(told)
    except ValueError as error:
        raise UnreadableAnswerError(f"{name} is no time: {told[:80]!r}") from error


def xml_error(answer: Answer) -> tuple[str, str] | None:
    """The code and message of an error; CopyObject's may come with status 200, when S3 had begun to answer."""
    if answer.status < HTTPStatus.MULTIPLE_CHOICES and b"<Error" not in answer.body:
        return None
    try:
        root = ET.fromstring(answer.body.strip())  # noqa: S314 - as above
    except UNREADABLE:
        return None
    code = text(root, "Code", "")
    return (code, text(root, "Message", "")) if code else None


def json_error(answer: Answer) -> tuple[str, str] | None:
    """The code and message of an error."""
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(body, Mapping):
        return None
    return str(body.get("__type", answer.status)).rpartition("#")[2], str(body.get("message", body.get("Message", "")))
