"""requirements.txt as pip reads it and as pip-compile and uv write it.

Rules
1. Lines join by a closing backslash; a comment starts a line or follows white space.
2. A constraint (`-c`) adds its version and digests to a requirement of that name, and no entry.
3. Who asked for a package is read from the compilers' `# via` comments.
4. Where several indexes may answer for a name, which one did is unknown, and that is said.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from posixpath import dirname, join, normpath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tollway.errors import Fault, FaultsFound
from tollway.inspect.packages.entries import Entries, index_of, pypi, shown
from tollway.pins.component import Artifact, Package, released
from tollway.pins.finding import Unaudited
from tollway.pins.packages import digest_of

_COMMENT = re.compile(r"(?:^|\s)#(.*)$")
_MOST_FILES = 100
_INDEXES = ("--index-url", "-i", "--pypi-url")
_MORE_INDEXES = ("--extra-index-url", "--find-links", "-f")
_FILES = ("-r", "--requirement", "-c", "--constraint")
_TAKING = (*_INDEXES, *_MORE_INDEXES, *_FILES, "-e", "--editable", "--hash", "--no-binary")
_TAKING += ("--only-binary", "--trusted-host", "--use-feature", "--config-settings", "-C")
_TAKING += ("--global-option", "--config-setting", "--install-option")
_BARE = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
_SHORT = ("-i", "-f", "-r", "-c", "-e", "-C")
_ENTRY_OPTIONS = ("--hash", "--config-settings", "--config-setting", "-C", "--global-option")


@dataclass(slots=True)
class _Entry:
    """A requirement, as its line has it."""

    place: str
    text: str
    options: list[tuple[str, str]]
    via: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Reading:
    """What was read of a file and of those that it includes."""

    include: Callable[[str], str]
    entries: list[_Entry] = field(default_factory=list[_Entry])
    constraints: list[_Entry] = field(default_factory=list[_Entry])
    faults: list[Fault] = field(default_factory=list[Fault])
    unaudited: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    index: str = ""
    seen: set[tuple[str, bool]] = field(default_factory=set[tuple[str, bool]])


def read_pip(
    name: str, text: str, include: Callable[[str], str]
) -> tuple[tuple[Package, ...], tuple[Unaudited, ...]]:
    """The entries of a file; `include` gives the text of another by its path from this one.

    Raises:
        FaultsFound: with every line that is not understood.
    """
    reading = _Reading(include)
    reading.seen.add((name, False))
    _read(reading, name, text, constrains=False)
    found = Entries()
    constraints = _by_name(reading)
    asked: dict[str, set[str]] = {}
    for entry in reading.entries:
        requirement = _requirement(reading, entry)
        if requirement is not None:
            _take(found, entry, requirement, constraints, reading.index)
            for asker in entry.via:
                asked.setdefault(asker, set()).add(canonicalize_name(requirement.name))
    if reading.faults:
        raise FaultsFound(reading.faults)
    for component, what, why in reading.unaudited:
        found.skip(component, what, why)
    packages, unaudited = found.result
    return tuple(_asking(it, asked.get(released(it), set())) for it in packages), unaudited


def _asking(package: Package, dependencies: set[str]) -> Package:
    from msgspec.structs import replace

    return replace(package, dependencies=tuple(sorted(dependencies))) if dependencies else package


def _by_name(reading: _Reading) -> dict[str, tuple[Requirement, _Entry]]:
    named: dict[str, tuple[Requirement, _Entry]] = {}
    for entry in reading.constraints:
        requirement = _requirement(reading, entry)
        if requirement is not None:
            named.setdefault(canonicalize_name(requirement.name), (requirement, entry))
    return named


def _read(reading: _Reading, name: str, text: str, *, constrains: bool) -> None:
    current: _Entry | None = None
    listing = False
    for number, line in _joined(text):
        comment = _COMMENT.search(line)
        bare = line[: comment.start()].strip() if comment else line.strip()
        if bare:
            current = _line(reading, f"{name}:{number}:", bare, constrains=constrains)
            listing = False
        if comment and current is not None:
            listing = _via(current, comment[1], listing=listing)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first (rule 1)."""
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            start = number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        yield start, "".join([*parts, " " if parts and is_comment else "", line])
        parts = []
    if parts:
        yield start, "".join(parts)


def _via(entry: _Entry, comment: str, *, listing: bool) -> bool:
    """Note who asked for an entry; True where the list goes on (rule 3)."""
    word = comment.strip()
    if word == "via":
        return True
    if not listing and not word.startswith("via "):
        return False
    if listing and not comment.startswith("  "):
        return False
    entry.via.append(_asker(word if listing else word[4:]))
    return listing


def _asker(word: str) -> str:
    """The package that asked; an empty string where it was a person, in a file."""
    word = word.strip()
    return "" if word.startswith("-r") or "(" in word else canonicalize_name(word)


