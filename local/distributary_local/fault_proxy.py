"""Run microburst between functions and the local AWS: `python -m distributary_local.fault_proxy --upstream … --port …`.

As it comes, it breaks every signature: it puts the upstream's name into Host, and quotes the path anew. Both are mended
here, by patching private functions of the version that requirements/faults.txt pins. It runs in `.venv/faults`.
"""

import random
import re
import sys
from typing import Any

import aiohttp
from microburst.cli import main
from microburst.forward import Upstream
from microburst.rules import RuleEngine
from yarl import URL

SEED = 20261121
SIGNER = re.compile(r"Credential=(ASIA\w+)/\d{8}/[\w-]+/s3/")
_seen: set[str] = set()


def keep_host() -> None:
    """Send the client's own Host header, which it has signed; note with which sessions S3 is called."""
    original = Upstream._outbound_headers

    def headers(self: Any, request: Any) -> Any:
        _note_session(request.headers.get("Authorization", ""))
        return original(self, request) | {"host": request.headers["Host"]}

    Upstream._outbound_headers = headers


def keep_quoting() -> None:
    """Send the path as the client has quoted and signed it: `%3D` isn't `=`."""
    original = aiohttp.ClientSession.request

    def request(self: Any, method: str, url: Any, **options: Any) -> Any:
        return original(self, method, URL(url, encoded=True) if isinstance(url, str) else url, **options)

    aiohttp.ClientSession.request = request


def seed_each_set_of_rules() -> None:
    """Roll the same dice for each new set of rules."""
    original = RuleEngine.set_rules

    def set_rules(self: Any, rules: Any) -> Any:
        random.seed(SEED)
        return original(self, rules)

    RuleEngine.set_rules = set_rules


def _note_session(authorization: str) -> None:
    found = SIGNER.search(authorization)
    if found and found[1] not in _seen:
        _seen.add(found[1])
        sys.stdout.write(f"session {found[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    keep_host()
    keep_quoting()
    seed_each_set_of_rules()
    sys.exit(main())
