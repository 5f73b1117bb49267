"""What a package's artifact runs at an interpreter's start and at its installation, by its files.

Rules
1. A wheel is what its RECORD lists, each file with its digest; more, less or other is a finding.
2. An sdist's build is what its installation runs; so are npm's lifecycle scripts, and node-gyp
   where only a `binding.gyp` is there.
3. Code in a wheel that its sdist does not have is named.
"""

import base64
import configparser
import csv
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tollway.inspect.packages.archive import HostileArchive, Member, members
from tollway.pins.packages import lifecycle

_CODE = (".py", ".pth", ".js", ".cjs", ".mjs", ".ts", ".sh")
_NATIVE = (".so", ".dll", ".dylib", ".pyd", ".node", ".exe")
_MAGIC = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa")
_CUSTOM = re.compile(r"(?:site|user)customize(?:\.py\w?|/__init__\.py|\..*\.so)\Z")
_OWN_BUILD = ("install: ", "preinstall: ")
_RECORD_OWN = ("RECORD", "RECORD.jws", "RECORD.p7s")
_OTHER = "Do not install it; compare it with its source."


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something wrong with an artifact: a rule, what it is, the next thing to do, and where."""

    rule: str
    problem: str
    mend: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """An artifact's content. `startup` are files that an interpreter runs at its start, `scripts`
    what an installation runs, `commands` what it puts on the path, `native` its machine code."""

    kind: str
    files: Mapping[str, Member]
    startup: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    oddities: tuple[Oddity, ...] = ()


def opened(path: Path) -> Opened | None:
    """An artifact's content; None for a file of no kind that is known (an egg, an installer).

    Raises:
        HostileArchive: it is refused.
        OSError: it cannot be read.
    """
    name = path.name
    if name.endswith(".whl"):
        return _wheel(members(path))
    if name.endswith((".tgz", ".tar.gz", ".zip")):
        files = members(path)
        is_npm = name.endswith(".tgz") and any(
            it.count("/") == 1 and it.endswith("/package.json") for it in files
        )
        return _npm(files) if is_npm else _sdist(files)
    return None


def _wheel(files: Mapping[str, Member]) -> Opened:
    startup = [it for it in files if _starts(it)]
    oddities = list(_record(files))
    points = next(
        (m for it, m in files.items() if it.endswith(".dist-info/entry_points.txt")), None
    )
    commands = list(_commands(points)) if points is not None else []
    commands += [it for it in files if ".data/scripts/" in it]
    return Opened(
        "wheel", files, tuple(sorted(startup)), (), tuple(commands), _native(files), tuple(oddities)
    )


def _starts(path: str) -> bool:
    """Whether an interpreter runs a wheel's file at its start: at the top, or placed there."""
    top = re.sub(r"\A[^/]+\.data/(?:purelib|platlib|data(?:/.*)?)/", "", path)
    in_data = ".data/" in path and path.endswith(".pth")
    return in_data or ("/" not in top and top.endswith(".pth")) or bool(_CUSTOM.match(top))


