"""STS and DynamoDB on the wire: the one operation of each that every environment needs.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ReadTimeoutError

from distributary.credentials import SessionCredentials
from distributary.wire.answers import Answer
from distributary.wire.calls import Call, Caller, ReadError
from distributary.wire.protocols import json_error, read_json, read_xml, text, time, xml_error
from distributary.wire.publishing import FORM

ATTEMPTS = 3
PATIENCE_SECONDS = 60.0
"""For all attempts."""


class WireServices:
    """Asks with the function's own credentials, in its own Region, from any thread but the event loop's.

    Args:
        caller: makes the requests.
        loop: the event loop that it makes them in.
        region: the function's.
        own_credentials: gives the function's credentials.
    """

    def __init__(
        self,
        caller: Caller,
        loop: asyncio.AbstractEventLoop,
        region: str,
        own_credentials: Callable[[], SessionCredentials],
    ) -> None:
        self._caller = caller
        self._loop = loop
        self._region = region
        self._own_credentials = own_credentials

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        """AssumeRole; takes its parameters by AWS's names. Raises as `Caller.call` does."""
        body = urlencode({"Action": "AssumeRole", "Version": "2011-06-15", **asked}).encode()
        call = Call("sts", self._region, "AssumeRole", headers=FORM, body=body, attempts=ATTEMPTS)
        answer = read_xml(self._answer(call, xml_error), "AssumeRole")
        told = {name: text(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
        return {"Credentials": {**told, "Expiration": time(answer, "Expiration")}}

    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        """BatchGetItem; takes its parameters by AWS's names. Raises as `Caller.call` does."""
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.BatchGetItem"}
        body = json.dumps(asked).encode()
        call = Call("dynamodb", self._region, "BatchGetItem", headers=headers, body=body, attempts=ATTEMPTS)
        return read_json(self._answer(call, json_error), "BatchGetItem")

    def _answer(self, call: Call, read_error: ReadError) -> Answer:
        asking = self._caller.call(call, self._own_credentials(), read_error)
        answered = asyncio.run_coroutine_threadsafe(asking, self._loop)
        try:
            return answered.result(PATIENCE_SECONDS)
        except TimeoutError as error:  # the event loop has stopped, as it does between two invocations
            answered.cancel()
            raise ReadTimeoutError(endpoint_url=call.service, error=error) from error
