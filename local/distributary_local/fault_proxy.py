"""Run microburst between functions and the local AWS: `python -m distributary_local.fault_proxy --upstream … --port …`.

As it comes, it breaks every signature, for it puts the upstream's name into Host and quotes the path anew; and it takes
the length out of the answer to HEAD. All three are mended here, by patching private functions of the version that
requirements/faults.txt pins. It runs in `.venv/faults`.
"""

import re
import sys
from typing import Any

import aiohttp
from aiohttp import web
from microburst import forward
from microburst.cli import main
from yarl import URL

SIGNER = re.compile(r"Credential=(ASIA\w+)/\d{8}/[\w-]+/s3/")
_seen: set[str] = set()


def keep_host() -> None:
    """Send the client's own Host header, which it has signed; note with which sessions S3 is called."""
    original = forward.Upstream._outbound_headers

    def headers(self: Any, request: Any) -> Any:
        _note_session(request.headers.get("Authorization", ""))
        return original(self, request) | {"host": request.headers["Host"]}

    forward.Upstream._outbound_headers = headers


def keep_quoting() -> None:
    """Send the path as the client has quoted and signed it: `%3D` isn't `=`."""
    original = aiohttp.ClientSession.request

    def request(self: Any, method: str, url: Any, **options: Any) -> Any:
        return original(self, method, URL(url, encoded=True) if isinstance(url, str) else url, **options)

    aiohttp.ClientSession.request = request


def keep_length() -> None:
    """Let HEAD tell how long the object is."""
    original = forward._stream_to_client

    async def stream(request: Any, status: int, headers: Any, *rest: Any) -> Any:
        if request.method != "HEAD":
            return await original(request, status, headers, *rest)
        kept = {
            name: value for name, value in headers.items() if name.lower() not in ("connection", "transfer-encoding")
        }
        return web.Response(status=status, headers=kept)

    forward._stream_to_client = stream


def _note_session(authorization: str) -> None:
    found = SIGNER.search(authorization)
    if found and found[1] not in _seen:
        _seen.add(found[1])
        sys.stdout.write(f"session {found[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    keep_host()
    keep_quoting()
    keep_length()
    sys.exit(main())