def _commands(points: Member) -> Iterator[str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string((points.data or b"").decode("utf-8", "replace"))
    except configparser.Error:
        yield "entry_points.txt, which is not understood"
        return
    for section in ("console_scripts", "gui_scripts"):
        if parser.has_section(section):
            yield from (f"{name} = {target}" for name, target in parser.items(section))


def _record(files: Mapping[str, Member]) -> Iterator[Oddity]:
    """Rule 1."""
    records = [it for it in files if it.count("/") == 1 and it.endswith(".dist-info/RECORD")]
    if len(records) != 1:
        problem = f"it has {len(records)} RECORD files; a wheel has one"
        yield Oddity("wheel.no-record", problem, _OTHER)
        return
    folder = records[0].rpartition("/")[0]
    own = {f"{folder}/{it}" for it in _RECORD_OWN}
    listed: set[str] = set()
    text = (files[records[0]].data or b"").decode("utf-8", "replace")
    for row in csv.reader(text.splitlines()):
        path, digest = (row[0], row[1]) if len(row) > 1 else (row[0] if row else "", "")
        listed.add(path)
        member = files.get(path)
        if path in own or not path:
            continue
        if member is None:
            yield Oddity("wheel.missing-file", "RECORD lists it, and it is not there", _OTHER, path)
        elif not _holds(member, digest):
            problem = "its digest in RECORD is another, or none of sha256"
            yield Oddity("wheel.other-digest", problem, _OTHER, path)
    for path in files:
        if path not in listed and path not in own:
            yield Oddity("wheel.unlisted-file", "RECORD does not list it", _OTHER, path)


def _holds(member: Member, digest: str) -> bool:
    kind, _, value = digest.partition("=")
    raw = base64.urlsafe_b64encode(bytes.fromhex(member.sha256)).decode().rstrip("=")
    if kind in ("sha384", "sha512") and member.data is not None:
        import hashlib

        strong = hashlib.new(kind, member.data).digest()
        return value.rstrip("=") == base64.urlsafe_b64encode(strong).decode().rstrip("=")
    return kind == "sha256" and value.rstrip("=") == raw


def _sdist(files: Mapping[str, Member]) -> Opened:
    scripts: list[str] = []
    inner = {it.partition("/")[2]: member for it, member in files.items()}
    backend = _backend(inner.get("pyproject.toml"))
    if "setup.py" in inner:
        scripts.append("setup.py")
    if backend:
        scripts.append(f"build-backend: {backend}")
    startup = tuple(sorted(it for it in inner if it.endswith(".pth") or _CUSTOM.match(it)))
    return Opened("sdist", files, startup, tuple(scripts), (), _native(files))


def _backend(project: Member | None) -> str:
    try:
        told = tomllib.loads((project.data or b"").decode("utf-8")) if project else {}
    except (ValueError, RecursionError):
        return "a pyproject.toml that is not understood"
    system = told.get("build-system")
    backend = (
        cast("dict[str, Any]", system).get("build-backend") if isinstance(system, dict) else ""
    )
    return backend if isinstance(backend, str) else ""


def _npm(files: Mapping[str, Member]) -> Opened:
    """npm takes away the first folder of every path, whatever it is called."""
    inner = {it.partition("/")[2]: member for it, member in files.items()}
    oddities: list[Oddity] = []
    if len(inner) < len(files):
        problem = "two of its files come to lie at one path when it is installed"
        oddities.append(Oddity("npm.one-path-twice", problem, _OTHER))
    try:
        read = json.loads((inner["package.json"].data if "package.json" in inner else b"") or b"")
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        problem = "it has no JSON object there, so what its installation runs is unknown"
        oddities.append(Oddity("npm.no-manifest", problem, _OTHER, "package.json"))
    told = cast("dict[str, Any]", read) if isinstance(read, dict) else {}
    scripts = list(lifecycle(told.get("scripts")))
    if "binding.gyp" in inner and not any(it.startswith(_OWN_BUILD) for it in scripts):
        scripts.append("install: node-gyp rebuild")
    bins = told.get("bin")
    table = cast("dict[str, Any]", bins) if isinstance(bins, dict) else {"": bins} if bins else {}
    commands = tuple(f"{name} = {target}".removeprefix(" = ") for name, target in table.items())
    return Opened("npm", files, (), tuple(scripts), commands, _native(files), tuple(oddities))


def _native(files: Mapping[str, Member]) -> tuple[str, ...]:
    return tuple(
        path
        for path, member in files.items()
        if path.endswith(_NATIVE) or (member.data or b"")[:4].startswith(_MAGIC)
    )


def unlike_source(wheel: Opened, sdist: Opened) -> Iterator[Oddity]:
    """Code of a wheel that its sdist does not have, or has otherwise (rule 3)."""
    by_path = {it.partition("/")[2]: member for it, member in sdist.files.items()}
    known = {_text_digest(it) for it in sdist.files.values()}
    for path, member in wheel.files.items():
        if not path.endswith(_CODE) or _text_digest(member) in known:
            continue
        same = [it for it in by_path if it == path or it.endswith(f"/{path}")]
        problem = "the sdist has it otherwise" if same else "the sdist does not have it"
        yield Oddity("wheel.unlike-sdist", problem, _OTHER, path)


def _text_digest(member: Member) -> bytes | str:
    return member.data.replace(b"\r\n", b"\n") if member.data is not None else member.sha256


__all__ = ["HostileArchive", "Oddity", "Opened", "opened", "unlike_source"]
