"""What differs between two locks, for a reviewer: alarms first, then the code.

Rules
1. Exit 1 where anything differs, else 3 where anything could not be compared, else 0.
2. A release's code is compared where its version or its bytes changed, and both are at hand; where
   not, that is said.
"""

import difflib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tollway.cli.audit import NO_EXTRA, lock_of, print_unaudited
from tollway.cli.table import printable
from tollway.errors import TollwayError
from tollway.guard.tools.description import Description
from tollway.pins.component import NpmPackage, PypiPackage, called
from tollway.pins.finding import Finding, Unaudited
from tollway.pins.lock import Lock
from tollway.tools.lock import read_lock as read_tools

if TYPE_CHECKING:
    from tollway.inspect.packages.shelf import Shelf
    from tollway.pins.code_difference import FileDifference
    from tollway.pins.difference import Difference


_Text = tuple[str, list[str]]
_DIGEST = re.compile(r"\b(sha(?:256|512):[0-9a-f]{12})[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class CodeCompared:
    """The code of one package in two releases; `old` and `new` are the artifacts' names."""

    component: str
    old: str
    new: str
    files: tuple["FileDifference", ...]


def show_difference(
    old: Path,
    new: Path,
    artifacts: Path | None,
    tools: tuple[Path | None, Path | None],
    *,
    json: bool,
) -> int:
    """Print what differs; the exit code (rule 1)."""
    try:
        from tollway.inspect.packages.shelf import shelf_of
        from tollway.pins.difference import Differences, differences
    except ModuleNotFoundError as error:
        raise TollwayError(f"{error.name}: {NO_EXTRA}") from None

    locks = lock_of(old), lock_of(new)
    shelf = shelf_of(artifacts) if artifacts is not None else None
    compared: list[CodeCompared] = []
    looked: list[Finding | Unaudited] = []
    if shelf is not None:
        locks, compared, looked = _code(locks[0], locks[1], shelf)
    plain = differences(*locks)
    missing = tuple(it for it in looked if isinstance(it, Unaudited))
    found = [it for it in looked if isinstance(it, Finding)]
    told = Differences(plain.found, (*plain.unaudited, *missing))
    texts = list(_tool_texts(*tools))
    if json:
        _print_json(told, found, compared, texts)
    else:
        _print(told, found, compared, texts)
    return 1 if found or compared or texts else told.exit_code


def _code(
    old: Lock, new: Lock, shelf: "Shelf"
) -> tuple[tuple[Lock, Lock], list[CodeCompared], list[Finding | Unaudited]]:
    """The locks with what their artifacts run, and the code of releases that changed (rule 2)."""
    from msgspec.structs import replace

    from tollway.inspect.packages.code import code_of
    from tollway.inspect.packages.shelf import looked_into
    from tollway.pins.code_difference import code_differences
    from tollway.pins.difference import pairs

    filled: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    compared: list[CodeCompared] = []
    looked: list[Finding | Unaudited] = []
    for before, after in pairs(old, new):
        if not isinstance(after, PypiPackage | NpmPackage):
            continue
        now = looked_into(after, shelf)
        was = None
        if isinstance(before, PypiPackage | NpmPackage):
            if _bytes(before) == _bytes(after):
                continue
            was = looked_into(before, shelf)
            filled[0][called(before)] = was.package
            looked += [it for it in was.looked if isinstance(it, Unaudited)]
        filled[1][called(after)] = now.package
        looked += now.looked
        if was is None or not was.opened or not now.opened:
            continue
        (one, files), (other, others) = code_of(was.opened), code_of(now.opened)
        different = code_differences(files, others)
        if different:
            compared.append(CodeCompared(called(after), one, other, different))
    locks = [
        replace(lock, component=tuple(into.get(called(it), it) for it in lock.component))
        for lock, into in zip((old, new), filled, strict=True)
    ]
    return (locks[0], locks[1]), compared, looked


def _bytes(package: PypiPackage | NpmPackage) -> frozenset[str]:
    return frozenset(it.digest for it in package.artifacts)


def _tool_texts(old: Path | None, new: Path | None) -> Iterator[_Text]:
    """Each tool whose description or schemas differ, as a unified diff of what a model reads."""
    before = read_tools(old) if old is not None else {}
    after = read_tools(new) if new is not None else {}
    if old is None or new is None:
        return
    for server in sorted({*before, *after}):
        one, other = before.get(server, {}), after.get(server, {})
        for tool in sorted({*one, *other}):
            lines = list(difflib.unified_diff(_lines(one, tool), _lines(other, tool), lineterm=""))
            if lines:
                yield f"{server}/{tool}", lines[2:]


def _lines(tools: Mapping[str, Description], name: str) -> list[str]:
    if name not in tools:
        return []
    told = tools[name]
    schemas = [it for it in (told.input_schema, told.output_schema) if it is not None]
    shown = [json.dumps(it, indent=1, sort_keys=True) for it in schemas]
    return [*told.text.splitlines(), *(line for text in shown for line in text.splitlines())]


def _print(
    told: Any,
    found: list[Finding],
    compared: list[CodeCompared],
    texts: list[tuple[str, list[str]]],
) -> None:
    for it in told.found:
        sys.stdout.write(printable(_words(it)) + "\n")
    for it in found:
        words = f"alarm {it.component}: {it.place}: {it.problem}. {it.mend} [{it.rule}]"
        sys.stdout.write(printable(words) + "\n")
    for tool, lines in texts:
        _lines_out(f"tool {tool}", lines)
    for code in compared:
        count = len(code.files)
        sys.stdout.write(printable(f"code {code.component}: {code.old} -> {code.new}") + "\n")
        for it in code.files:
            why = f" ({'; '.join(it.reasons)})" if it.reasons else ""
            left = [f"... {it.left_out} more lines"] if it.left_out else []
            _lines_out(f"  {it.path}: {it.change}{why}", [*it.lines, *left])
        sys.stderr.write(f"{code.component}: {count} files differ.\n")
    print_unaudited(told.unaudited)
    sys.stderr.write(
        f"{len(told.found)} differences, {len(told.unaudited)} things that could not be compared.\n"
    )


def _words(it: "Difference") -> str:
    what = f" {it.what}:" if it.what else ""
    before, after = _short(it.before), _short(it.after)
    change = f"{before} -> {after}" if before and after else f"now {after}"
    change = change if after else f"was {before}, and is gone"
    return f"{it.severity:5} {it.component}:{what} {change} [{it.rule}]"


def _short(words: str) -> str:
    """Digests by their first twelve figures; --json has them whole."""
    return _DIGEST.sub(r"\1...", words)


def _lines_out(heading: str, lines: list[str]) -> None:
    sys.stdout.write(printable(heading) + "\n")
    sys.stdout.write("".join(f"    {printable(it)}\n" for it in lines))


def _print_json(
    told: Any,
    found: list[Finding],
    compared: list[CodeCompared],
    texts: list[tuple[str, list[str]]],
) -> None:
    whole = {
        "differences": [{"severity": it.severity, **asdict(it)} for it in told.found],
        "findings": [asdict(it) for it in found],
        "tools": [{"tool": tool, "lines": lines} for tool, lines in texts],
        "code": [asdict(it) for it in compared],
        "unaudited": [asdict(it) for it in told.unaudited],
    }
    sys.stdout.write(json.dumps(whole) + "\n")
