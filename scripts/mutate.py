"""Mutation testing of `dispatch/` and `policy/`: does a test fail when the code is wrong?

One change at a time is made to a module as it is imported, and the tests that run the changed line
are run on it. A change that no test notices survives, and is printed: it is a missing test, or it
changes nothing that anyone could observe. `docs/reference/mutation.md` explains those that are
known.

Rules
1. The sample is the same at every run: mutants are ordered by a hash of what they change.
2. A run can be stopped and taken up again: a result holds while the mutated file is the same, and
   a survivor's only while the tests are the same too.
3. No file is changed: a mutated module is compiled in the memory of the process that tests it.
4. Only tests that ran the changed line are asked, the quickest first, with the examples of one
   seed; a line that is run while modules are imported is asked of all tests.
5. A mutant has a limit of CPU time, so that a busy machine makes none too slow, and of memory.
6. Shards (`--shard 2/8`) part the sample, so that machines can share it.

Why not mutmut or cosmic-ray: one copies the tree and rewrites every function into a trampoline,
the other changes files in place and enumerates everything before the first result; neither takes a
stable sample of a few minutes' size.
"""

import argparse
import importlib.abc
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from importlib.machinery import ModuleSpec
from math import ceil
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import hypothesis
import pytest

from mutants import Mutant, apply, mutants

ROOT = Path(__file__).parent.parent
ROOMS = ("dispatch", "policy")
RESULTS = ROOT / ".mutation.jsonl"
PRELOADED = ("hypothesis.stateful", "tollway.fleet.parse", "tollway.errors")
"""What every test needs and no mutant changes: imported once, and forked."""
MEMORY = 2 * 1024**3
SLACK, TIMES = 5.0, 4.0
"""A mutant's limit is so many seconds and so many times what its tests take unchanged."""
IDLE = 8.0
"""It may wait for the processor for so many times that."""

Where = tuple[str, int]
"""A file, as in `Mutant.file`, and a line."""


# --- in the process that tests -----------------------------------------------------------------


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from text instead of from its file."""

    def __init__(self, name: str, path: Path, text: str) -> None:
        self._name, self._path, self._text = name, path, text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._text, str(self._path), "exec"), module.__dict__)  # noqa: S102 - the point


class Chosen:
    """A pytest plugin that runs only these tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._order = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._order),
            key=lambda item: self._order[item.nodeid],
        )


class Watched:
    """A pytest plugin that keeps which test runs which line, and how long each test takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, list[Where]] = {}
        self._files: dict[CodeType, str | None] = {}
        self._seen: set[Where] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        self._seen = set()
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self.lines[item.nodeid] = sorted(self._seen)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.seconds[report.nodeid] = report.duration

    def _trace(self, frame: FrameType, event: str, arg: object) -> Any:
        code = frame.f_code
        if code not in self._files:
            path = Path(code.co_filename)
            inside = path.is_relative_to(ROOT / "src") and path.parent.name in ROOMS
            self._files[code] = str(path.relative_to(ROOT)) if inside else None
        file = self._files[code]
        if file is None:
            return None

        def line(frame: FrameType, event: str, arg: object) -> Any:
            self._seen.add((file, frame.f_lineno))
            return line

        self._seen.add((file, frame.f_lineno))
        return line


def _pytest(plugins: Sequence[object], files: Sequence[str]) -> int:
    hypothesis.settings.register_profile(
        "mutation",
        database=None,
        deadline=None,
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # any failure will do
    )
    hypothesis.settings.load_profile("mutation")
    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "--timeout=0"]
    # What was imported before the fork is not rewritten, and need not be.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, f"--rootdir={ROOT}", *files], plugins=[*plugins]))


# --- beside it -----------------------------------------------------------------------------------


def _forked(run: Callable[[], object], seconds: float) -> object:
    """What `run` gives in a process of its own; None where that takes too long or breaks down."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ours)
        _child(run, theirs, ceil(seconds))
    os.close(theirs)
    said = bytearray()
    until = time.monotonic() + IDLE * seconds
    with os.fdopen(ours, "rb", buffering=0) as pipe:
        while (left := until - time.monotonic()) > 0:
            if select.select([pipe], [], [], left)[0]:
                part = pipe.read(65536)
                if not part:
                    break
                said += part
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return json.loads(said) if said else None