def _line(reading: _Reading, place: str, text: str, *, constrains: bool) -> _Entry | None:
    words = text.split()
    cut = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    try:
        options = list(_options(shlex.split(" ".join(words[cut:]))))
    except ValueError as error:
        mend = "Have its tool write it anew, or mend the line."
        reading.faults.append(Fault(place, f"is {shown(text)!r}: {error}", mend))
        return None
    if cut == 0:
        for option, value in options:
            _global(reading, place, option, value, constrains=constrains)
        return None
    for option, _ in options:
        if option not in _ENTRY_OPTIONS:
            reading.faults.append(Fault(place, f"has {option}, which no requirement takes"))
    entry = _Entry(place, " ".join(words[:cut]), options)
    (reading.constraints if constrains else reading.entries).append(entry)
    return entry


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        short = word[:2]
        if word in _BARE:
            yield word, ""
        elif name in _TAKING:
            given = value if equals else next(rest, "")
            if not given:
                raise ValueError(f"{name} has no value")
            yield name, given
        elif short in _SHORT and len(word) > 2 and not word.startswith("--"):
            yield short, word[2:]
        else:
            raise ValueError(f"{shown(name)} is no option that is known")


def _global(reading: _Reading, place: str, option: str, value: str, *, constrains: bool) -> None:
    name = place.split(":", 1)[0]
    if option in _INDEXES:
        reading.index = index_of(value)
    elif option in _MORE_INDEXES:
        why = "any of several places may answer for a name"
        reading.unaudited.append((f"file:{name}", f"{option} {value}", why))
    elif option in ("-e", "--editable"):
        why = "it is installed from a folder as it is then, so nothing can be locked"
        reading.unaudited.append((f"pypi:{value}", f"{option} {value}", why))
    elif option in _FILES:
        _include(reading, place, value, constrains=constrains or option in ("-c", "--constraint"))


def _include(reading: _Reading, place: str, target: str, *, constrains: bool) -> None:
    if "://" in target:
        why = "it is read from a URL whenever it is used"
        reading.unaudited.append((f"file:{target}", target, why))
        return
    path = normpath(join(dirname(place.rsplit(":", 2)[0]), target))
    if (path, constrains) in reading.seen:
        return
    reading.seen.add((path, constrains))
    if len(reading.seen) > _MOST_FILES:
        reading.faults.append(Fault(place, f"includes more than {_MOST_FILES} files", "Join them."))
        return
    try:
        text = reading.include(path)
    except FaultsFound as found:
        reading.faults += found.faults
        return
    _read(reading, path, text, constrains=constrains)


def _requirement(reading: _Reading, entry: _Entry) -> Requirement | None:
    """An entry as PEP 508 reads it; a path or a bare URL is named, anything else is a fault."""
    try:
        return Requirement(entry.text)
    except (InvalidRequirement, RecursionError) as error:
        if "://" in entry.text or entry.text[:1] in "./~" or entry.text.endswith((".whl", ".gz")):
            why = "it names a file or URL and no release of an index"
            reading.unaudited.append((f"pypi:{entry.text}", entry.text, why))
            return None
        mend = "Write name==version with its hashes."
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        reading.faults.append(Fault(entry.place, f"is {shown(entry.text)!r}: {reason}", mend))
        return None


def _take(
    found: Entries,
    entry: _Entry,
    requirement: Requirement,
    constraints: dict[str, tuple[Requirement, _Entry]],
    index: str,
) -> None:
    name = canonicalize_name(requirement.name)
    if requirement.url:
        found.skip(f"pypi:{name}", requirement.url, "it names a URL and no release of an index")
        return
    options = list(entry.options)
    version = _exact(requirement)
    if name in constraints and (version is None or version == _exact(constraints[name][0])):
        version = _exact(constraints[name][0])
        options += constraints[name][1].options
    if version is None:
        found.skip(f"pypi:{name}", entry.text, "it names no exact version")
        return
    digests = [digest_of(value) for option, value in options if option == "--hash"]
    # pip's file gives no file names: until an index is asked, the release's is what is known.
    release = f"{name}-{version}"
    artifacts = [Artifact(name=release, digest=it) for it in digests if it is not None]
    found.add(
        pypi(name, version, artifacts, index=index, direct="" in entry.via),
        here=_applies(requirement),
    )


def _exact(requirement: Requirement) -> str | None:
    """The one version that it allows."""
    exact = [it for it in requirement.specifier if it.operator in ("==", "===")]
    if len(exact) != 1 or len(requirement.specifier) != 1 or exact[0].version.endswith(".*"):
        return None
    return exact[0].version


def _applies(requirement: Requirement) -> bool:
    try:
        return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    except Exception:  # noqa: BLE001 - a marker that cannot be evaluated decides nothing
        return True
