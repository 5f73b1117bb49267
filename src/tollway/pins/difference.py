"""What differs between two locks, each difference by a rule that says how much it matters.

Rules
1. A component is the same by kind and name; an npm package by its name without the version, in the
   order of versions where several are locked.
2. Under one version, an artifact with another digest is an alarm: a release does not change.
3. What one of the locks does not know (None) cannot be compared, and is named.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from tollway.pins.auditing_packages import bare_name, publisher_words
from tollway.pins.component import (
    Component,
    Image,
    McpServer,
    ModelApi,
    NpmPackage,
    PinnedFile,
    Prompt,
    PypiPackage,
    Runtime,
    Weights,
    called,
)
from tollway.pins.finding import Unaudited
from tollway.pins.lock import Lock
from tollway.pins.semver import order_of
from tollway.pins.severity import ORDER, Severity, severity_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. `before` and `after` are words; empty where there was nothing."""

    component: str
    rule: str
    before: str
    after: str
    what: str = ""

    @property
    def severity(self) -> Severity:
        return severity_of(self.rule)


Seen = Difference | Unaudited


@dataclass(frozen=True, slots=True)
class Differences:
    """All that differs, what matters most first, and what could not be compared."""

    found: tuple[Difference, ...]
    unaudited: tuple[Unaudited, ...]

    @property
    def exit_code(self) -> int:
        """1 where anything differs, else 3 where anything could not be compared, else 0."""
        if self.found:
            return 1
        return 3 if self.unaudited else 0


def differences(old: Lock, new: Lock) -> Differences:
    """What differs from the old lock to the new one."""
    seen: list[Seen] = []
    for before, after in pairs(old, new):
        if before is None and after is not None:
            seen.append(Difference(called(after), "component.added", "", after.version or "locked"))
        elif after is None and before is not None:
            gone = before.version or "locked"
            seen.append(Difference(called(before), "component.removed", gone, ""))
        elif before is not None and after is not None:
            seen += _changed(before, after)
    found = [it for it in seen if isinstance(it, Difference)]
    found.sort(key=lambda it: ORDER.index(it.severity))
    return Differences(tuple(found), tuple(it for it in seen if isinstance(it, Unaudited)))


def pairs(old: Lock, new: Lock) -> Iterator[tuple[Component | None, Component | None]]:
    """The components of both, side by side (rule 1), in the order of their names."""
    before, after = _by_name(old), _by_name(new)
    for key in sorted({*before, *after}):
        yield from _paired(before.get(key, []), after.get(key, []))


def _paired(
    before: Sequence[Component], after: Sequence[Component]
) -> Iterator[tuple[Component | None, Component | None]]:
    kept = {called(it): it for it in after}
    same = [it for it in before if called(it) in kept]
    yield from ((it, kept[called(it)]) for it in same)
    names = {called(it) for it in same}
    rest = [[it for it in each if called(it) not in names] for each in (before, after)]
    yield from zip_longest(rest[0], rest[1])


def _by_name(lock: Lock) -> Mapping[tuple[str, str], list[Component]]:
    found: dict[tuple[str, str], list[Component]] = defaultdict(list)
    for it in lock.component:
        found[it.kind, bare_name(it) if isinstance(it, NpmPackage) else it.name].append(it)
    for same in found.values():
        same.sort(key=_order)
    return found


def _order(component: Component) -> tuple[bool, object, str]:
    try:
        return False, order_of(component.version), component.version
    except ValueError:
        return True, (), component.version


def _changed(before: Component, after: Component) -> Iterator[Seen]:
    name = called(after)
    yield from _word(name, "version.changed", before.version, after.version)
    lost = "fallback.lost" if before.fallback and not after.fallback else "fallback.changed"
    yield from _word(name, lost, before.fallback, after.fallback)
    threats = ", ".join(before.threats), ", ".join(after.threats)
    yield from _word(name, "threats.changed", *threats)
    match before, after:
        case (PypiPackage(), PypiPackage()) | (NpmPackage(), NpmPackage()):
            yield from _packages(before, after)
        case ModelApi(), ModelApi():
            yield from _models(before, after)
        case Weights(), Weights():
            yield from _files(name, "weights", before.files, after.files)
            yield from _list(name, "weights.format", before.formats, after.formats)
            yield from _list(name, "weights.global", before.globals, after.globals)
        case Prompt(), Prompt():
            yield from _files(name, "prompt", (before.file,), (after.file,))
        case McpServer(), McpServer():
            yield from _servers(before, after)
        case (Runtime(), Runtime()) | (Image(), Image()):
            rule = f"{after.kind}.replaced"
            if before.version == after.version:
                yield from _word(name, rule, before.digest or "none", after.digest or "none")
        case _:
            pass


def _word(name: str, rule: str, before: str, after: str, what: str = "") -> Iterator[Seen]:
    if before != after:
        yield Difference(name, rule, before, after, what)


def _list(name: str, rule: str, before: Iterable[str], after: Iterable[str]) -> Iterator[Seen]:
    """One difference for each thing that came (`RULE.added` or `RULE.gone`)."""
    old, new = list(before), list(after)
    for it in dict.fromkeys(new):
        if it not in old:
            yield Difference(name, f"{rule}.added" if "." not in rule else f"{rule}-added", "", it)
    for it in dict.fromkeys(old):
        if it not in new:
            yield Difference(name, f"{rule}.gone" if "." not in rule else f"{rule}-gone", it, "")


