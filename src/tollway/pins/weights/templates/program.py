"""A template as a list of statements, each with the expressions in it.

Rules
1. A statement that reads another file, or that is not known, is no chat template's.
"""

from dataclasses import dataclass

from tollway.pins.weights.templates.nodes import Attribute, Name, Node, Operation, words
from tollway.pins.weights.templates.parsing import Arguments, Parser
from tollway.pins.weights.templates.tokens import Block, Malformed, blocks_of

_ENDS = words(
    "endif endfor endset endmacro endcall endfilter endgeneration endwith endblock endautoescape "
    "else break continue generation"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """`kind` is `print` or the tag. `targets` are what it assigns, as expressions; `values` what it
    computes; `name` a macro's or block's, `params` a macro's parameters with their defaults."""

    kind: str
    values: tuple[Node, ...] = ()
    targets: tuple[Node, ...] = ()
    name: str = ""
    params: Arguments = ()
    recursive: bool = False


def program(source: str) -> list[Statement]:
    """Every statement in its order; Malformed where the template is none."""
    return [_statement(block) for block in blocks_of(source)]


def _statement(block: Block) -> Statement:
    parser = Parser(block.tokens)
    if not block.statement:
        statement = Statement("print", (parser.tuple_(),))
    else:
        statement = _tag(parser.name(), parser)
    parser.done()
    return statement


def _tag(tag: str, parser: Parser) -> Statement:
    if tag in _ENDS:
        if tag == "endblock" and parser.next.kind == "name":
            parser.take()
        return Statement(tag)
    if tag in ("if", "elif", "do", "autoescape"):
        return Statement(tag, (parser.tuple_(),))
    if tag == "for":
        return _for(parser)
    if tag == "set":
        return _set(parser)
    if tag in ("macro", "call"):
        return _macro(tag, parser)
    if tag == "filter":
        return Statement(tag, (_filters(parser),))
    if tag == "with":
        return _with(parser)
    if tag == "block":
        return Statement(tag, name=parser.name())
    raise Malformed(f"has a statement that no chat template needs: {tag}")


def _filters(parser: Parser) -> Node:
    node = parser.filter_(None)
    while parser.sign("|"):
        node = parser.filter_(node)
    return node


def _for(parser: Parser) -> Statement:
    targets = _targets(parser)
    if parser.word("in") is None:
        raise Malformed("has a for without in")
    over = parser.tuple_(("recursive",), conditional=False)
    values = (over, parser.expression()) if parser.word("if") else (over,)
    return Statement("for", values, targets, recursive=parser.word("recursive") is not None)


def _targets(parser: Parser) -> tuple[Node, ...]:
    """Names with commas, perhaps in parentheses; an attribute of one is a namespace's."""
    wrapped = parser.sign("(")
    out: list[Node] = [_target(parser)]
    while parser.sign(","):
        if parser.next.kind != "name":
            break
        out.append(_target(parser))
    if wrapped:
        parser.need(")")
    return tuple(out)


def _target(parser: Parser) -> Node:
    node: Node = Name(parser.name())
    while parser.sign("."):
        node = Attribute(node, parser.name())
    return node


def _set(parser: Parser) -> Statement:
    targets = _targets(parser)
    if parser.sign("="):
        return Statement("set", (parser.tuple_(),), targets)
    values: tuple[Node, ...] = (_filters(parser),) if parser.sign("|") else ()
    return Statement("setblock", values, targets)


def _macro(tag: str, parser: Parser) -> Statement:
    if tag == "call":
        params = _params(parser) if parser.sign("(") else ()
        return Statement("call", (parser.expression(),), params=params)
    name = parser.name()
    parser.need("(")
    return Statement("macro", name=name, params=_params(parser))


def _params(parser: Parser) -> Arguments:
    out: list[tuple[str, Node]] = []
    while not parser.sign(")"):
        name = parser.name()
        default: Node = parser.expression() if parser.sign("=") else Operation(",", ())
        out.append((name, default))
        if not parser.sign(","):
            parser.need(")")
            break
    return tuple(out)


def _with(parser: Parser) -> Statement:
    targets: list[Node] = []
    values: list[Node] = []
    while parser.next.kind == "name":
        targets.append(_target(parser))
        parser.need("=")
        values.append(parser.expression())
        if not parser.sign(","):
            break
    return Statement("with", tuple(values), tuple(targets))
