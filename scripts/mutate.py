"""Mutation testing of `dispatch/` and `policy/`: does a test fail when the code is wrong?

One change at a time is made in a copy of the sources, and the rooms' tests are run on it. A change
that no test notices survives, and is printed: it is a missing test, or it changes nothing that
anyone could observe. `docs/reference/mutation.md` explains those that are known.

Rules
1. The sample is the same at every run: mutants are ordered by a hash of what they change.
2. A run can be stopped and taken up again: results are kept by the digest of the mutated file.
3. The checkout is never touched.

Why not mutmut or cosmic-ray: one copies the tree and rewrites every function into a trampoline,
the other changes files in place and enumerates everything before the first result; neither takes a
stable sample of a few minutes' size.
"""

import argparse
import ast
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parent.parent
ROOMS = ("dispatch", "policy")
RESULTS = ROOT / ".mutation.jsonl"
COPIED = ("src", "pyproject.toml", *(f"tests/{room}" for room in ROOMS))

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
    """One change: `place` is the index of its node in a walk of the file's tree."""

    file: str
    line: int
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
    """Nodes that say nothing at run time, or only name things: annotations, `__slots__`."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            parts += [node.returns, *node.decorator_list]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            parts.append(node)
        for part in parts:
            if part is not None:
                skipped.update(id(each) for each in ast.walk(part))
    return skipped


def mutants(file: Path) -> list[Mutant]:
    """Every change of one file."""
    tree = ast.parse(file.read_text())
    skipped = _skipped(tree)
    name = str(file.relative_to(ROOT))
    return [
        Mutant(name, getattr(node, "lineno", 0), place, what, _short(node), _short(changed))
        for place, node in enumerate(ast.walk(tree))
        if id(node) not in skipped
        for what, changed in _changes(node)
    ]


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


# --- running -------------------------------------------------------------------------------------


def _copy() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tollway-mutation-"))
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


def _tests_pass(folder: Path, timeout: float) -> bool | None:
    """Whether the rooms' tests pass in a copy; None where they take too long."""
    shutil.rmtree(folder / ".hypothesis", ignore_errors=True)
    tests = [f"tests/{room}" for room in ROOMS]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "pytest", *tests, "-x", "-q", "-p", "no:cacheprovider"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
            capture_output=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode == 0


def _judge(mutant: Mutant, folders: "SimpleQueue[Path]", timeout: float) -> str:
    folder = folders.get()
    file = folder / mutant.file
    original = file.read_text()
    try:
        file.write_text(apply(original, mutant))
        passed = _tests_pass(folder, timeout)
        return "too long" if passed is None else "survived" if passed else "killed"
    finally:
        file.write_text(original)
        folders.put(folder)


def _key(mutant: Mutant) -> str:
    digest = blake2b((ROOT / mutant.file).read_bytes(), digest_size=8).hexdigest()
    return f"{digest}/{mutant.place}/{mutant.what}"


def _known() -> dict[str, str]:
    if not RESULTS.exists():
        return {}
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {line["key"]: line["result"] for line in lines}


def _sample(limit: int | None, only: str) -> list[Mutant]:
    found = [
        mutant
        for room in ROOMS
        for file in sorted((ROOT / "src" / "tollway" / room).glob("*.py"))
        for mutant in mutants(file)
        if only in mutant.file
    ]
    found.sort(
        key=lambda one: blake2b(
            f"{one.what} {one.file} {one.before} {one.place}".encode(), digest_size=8
        ).digest()
    )
    return found[:limit]


def main() -> int:
    """Run, print what survived, and exit 1 where something did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--limit", type=int, help="how many mutants; default all")
    parser.add_argument("--only", default="", help="only files whose path has this in it")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    sample = _sample(options.limit, options.only)
    folders: SimpleQueue[Path] = SimpleQueue()
    copies = [_copy() for _ in range(options.workers)]
    try:
        began = time.monotonic()
        if _tests_pass(copies[0], 600.0) is not True:
            sys.stderr.write("The tests fail without any mutation: mend that first.\n")
            return 2
        timeout = 10.0 + 2.0 * (time.monotonic() - began) * options.workers
        for folder in copies:
            folders.put(folder)
        results = _run(sample, folders, timeout, options.workers)
    finally:
        for folder in copies:
            shutil.rmtree(folder, ignore_errors=True)
    counted = Counter(results.values())
    survivors = sorted(one.id for one in sample if results[one.id] == "survived")
    for survivor in survivors:
        sys.stdout.write(f"survived  {survivor}\n")
    sys.stdout.write(f"{len(sample)} mutants: {dict(counted)}\n")
    return 1 if survivors else 0


def _run(
    sample: list[Mutant], folders: "SimpleQueue[Path]", timeout: float, workers: int
) -> dict[str, str]:
    """Mutant's id -> result."""
    known, keys = _known(), {mutant.id: _key(mutant) for mutant in sample}
    results = {name: known[key] for name, key in keys.items() if key in known}
    left = [mutant for mutant in sample if mutant.id not in results]
    with RESULTS.open("a") as file, ThreadPoolExecutor(workers) as pool:
        judged = pool.map(lambda mutant: _judge(mutant, folders, timeout), left)
        for mutant, result in zip(left, judged, strict=True):
            results[mutant.id] = result
            line = {"key": keys[mutant.id], "result": result, "id": mutant.id}
            file.write(json.dumps(line) + "\n")
            file.flush()
            sys.stderr.write(f"{len(results):4}/{len(sample)} {result:8}  {mutant.id}\n")
    return results


if __name__ == "__main__":
    sys.exit(main())
