"""Where ministack answers otherwise than AWS, and what closes each gap.

Runs inside the emulator's own process and environment, never in ours: nothing here may import a package that the
emulator's environment doesn't have. One function per gap; its docstring says what AWS does, what ministack does, and
what is still not shown. The functions patch private code, hence one exact version of ministack.
"""

from collections.abc import Callable, Collection
from importlib.metadata import version

MINISTACK_VERSION = "1.5.33"


def registry() -> dict[str, Callable[[], None]]:
    """Return every gap by its name, in the order in which they are closed."""
    from distributary_local.gaps import (
        copies,
        encryption,
        functions,
        mappings,
        metrics,
        notifications,
        policies,
        queues,
        reads,
        sessions,
        stack_buckets,
        stacks,
        state_machines,
        topics,
    )

    modules = (
        policies,
        copies,
        reads,
        encryption,
        sessions,
        topics,
        queues,
        notifications,
        mappings,
        functions,
        metrics,
        state_machines,
        stack_buckets,
        stacks,
    )
    return {gap.__name__: gap for module in modules for gap in module.GAPS}


def apply(without: Collection[str] = ()) -> None:
    """Close every gap except the named ones; refuse an unknown name and another version of ministack."""
    from distributary_local.gaps import callers

    installed = version("ministack")
    if installed != MINISTACK_VERSION:
        raise SystemExit(
            f"The local AWS needs ministack {MINISTACK_VERSION}, but {installed} is installed: run make setup."
        )
    gaps = registry()
    if unknown := set(without) - gaps.keys():
        raise SystemExit(f"No such gap: {', '.join(sorted(unknown))}.")
    callers.remember()
    for name, close in gaps.items():
        if name not in without:
            close()