_Package = PypiPackage | NpmPackage


def _packages(before: _Package, after: _Package) -> Iterator[Seen]:
    name = called(after)
    yield from _artifacts(before, after)
    yield from _word(name, "index.changed", before.index, after.index)
    yield from _publishers(before, after)
    parts = [("script", before.scripts, after.scripts)]
    if isinstance(after, PypiPackage):
        parts += [("startup", before.startup, after.startup)]
    for rule, old, new in parts:
        if before.version == after.version and old == new:
            continue
        if old is None or new is None:
            why = f"the {'old' if old is None else 'new'} lock was written without its artifacts"
            what = "what its installation runs" if rule == "script" else "what starts with Python"
            yield Unaudited(name, what, why)
        if new is not None:
            yield from _list(name, rule, old or (), new)
    yield from _list(name, "dependency", _bare(before), _bare(after))


def _bare(package: _Package) -> Iterator[str]:
    """Its dependencies' names, without versions: each has a difference of its own."""
    for it in package.dependencies:
        at = it.rfind("@")
        yield it[:at] if at > 0 else it


def _artifacts(before: _Package, after: _Package) -> Iterator[Seen]:
    if before.version != after.version:
        return  # other bytes are what another version is
    name = called(after)
    old = {it.name: it.digest for it in before.artifacts}
    digests = {it.digest for it in before.artifacts}
    new = {it.digest for it in after.artifacts}
    for it in after.artifacts:
        if it.digest in digests:
            continue
        # requirements.txt names no files: without one digest in common they are other files.
        if it.name in old and (old[it.name] not in new or not digests & new):
            yield Difference(name, "artifact.replaced", old[it.name], it.digest, it.name)
        else:
            yield Difference(name, "artifact.added", "", it.digest, it.name)
    for it in after.artifacts:
        was = next((a for a in before.artifacts if a.digest == it.digest), None)
        if was is not None and was.yanked is None and it.yanked is not None:
            yield Difference(name, "package.yanked", "", it.yanked or "no reason", it.name)


def _publishers(before: _Package, after: _Package) -> Iterator[Seen]:
    name = called(after)
    old, new = before.publishers, after.publishers
    if old is None or new is None:
        if old != new or before.version != after.version:
            which = "old" if old is None else "new"
            yield Unaudited(name, "its publisher", f"the {which} lock names none")
        return
    words = [", ".join(sorted(map(publisher_words, it))) for it in (old, new)]
    rule = "publisher.lost" if old and not new else "publisher.changed"
    yield from _word(name, rule if old else "publisher.added", words[0], words[1])


def _models(before: ModelApi, after: ModelApi) -> Iterator[Seen]:
    name = called(after)
    yield from _list(name, "model.answer", before.answers, after.answers)
    yield from _list(name, "model.fingerprint", before.fingerprints, after.fingerprints)
    yield from _word(name, "model.vendor", before.vendor, after.vendor)
    yield from _word(name, "model.source", before.source, after.source)
    days = [str(it) if it is not None else "" for it in (before.shutdown, after.shutdown)]
    yield from _word(name, "model.shutdown", days[0], days[1])
    moving = ["moving" if it.moving else "dated" for it in (before, after)]
    yield from _word(name, "model.moving", moving[0], moving[1])
    marks = [it.baseline.digest if it.baseline is not None else "" for it in (before, after)]
    yield from _word(name, "model.baseline", marks[0], marks[1])


def _files(
    name: str, kind: str, before: Iterable[PinnedFile], after: Iterable[PinnedFile]
) -> Iterator[Seen]:
    old, new = ({it.path: it.digest for it in files} for files in (before, after))
    for path in sorted({*old, *new}):
        if path not in old:
            yield Difference(name, f"{kind}.file-added", "", new[path], path)
        elif path not in new:
            yield Difference(name, f"{kind}.file-gone", old[path], "", path)
        else:
            yield from _word(name, f"{kind}.replaced", old[path], new[path], path)


def _servers(before: McpServer, after: McpServer) -> Iterator[Seen]:
    name = called(after)
    yield from _word(name, "mcp.command", " ".join(before.runs), " ".join(after.runs))
    yield from _word(name, "mcp.package", before.package, after.package)
    if before.tools is None or after.tools is None:
        if before.tools != after.tools:
            which = "old" if before.tools is None else "new"
            yield Unaudited(name, "its tools", f"the {which} lock has none of them")
        return
    old, new = ({it.name: it for it in tools} for tools in (before.tools, after.tools))
    for tool in sorted({*old, *new}):
        if tool not in old:
            yield Difference(name, "tool.added", "", new[tool].description, tool)
        elif tool not in new:
            yield Difference(name, "tool.gone", old[tool].description, "", tool)
        else:
            for what in ("description", "schema"):
                was, now = getattr(old[tool], what), getattr(new[tool], what)
                yield from _word(name, "tool.changed", was, now, f"{tool}: {what}")
