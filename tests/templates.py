"""CloudFormation templates as data: `!Sub x` reads as {"Fn::Sub": "x"}, and so on."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


class _Loader(yaml.SafeLoader):
    """SafeLoader that knows CloudFormation's short forms."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _short_form)


def load(path: str) -> dict[str, Any]:
    """Read a template of this project."""
    template: dict[str, Any] = yaml.load((ROOT / path).read_text(), Loader=_Loader)  # noqa: S506 - it is a SafeLoader
    return template


def resources(template: dict[str, Any], resource_type: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by logical ID."""
    found = template["Resources"].items()
    return {name: one.get("Properties", {}) for name, one in found if one["Type"] == resource_type}


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy, those behind an !If too."""
    found = (one.get("Fn::If", [None, one])[1] for one in document["Statement"])
    return [one for one in found if "Effect" in one]


def listed(value: Any) -> list[Any]:
    """A policy's element, which may be one or a list."""
    return value if isinstance(value, list) else [value]
