"""YAML text as plain data that remembers where each value stood. Only syntax: what values mean is decided elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from distributary_cli.problems import FieldPath, Problem, dotted

MAXIMUM_VALUES = 1_000_000
"""Anchors that refer to anchors could otherwise grow without bound."""
KINDS = {"int": "a number", "float": "a number", "bool": "true or false", "timestamp": "a date", "null": "empty"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, and how it was written."""

    line: int
    column: int
    written: str | None
    """A scalar's own text (`012` where the data says 10); None for mappings and lists."""
    kind: str | None
    """In words, what YAML takes a scalar for that is not text; None for text, mappings and lists."""


@dataclass(slots=True)
class Document:
    """Plain data, the place of each value and of each field's name, and what was wrong already."""

    data: Any = None
    places: dict[FieldPath, Place] = field(default_factory=dict)
    names: dict[FieldPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: FieldPath, reason: str, *, at_name: bool = False) -> Problem:
        """A problem of the field at `path`, placed at its value or at its name."""
        place = self.names.get(path) if at_name else None
        place = place or self.places[path]
        return Problem(place.line, place.column, dotted(path), reason)


def read_yaml(text: str) -> Document:
    """Read one YAML document; whatever hinders that is in the answer's `problems`."""
    document = Document()
    try:
        loader, node = _compose(text)
        if node is None:
            document.problems.append(Problem(0, 0, "", "is empty; begin with `version: 1` and `subscriptions:`"))
        else:
            document.data = _Reader(loader, document).read(node, (), ())
    except yaml.YAMLError as error:
        document.problems.append(_syntax_problem(text, error))
    except RecursionError:
        document.problems.append(Problem(0, 0, "", "is nested too deeply"))
    return document


def _compose(text: str) -> tuple[yaml.SafeLoader, yaml.Node | None]:
    # The C loader is five times as fast; the Python one has the better words for what is wrong.
    fast: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        loader = fast(text)
        return loader, loader.get_single_node()
    except yaml.YAMLError:
        loader = yaml.SafeLoader(text)
        return loader, loader.get_single_node()


class _Reader:
    """Walks the nodes of one document."""

    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._checked: set[int] = set()
        self._count = 0

    def read(self, node: yaml.Node, path: FieldPath, above: tuple[int, ...]) -> Any:
        """The plain data of a node; notes its place and its problems."""
        self._count += 1
        if id(node) in above or self._count > MAXIMUM_VALUES:
            raise yaml.MarkedYAMLError(problem="an anchor refers to itself", problem_mark=node.start_mark)
        self._document.places[path] = _place(node)
        if isinstance(node, yaml.MappingNode):
            return dict(self._fields(node, path, (*above, id(node))))
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, i), (*above, id(node))) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: FieldPath) -> Any:
        try:
            return self._loader.construct_object(node)
        except yaml.constructor.ConstructorError:
            reason = f"the tag {node.tag} is not known here; leave it out"
            self._document.problems.append(self._document.problem(path, reason))
            return node.value
        except ValueError:  # such as the date 2026-02-30: the schema will want text here anyway
            return None

    def _fields(self, node: yaml.MappingNode, path: FieldPath, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        if id(node) not in self._checked:  # an aliased mapping comes by again, its merged fields already in it
            self._checked.add(id(node))
            self._refuse_duplicates(node, path)
            self._loader.flatten_mapping(node)
        for name_node, value_node in node.value:
            name = _name(name_node)
            self._document.names[*path, name] = _place(name_node)
            yield name, self.read(value_node, (*path, name), above)

    def _refuse_duplicates(self, node: yaml.MappingNode, path: FieldPath) -> None:
        lines: dict[str, int] = {}
        for name_node, _ in node.value:
            name, place = _name(name_node), _place(name_node)
            if name in lines:
                reason = f"stands here a second time, after line {lines[name]}: YAML would keep only the last"
                self._document.problems.append(Problem(place.line, place.column, dotted((*path, name)), reason))
            lines.setdefault(name, place.line)


def _name(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a field's name must be text", problem_mark=node.start_mark)
    return str(node.value)


def _place(node: yaml.Node) -> Place:
    written = str(node.value) if isinstance(node, yaml.ScalarNode) else None
    kind = KINDS.get(node.tag.rpartition(":")[2])
    return Place(node.start_mark.line + 1, node.start_mark.column + 1, written, kind)


def _syntax_problem(text: str, error: yaml.YAMLError) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        line, column = line_and_column(text[: error.position])
        return Problem(line, column, "", f"is not YAML: the character U+{int(error.character):04X} is not allowed")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = [word for word in (getattr(error, "context", None), getattr(error, "problem", None)) if word]
    reason = f"is not YAML: {', '.join(words) or error}"
    if "'\\t'" in reason:
        reason = "is not YAML: a tab stands where only spaces may; indent with spaces"
    return Problem(mark.line + 1, mark.column + 1, "", reason) if mark else Problem(0, 0, "", reason)


def line_and_column(before: str) -> tuple[int, int]:
    """The place right after `before`, both counted from 1."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
