"""What can be changed in a source file: one node of its tree at a time."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
_OTHER_CALL = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `place` is the index of its node in a walk of the file's tree, which stands in
    the lines from `line` to `last`."""

    file: str
    line: int
    last: int
    place: int
    what: str
    before: str
    after: str

    @property
    def id(self) -> str:
        return f"{self.file}:{self.line}.{self.place}: {self.before}  ->  {self.after}"


def _changes(  # noqa: C901 - a table: one line a kind of node
    node: ast.AST,
) -> Iterator[tuple[str, ast.AST]]:
    """Ways to change one node: a word, and what takes its place."""
    changed = copy.deepcopy(node)
    match changed:
        case ast.Compare(ops=[operator, *_]):
            changed.ops[0] = _COMPARISONS[type(operator)]()
            yield "comparison", changed
        case ast.BoolOp():
            changed.op = ast.Or() if isinstance(changed.op, ast.And) else ast.And()
            yield "and/or", changed
        case ast.BinOp(op=operator) if type(operator) in _ARITHMETIC:
            changed.op = _ARITHMETIC[type(operator)]()
            yield "arithmetic", changed
        case ast.AugAssign(op=operator) if type(operator) in _ARITHMETIC:
            changed.op = _ARITHMETIC[type(operator)]()
            yield "arithmetic", changed
        case ast.UnaryOp(op=ast.Not()):
            yield "not", changed.operand
        case ast.Constant(value=bool(value)):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield "constant", ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in _OTHER_CALL:
            changed.func = ast.Name(_OTHER_CALL[name], ast.Load())
            yield "call", changed
        case ast.If() | ast.While() | ast.IfExp():
            changed.test = ast.UnaryOp(ast.Not(), changed.test)
            yield "condition", changed
        case ast.Return(value=ast.expr()) if not _is_none(node):
            changed.value = ast.Constant(None)
            yield "return", changed
        case ast.Break():
            yield "break", ast.Continue()
        case ast.Continue():
            yield "break", ast.Break()
        case ast.Expr(value=ast.Call()):
            yield "statement", ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "statement", ast.Pass()
        case _:
            return


def _is_none(node: ast.AST) -> bool:
    value = getattr(node, "value", None)
    return isinstance(value, ast.Constant) and value.value is None


def _skipped(tree: ast.Module) -> set[int]:
    """Nodes that say nothing at run time, only name things, or only say how values are stored:
    annotations, `__slots__`, a struct's `frozen=True`."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            parts += [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            parts += [*node.keywords, *node.decorator_list]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            parts.append(node)
        for part in parts:
            if part is not None:
                skipped.update(id(each) for each in ast.walk(part))
    return skipped


def mutants(name: str, source: str) -> list[Mutant]:
    """Every change of one file, of that name."""
    tree = ast.parse(source)
    skipped = _skipped(tree)
    return [
        Mutant(name, *_lines(node), place, what, _short(node), _short(changed))
        for place, node in enumerate(ast.walk(tree))
        if id(node) not in skipped
        for what, changed in _changes(node)
    ]


def _lines(node: ast.AST) -> tuple[int, int]:
    """Where a node stands; of a block, where its condition does."""
    where = getattr(node, "test", node)
    first = getattr(node, "lineno", 0)
    return first, getattr(where, "end_lineno", first)


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= 70 else f"{text[:67]}..."


def apply(source: str, mutant: Mutant) -> str:
    """The file's text with the change in it."""
    tree = ast.parse(source)
    target = list(ast.walk(tree))[mutant.place]
    [changed] = [node for what, node in _changes(target) if what == mutant.what]

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return changed if node is target else super().visit(node)

    return ast.unparse(ast.fix_missing_locations(Swap().visit(tree)))
