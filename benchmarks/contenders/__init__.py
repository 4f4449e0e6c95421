"""The real functions, and other ways to do their work. Each module's `make()` gives a handler.

The others are lean on purpose: they read the event and copy, and neither check, log nor count anything.
"""

from collections.abc import Callable
from typing import Any

Handler = Callable[[dict[str, Any], Any], Any]
