"""Where the gaps of CloudFormation hook into ministack: before and after a resource is made, changed or deleted."""

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]


def after(resource_type: str, apply: Callable[[str, Properties], None]) -> None:
    """Call `apply(physical_id, properties)` when a resource has been created or updated."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]

    def followed(provision: Any, position: int) -> Any:
        def provisioned(*args: Any) -> Any:
            result = provision(*args)
            apply(result[0], args[position])
            return result

        return provisioned

    handlers["create"] = followed(handlers["create"], 1)
    handlers["update"] = followed(handlers["update"], 2)


def before(resource_type: str, check: Callable[[Properties], None]) -> None:
    """Call `check(properties)`, which may raise ValueError, before a resource is created or updated."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]

    def preceded(provision: Any, position: int) -> Any:
        def provisioned(*args: Any) -> Any:
            check(args[position])
            return provision(*args)

        return provisioned

    handlers["create"] = preceded(handlers["create"], 1)
    handlers["update"] = preceded(handlers["update"], 2)


def before_delete(resource_type: str, check: Callable[[str, Properties], None]) -> None:
    """Call `check(physical_id, properties)`, which may raise ValueError, before a resource is deleted."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    delete = handlers["delete"]

    def checked(physical_id: str, properties: Properties) -> None:
        check(physical_id, properties)
        delete(physical_id, properties)

    handlers["delete"] = checked


def text(value: Any) -> str:
    """A property as text: a truth value as JSON has it, whoever has made it text before."""
    return str(value).lower() if isinstance(value, bool) or str(value) in ("True", "False") else str(value)
