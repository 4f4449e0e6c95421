"""Options that several commands share, as dataclasses: each field is an option."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each field of its parameters that are dataclasses.

    Typer reads a command's options from its signature; so each group of them is written once, with its defaults.
    """
    groups: dict[str, Any] = {name: kind for name, kind in get_type_hints(command).items() if is_dataclass(kind)}

    @functools.wraps(command)
    def spread_command(**values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        command(**values)

    parameters = list(_parameters(command))
    spread_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typing knows it not
    spread_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return spread_command


def _parameters(command: Callable[..., None]) -> "list[inspect.Parameter]":
    found: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = parameter.annotation
        if is_dataclass(kind):
            defaults = inspect.signature(kind).parameters.values()  # type: ignore[arg-type] # a class is callable
            found.extend(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in defaults)
        else:
            found.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    return found