def _child(run: Callable[[], object], pipe: int, seconds: int) -> None:
    """Never returns."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        answer = json.dumps(run()).encode()
        with os.fdopen(pipe, "wb") as file:
            file.write(answer)
        code = 0
    finally:
        os._exit(code)


def _rooms() -> list[str]:
    return [str(ROOT / "tests" / room) for room in ROOMS]


class Suite:
    """The rooms' tests as they are: what each of them runs, and how long it takes."""

    def __init__(self) -> None:
        def times() -> object:
            watched = Watched()
            watched.pytest_runtest_call = None  # type: ignore[method-assign]  # times without a trace
            return _pytest([watched], _rooms()), watched.seconds

        def lines() -> object:
            watched = Watched()
            return _pytest([watched], _rooms()), watched.lines

        code, self.seconds = _ran(_forked(times, 600.0))
        if code:
            raise SystemExit("The tests fail without any mutation: mend that first.")
        _, found = _ran(_forked(lines, 3600.0))
        self._of: dict[Where, list[str]] = {}
        for test, run in found.items():
            for file, line in run:
                self._of.setdefault((file, line), []).append(test)
        self.tests = sorted(self.seconds, key=lambda test: (self.seconds[test], test))

    def asked(self, mutant: Mutant) -> list[str]:
        """Rule 4: the tests for one mutant, the quickest first."""
        lines = range(mutant.line, mutant.last + 1)
        found = {test for line in lines for test in self._of.get((mutant.file, line), ())}
        return [test for test in self.tests if not found or test in found]


def _ran(answer: object) -> tuple[int, dict[str, Any]]:
    match answer:
        case [int(code), dict(values)]:
            return code, values
        case _:
            raise SystemExit("The tests could not be run.")


def judge(mutant: Mutant, suite: Suite) -> str:
    """What comes of one mutant: killed, survived or too long."""
    path = ROOT / mutant.file
    module = ".".join(Path(mutant.file).with_suffix("").parts[1:])
    text = apply(path.read_text(), mutant)
    tests = suite.asked(mutant)

    def run() -> object:
        sys.meta_path.insert(0, Mutated(module, path, text))
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        return _pytest([Chosen(tests)], [str(ROOT / file) for file in files])

    code = _forked(run, SLACK + TIMES * sum(suite.seconds[test] for test in tests))
    return "too long" if code is None else "killed" if code else "survived"


# --- the sample ----------------------------------------------------------------------------------


def _digest(*parts: bytes) -> str:
    return blake2b(b"\0".join(parts), digest_size=8).hexdigest()


def _tests_digest() -> str:
    files = sorted(file for room in _rooms() for file in Path(room).glob("*.py"))
    return _digest(*(file.read_bytes() for file in files))


def _key(mutant: Mutant) -> str:
    digest = _digest((ROOT / mutant.file).read_bytes())
    return f"{digest}/{mutant.place}/{mutant.what}"


def _known(tests: str) -> dict[str, str]:
    """Rule 2: key -> result, of those that hold."""
    if not RESULTS.exists():
        return {}
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {
        line["key"]: line["result"]
        for line in lines
        if line["result"] == "killed" or line.get("tests") == tests
    }


def _sample(limit: int | None, only: str, shard: str) -> list[Mutant]:
    found = [
        mutant
        for room in ROOMS
        for file in sorted((ROOT / "src" / "tollway" / room).glob("*.py"))
        for mutant in mutants(str(file.relative_to(ROOT)), file.read_text())
        if only in mutant.file
    ]
    found.sort(key=lambda one: _digest(f"{one.what} {one.file} {one.before} {one.place}".encode()))
    part, _, parts = shard.partition("/")
    return found[:limit][int(part) - 1 :: int(parts)]


def _run(sample: list[Mutant]) -> dict[str, str]:
    """Mutant's id -> result."""
    tests = _tests_digest()
    known, keys = _known(tests), {mutant.id: _key(mutant) for mutant in sample}
    results = {name: known[key] for name, key in keys.items() if key in known}
    left = [mutant for mutant in sample if mutant.id not in results]
    if not left:
        return results
    suite = Suite()
    with RESULTS.open("a") as file:
        for mutant in left:
            result = results[mutant.id] = judge(mutant, suite)
            line = {"key": keys[mutant.id], "result": result, "tests": tests, "id": mutant.id}
            file.write(json.dumps(line) + "\n")
            file.flush()
            sys.stderr.write(f"{len(results):4}/{len(sample)} {result:8}  {mutant.id}\n")
    return results


def main() -> int:
    """Run, print what survived or did not end, and exit 1 where something survived."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--limit", type=int, help="how many mutants; default all")
    parser.add_argument("--only", default="", help="only files whose path has this in it")
    parser.add_argument("--shard", default="1/1", help="which part of the sample, of how many")
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT / "src"))
    sys.dont_write_bytecode = True
    for name in PRELOADED:
        importlib.import_module(name)
    sample = _sample(options.limit, options.only, options.shard)
    results = _run(sample)
    for wanted in ("too long", "survived"):
        for one in sorted(sample, key=lambda one: (one.file, one.line, one.place)):
            if results[one.id] == wanted:
                sys.stdout.write(f"{wanted}  {one.id}\n")
    counted = Counter(results.values())
    sys.stdout.write(f"{len(sample)} mutants: {dict(counted)}\n")
    return 1 if counted["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
