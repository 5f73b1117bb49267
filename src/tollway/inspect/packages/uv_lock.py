"""uv.lock.

Rules
1. The project itself, whose source is its own folder (`.`), is no entry.
2. What the projects of the workspace ask for is direct.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from tollway.errors import Fault, FaultsFound
from tollway.inspect.packages.entries import Entries, index_of, pypi
from tollway.pins.component import Artifact, Package
from tollway.pins.finding import Unaudited
from tollway.pins.packages import digest_of, moment, size_of

_OWN = ("editable", "virtual", "directory")
_MEND = "Run: uv lock"


def read_uv(
    place: str, told: Mapping[str, Any]
) -> tuple[tuple[Package, ...], tuple[Unaudited, ...]]:
    """The packages of a file's table.

    Raises:
        FaultsFound: an entry is none, or the file is of another version.
    """
    if told.get("version") != 1:
        problem = f"has version {told.get('version')!r}; known: 1"
        raise FaultsFound([Fault(f"{place}:", problem, _MEND)])
    faults: list[Fault] = []
    entries: list[Mapping[str, Any]] = []
    for number, entry in enumerate(_tables(told.get("package", []), f"{place}: package", faults)):
        if isinstance(entry.get("name"), str) and isinstance(entry.get("source"), dict):
            entries.append(entry)
        else:
            at = f"{place}: package {number + 1}"
            faults.append(Fault(at, "has no name or no source", _MEND))
    if faults:
        raise FaultsFound(faults)
    direct = {name for it in entries if _is_own(it) for name in _asked(it)}
    found = Entries()
    for entry in entries:
        _take(found, entry, direct)
    return found.result


def _tables(value: object, place: str, faults: list[Fault]) -> Iterator[Mapping[str, Any]]:
    if not isinstance(value, list):
        faults.append(Fault(place, "is no list of tables", _MEND))
        return
    for entry in cast("list[object]", value):
        yield cast("Mapping[str, Any]", entry) if isinstance(entry, dict) else {}


def _is_own(entry: Mapping[str, Any]) -> bool:
    return any(it in entry["source"] for it in _OWN)


def _asked(entry: Mapping[str, Any]) -> Iterator[str]:
    """The names that an entry asks for, its extras' and groups' too."""
    more = [entry.get("optional-dependencies"), entry.get("dev-dependencies")]
    tables = [cast("dict[str, Any]", it) for it in more if isinstance(it, dict)]
    lists = [entry.get("dependencies"), *(it for table in tables for it in table.values())]
    for each in lists:
        for asked in cast("list[Any]", each) if isinstance(each, list) else []:
            name = asked.get("name") if isinstance(asked, dict) else None
            if isinstance(name, str):
                yield canonicalize_name(name)


def _take(found: Entries, entry: Mapping[str, Any], direct: set[str]) -> None:
    name = canonicalize_name(entry["name"])
    source = entry["source"]
    version = entry.get("version")
    component = f"pypi:{name}"
    if _is_own(entry):
        if "." not in [source.get(it) for it in _OWN]:
            found.skip(component, str(version or ""), "it is a folder here, and no release")
        return
    registry = source.get("registry")
    if not isinstance(registry, str):
        kinds = ", ".join(map(str, source)) or "nowhere"
        found.skip(component, str(version or ""), f"it comes from {kinds}, not from an index")
        return
    if not isinstance(version, str) or not version:
        found.skip(component, "version", "it names no exact version")
        return
    artifacts = list(_artifacts(found, component, entry))
    if artifacts:
        asked = tuple(sorted(set(_asked(entry))))
        index = index_of(registry)
        found.add(
            pypi(name, version, artifacts, index=index, direct=name in direct, dependencies=asked)
        )
    elif not entry.get("wheels") and not entry.get("sdist"):
        found.skip(component, version, "the file names no artifact of it")


def _artifacts(found: Entries, component: str, entry: Mapping[str, Any]) -> Iterator[Artifact]:
    wheels = entry.get("wheels")
    files = [entry["sdist"]] if "sdist" in entry else []
    files += cast("list[Any]", wheels) if isinstance(wheels, list) else [wheels] if wheels else []
    for file in files:
        told = cast("dict[str, Any]", file) if isinstance(file, dict) else {}
        digest = digest_of(told.get("hash"))
        name = _name(told)
        if digest is None or not name:
            found.skip(component, name or "an artifact", "no sha256 or sha512 digest is given")
            continue
        yield Artifact(
            name=name,
            digest=digest,
            size=size_of(told.get("size")),
            uploaded=moment(told.get("upload-time")),
        )


def _name(told: Mapping[str, Any]) -> str:
    where = next((told[it] for it in ("filename", "url", "path") if told.get(it)), "")
    try:
        return unquote(urlsplit(str(where)).path.rpartition("/")[2])
    except ValueError:
        return ""
