"""How the gaps replace a function of ministack, and the shapes that its functions share."""

import functools
from collections.abc import Callable
from typing import Any

Response = tuple[int, dict[str, str], bytes]
"""Status, headers, body: what every request handler of ministack returns."""


def around(module: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a function of a module by the decorated one, whose first argument is the function it replaces.

    Works because ministack looks its functions up in the module when it calls them. Fails if there is no such
    function, so that a new version of ministack is noticed.
    """
    original = getattr(module, name)

    def replace(patch: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def patched(*args: Any, **kwargs: Any) -> Any:
            return patch(original, *args, **kwargs)

        setattr(module, name, patched)
        return patched

    return replace
