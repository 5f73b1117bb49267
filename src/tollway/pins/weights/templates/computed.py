"""Which texts a template puts together itself.

Rules
1. A text is computed where an operator or a filter makes it from others; what holds, passes on or
   loops over a computed text is computed too; so is a part of a text that is known to be one.
2. A number never is, and neither is a text that begins with a literal that no internal name begins
   with: it cannot become one.
"""

from tollway.pins.weights.templates.nodes import (
    Attribute,
    Call,
    Const,
    Filter,
    Name,
    Node,
    Operation,
    Subscript,
    parts_of,
    path_of,
    words,
)
from tollway.pins.weights.templates.program import Statement

_NUMBERS = words("length count int float abs round wordcount sum")
_MAKERS = words(
    "join format replace reverse string list first last urlencode truncate lower upper title "
    "capitalize map batch slice tojson center indent random striptags trim wordwrap min max"
)
_MAKING = words(
    "join format replace split rsplit partition rpartition strip lstrip rstrip lower upper title "
    "capitalize swapcase casefold removeprefix removesuffix zfill ljust rjust center decode"
)
_BEGINNINGS = ("_", "gi", "f_", "cr", "ag", "tb", "func", "mro", "format", "im_", "co_", "env")
_ROUNDS = 20


def is_number(node: Node) -> bool:
    """Is it a number (or an error), whatever the variables are?"""
    if isinstance(node, Const):
        return isinstance(node.value, int | float)
    if isinstance(node, Filter):
        return node.test or node.name in _NUMBERS
    if isinstance(node, Attribute):
        return node.name in ("index", "index0", "revindex", "revindex0", "length")
    if isinstance(node, Operation):
        if node.sign in ("-", "//", "/", "**"):
            return True
        if node.sign == "+":
            return any(map(is_number, node.parts))
        if node.sign in ("*", "%"):
            return is_number(node.parts[0]) and (node.sign == "%" or is_number(node.parts[1]))
        if node.sign == "if":
            return is_number(node.parts[0]) and all(map(is_number, node.parts[2:]))
        return node.sign in ("==", "!=", "<", ">", "<=", ">=", "in", "not")
    return False


def is_written(node: Node) -> bool:
    """Is it what the one who writes to the model says?"""
    if isinstance(node, Attribute):
        return node.name in ("content", "text")
    return isinstance(node, Subscript) and node.key in (Const("content"), Const("text"))


def _is_slice(key: Node) -> bool:
    return isinstance(key, Operation) and key.sign == ":"


class Taint:
    """The variables of a template that hold computed texts."""

    def __init__(self, statements: list[Statement]) -> None:
        self.held: set[str] = set()
        self.texts: set[str | None] = set()
        macros = {it.name: it for it in statements if it.kind == "macro"}
        for _ in range(_ROUNDS):
            before = len(self.held) + len(self.texts)
            for statement in statements:
                self._learn(statement, macros)
            if len(self.held) + len(self.texts) == before:
                return

    def _learn(self, statement: Statement, macros: dict[str, Statement]) -> None:
        if statement.kind == "setblock":
            self._hold(statement.targets)
        if statement.kind in ("set", "with", "for"):
            over = statement.values[:1] if statement.kind == "for" else statement.values
            if any(isinstance(it, Const) and isinstance(it.value, str) for it in over):
                self.texts.update(path for it in statement.targets if (path := path_of(it)))
            if any(map(self.computed, over)):
                self._hold(statement.targets)
        for name, default in statement.params:
            if self.computed(default):
                self.held.add(name)
        waiting = list(statement.values)
        while waiting:
            node = waiting.pop()
            waiting.extend(parts_of(node))
            if isinstance(node, Call) and isinstance(node.on, Name):
                self._passed(node, macros.get(node.on.name))

    def _passed(self, call: Call, macro: Statement | None) -> None:
        if isinstance(call.on, Name) and call.on.name in ("namespace", "dict"):
            for name, value in call.args:
                if name and self.computed(value):
                    self.held.add(f".{name}")
        if macro is None:
            return
        for index, (name, value) in enumerate(call.args):
            if self.computed(value):
                if name:
                    self.held.add(name)
                elif index < len(macro.params):
                    self.held.add(macro.params[index][0])

    def _hold(self, targets: tuple[Node, ...]) -> None:
        for target in targets:
            path = path_of(target)
            if path:
                self.held.add(path)
                if "." in path:
                    self.held.add(f".{path.split('.', 1)[1]}")

    def computed(self, node: Node) -> bool:
        """Rule 1, save for rule 2."""
        if is_number(node) or isinstance(node, Const):
            return False
        if isinstance(node, Name):
            return node.name in self.held
        if isinstance(node, Attribute):
            return f".{node.name}" in self.held or self.computed(node.on)
        if isinstance(node, Subscript):
            return self.computed(node.on) or (_is_slice(node.key) and self._is_text(node.on))
        if isinstance(node, Call):
            if isinstance(node.on, Attribute):
                return node.on.name in _MAKING or self.computed(node.on.on)
            return isinstance(node.on, Name) and node.on.name not in ("range", "namespace")
        if isinstance(node, Filter):
            inner = node.on is not None and self.computed(node.on)
            return inner or node.name in _MAKERS
        return self._operation(node)

    def _is_text(self, node: Node) -> bool:
        if isinstance(node, Const):
            return isinstance(node.value, str)
        return path_of(node) in self.texts or is_written(node)

    def _operation(self, node: Operation) -> bool:
        if node.sign in ("~", "+", "%", "*"):
            first: Node = node
            while isinstance(first, Operation) and first.sign in ("~", "+") and first.parts:
                first = first.parts[0]
            if node.sign in ("~", "+") and isinstance(first, Const):
                text = str(first.value)
                return not text or text.startswith(_BEGINNINGS)
            return True
        parts = node.parts if node.sign != "if" else (node.parts[0], *node.parts[2:])
        return any(map(self.computed, parts))
