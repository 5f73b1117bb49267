"""Jinja's expressions, parsed by precedence. Source: Jinja 3.1's parser."""

from tollway.pins.weights.templates.nodes import (
    Attribute,
    Call,
    Const,
    Filter,
    Name,
    Node,
    Operation,
    Subscript,
)
from tollway.pins.weights.templates.tokens import Malformed, Token

_END = Token("end", "")
_MOST_DEPTH = 100
_WORDS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
_COMPARED = ("==", "!=", "<", ">", "<=", ">=")
# What may follow a test without parentheses: a literal or a name, no operator word.
_STOPS = ("else", "or", "and", "if", "is", "in", "not", "recursive")

Arguments = tuple[tuple[str, Node], ...]


class Parser:
    """Takes tokens of one block in their order."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    def take(self) -> Token:
        token = self.next
        self.at += 1
        return token

    def sign(self, *signs: str) -> str | None:
        """The next token where it is one of these signs; it is taken."""
        token = self.next
        if token.kind == "sign" and token.value in signs:
            self.at += 1
            return str(token.value)
        return None

    def word(self, *words: str) -> str | None:
        token = self.next
        if token.kind == "name" and token.value in words:
            self.at += 1
            return str(token.value)
        return None

    def need(self, sign: str) -> None:
        if self.sign(sign) is None:
            raise Malformed(f"misses {sign!r} before {self.next.value!r:.40}")

    def name(self) -> str:
        token = self.take()
        if token.kind != "name":
            raise Malformed(f"misses a name before {token.value!r:.40}")
        return str(token.value)

    def done(self) -> None:
        if self.next is not _END:
            raise Malformed(f"has more than it should: {self.next.value!r:.40}")

    # From the loosest to the tightest

    def tuple_(self, stop: tuple[str, ...] = (), conditional: bool = True) -> Node:
        """An expression, or several with commas."""
        one = self.expression(conditional)
        parts = [one]
        many = False
        while self.sign(","):
            many = True
            token = self.next
            if token is _END or (token.kind == "sign" and token.value in (")", "=", "]")):
                break
            if token.kind == "name" and token.value in stop:
                break
            parts.append(self.expression(conditional))
        return Operation(",", tuple(parts)) if many else one

    def expression(self, conditional: bool = True) -> Node:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise Malformed("is nested too deep")
        node = self._or()
        while conditional and self.word("if"):
            test = self._or()
            other: tuple[Node, ...] = (self.expression(),) if self.word("else") else ()
            node = Operation("if", (node, test, *other))
        self.depth -= 1
        return node

    def _or(self) -> Node:
        node = self._and()
        while self.word("or"):
            node = Operation("or", (node, self._and()))
        return node

    def _and(self) -> Node:
        node = self._not()
        while self.word("and"):
            node = Operation("and", (node, self._not()))
        return node

    def _not(self) -> Node:
        if self.word("not"):
            self.depth += 1
            if self.depth > _MOST_DEPTH:
                raise Malformed("is nested too deep")
            node = Operation("not", (self._not(),))
            self.depth -= 1
            return node
        return self._compared()

    def _compared(self) -> Node:
        node = self._sum()
        while True:
            sign = self.sign(*_COMPARED) or self.word("in")
            if sign is None and self.next.value == "not" and self._after() == "in":
                self.at += 2
                sign = "in"
            if sign is None:
                return node
            node = Operation(sign, (node, self._sum()))

    def _after(self) -> object:
        return self.tokens[self.at + 1].value if self.at + 1 < len(self.tokens) else None

    def _sum(self) -> Node:
        node = self._concat()
        while sign := self.sign("+", "-"):
            node = Operation(sign, (node, self._concat()))
        return node

    def _concat(self) -> Node:
        node = self._product()
        while self.sign("~"):
            node = Operation("~", (node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._power()
        while sign := self.sign("*", "/", "//", "%"):
            node = Operation(sign, (node, self._power()))
        return node

    def _power(self) -> Node:
        node = self._unary()
        while self.sign("**"):
            node = Operation("**", (node, self._unary()))
        return node

    def _unary(self, filtered: bool = True) -> Node:
        sign = self.sign("-", "+")
        if sign:
            self.depth += 1
            if self.depth > _MOST_DEPTH:
                raise Malformed("is nested too deep")
            node: Node = Operation("-", (Const(0), self._unary(False)))
            self.depth -= 1
        else:
            node = self._primary()
        node = self._postfix(node)
        return self._filtered(node) if filtered else node

    def _primary(self) -> Node:
        token = self.take()
        if token.kind == "name":
            word = str(token.value)
            return Const(_WORDS[word]) if word in _WORDS else Name(word)
        if token.kind == "text":
            text = str(token.value)
            while self.next.kind == "text":
                text += str(self.take().value)
            return Const(text)
        if token.kind == "number":
            return Const(token.value)
        if token.value == "(":
            if self.sign(")"):
                return Operation(",", ())
            node = self.tuple_()
            self.need(")")
            return node
        if token.value == "[":
            return self._list("]")
        if token.value == "{":
            return self._dict()
        raise Malformed(f"has {token.value!r:.40} where a value should be")

    def _list(self, end: str) -> Node:
        parts: list[Node] = []
        while not self.sign(end):
            parts.append(self.expression())
            if not self.sign(","):
                self.need(end)
                break
        return Operation(",", tuple(parts))

    def _dict(self) -> Node:
        parts: list[Node] = []
        while not self.sign("}"):
            parts.append(self.expression())
            self.need(":")
            parts.append(self.expression())
            if not self.sign(","):
                self.need("}")
                break
        return Operation(",", tuple(parts))

    def _postfix(self, node: Node) -> Node:
        while sign := self.sign(".", "[", "("):
            if sign == "(":
                node = Call(node, self.arguments())
            elif sign == "[":
                node = self._subscript(node)
            elif self.next.kind == "number":
                node = Subscript(node, Const(self.take().value))
            else:
                node = Attribute(node, self.name())
        return node

    def _subscript(self, node: Node) -> Node:
        parts: list[Node] = []
        while not self.sign("]"):
            parts.append(self._slice())
            if not self.sign(","):
                self.need("]")
                break
        if not parts:
            raise Malformed("has a subscript without a key")
        return Subscript(node, parts[0] if len(parts) == 1 else Operation(",", tuple(parts)))

    def _slice(self) -> Node:
        parts: list[Node] = []
        sliced = False
        while True:
            token = self.next
            if token.kind == "sign" and token.value in ("]", ","):
                break
            if self.sign(":"):
                sliced = True
                continue
            if parts and not sliced:
                raise Malformed("has a subscript that is none")
            parts.append(self.expression())
        return Operation(":", tuple(parts)) if sliced else parts[0]

    def _filtered(self, node: Node) -> Node:
        while True:
            if self.sign("|"):
                node = self.filter_(node)
            elif self.word("is"):
                node = self._test(node)
            elif self.next.value == "(" and self.next.kind == "sign":
                self.at += 1
                node = Call(node, self.arguments())
            else:
                return node

    def filter_(self, node: Node | None) -> Node:
        name = self._dotted()
        args = self.arguments() if self.sign("(") else ()
        return Filter(node, name, args)

    def _dotted(self) -> str:
        name = self.name()
        while self.sign("."):
            name += f".{self.name()}"
        return name

    def _test(self, node: Node) -> Node:
        self.word("not")
        name = self._dotted()
        args: Arguments = ()
        token = self.next
        if self.sign("("):
            args = self.arguments()
        elif (
            token.kind in ("text", "number")
            or (token.kind == "name" and token.value not in _STOPS)
            or (token.kind == "sign" and token.value in ("[", "{"))
        ):
            args = (("", self._postfix(self._primary())),)
        return Filter(node, name, args, test=True)

    def arguments(self) -> Arguments:
        """What follows an opened parenthesis."""
        out: list[tuple[str, Node]] = []
        while not self.sign(")"):
            self.sign("**", "*")
            name = ""
            if self.next.kind == "name" and self._after() == "=":
                name = self.name()
                self.need("=")
            out.append((name, self.expression()))
            if not self.sign(","):
                self.need(")")
                break
        return tuple(out)
