"""What a Jinja expression is made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Const:
    """A literal: a text, a number, True, False or None."""

    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """`on.name`"""

    on: "Node"
    name: str


@dataclass(frozen=True, slots=True)
class Subscript:
    """`on[key]`, where a slice is a key of three."""

    on: "Node"
    key: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """`on(args, name=value)`; the name of a positional argument is empty."""

    on: "Node"
    args: "tuple[tuple[str, Node], ...]"


@dataclass(frozen=True, slots=True)
class Filter:
    """`on|name(args)`; `test` where it is `on is name(args)`. `on` is None in a filter block."""

    on: "Node | None"
    name: str
    args: "tuple[tuple[str, Node], ...]"
    test: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator and what it is applied to. `if` is the conditional, `,` a list, tuple or dict,
    `:` a slice."""

    sign: str
    parts: "tuple[Node, ...]"


Node = Const | Name | Attribute | Subscript | Call | Filter | Operation


def parts_of(node: Node) -> tuple[Node, ...]:
    """What a node holds."""
    if isinstance(node, Attribute):
        return (node.on,)
    if isinstance(node, Subscript):
        return (node.on, node.key)
    if isinstance(node, Call):
        return (node.on, *(it for _, it in node.args))
    if isinstance(node, Filter):
        return (*((node.on,) if node.on is not None else ()), *(it for _, it in node.args))
    return node.parts if isinstance(node, Operation) else ()


def walk(node: Node) -> list[Node]:
    """The node and all within it."""
    out, waiting = list[Node](), [node]
    while waiting:
        one = waiting.pop()
        out.append(one)
        waiting.extend(parts_of(one))
    return out


def path_of(node: Node) -> str | None:
    """`ns.count` of an attribute of a variable, `name` of a variable."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Attribute) and isinstance(node.on, Name):
        return f"{node.on.name}.{node.name}"
    return None


def words(text: str) -> frozenset[str]:
    """A table of words, written with spaces."""
    return frozenset(text.split())
