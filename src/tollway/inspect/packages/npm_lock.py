"""package-lock.json and npm-shrinkwrap.json, of lockfileVersion 2 and 3.

Rules
1. The root (`""`) is the project itself, and no entry.
2. A name is found as Node finds it: in the nearest `node_modules`, upwards.
3. The digest is that of `integrity`; what has only sha1 there cannot be locked.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from tollway.errors import Fault, FaultsFound
from tollway.inspect.packages.entries import Entries, index_of, npm
from tollway.pins.component import Artifact, Package
from tollway.pins.finding import Unaudited
from tollway.pins.packages import sri_digest

_MEND = "Run: npm install --package-lock-only --lockfile-version 3"
_ASKED = ("dependencies", "optionalDependencies", "peerDependencies")
_FOLDER = "node_modules/"


def read_npm(
    place: str, told: Mapping[str, Any]
) -> tuple[tuple[Package, ...], tuple[Unaudited, ...]]:
    """The packages of a file's object.

    Raises:
        FaultsFound: it is of another version, or an entry is no object.
    """
    if told.get("lockfileVersion") not in (2, 3):
        problem = f"has lockfileVersion {told.get('lockfileVersion')!r}; known: 2, 3"
        raise FaultsFound([Fault(f"{place}:", problem, _MEND)])
    packages = told.get("packages")
    if not isinstance(packages, dict):
        raise FaultsFound([Fault(f"{place}: packages", "is no object", _MEND)])
    entries = cast("dict[str, Any]", packages)
    wrong = [path for path, it in entries.items() if not isinstance(it, dict)]
    if wrong:
        places = [f"{place}: packages[{path!r}]" for path in wrong]
        raise FaultsFound([Fault(it, "is no object", _MEND) for it in places])
    direct = {it for path in entries if _FOLDER not in f"{path}/" for it in _asked(entries, path)}
    found = Entries()
    for path in entries:
        if path:
            _take(found, entries, path, direct)
    return found.result


def _take(found: Entries, entries: Mapping[str, Any], path: str, direct: set[str]) -> None:
    entry = entries[path]
    name, version = _identity(entries, path)
    resolved = entry.get("resolved")
    resolved = resolved if isinstance(resolved, str) else ""
    component = f"npm:{name}@{version}" if version else f"npm:{name}"
    why = _no_release(path, entry, version, resolved)
    if why:
        found.skip(component, path, why)
        return
    digest = sri_digest(entry.get("integrity"))
    if digest is None:
        found.skip(component, path, "its integrity gives no sha256 or sha512 digest")
        return
    file = _file_name(resolved) or f"{name.rpartition('/')[2]}-{version}.tgz"
    asked = sorted({"@".join(_identity(entries, it)) for it in _asked(entries, path)})
    package = npm(
        name,
        version,
        [Artifact(name=file, digest=digest)],
        index=_index(resolved, name),
        direct=path in direct,
        scripts=("hasInstallScript",) if entry.get("hasInstallScript") is True else None,
        dependencies=tuple(asked),
    )
    found.add(package)


def _no_release(path: str, entry: Mapping[str, Any], version: str, resolved: str) -> str:
    """Why an entry is no release of a registry; an empty string where it is one."""
    if entry.get("link") is True or _FOLDER not in f"/{path}":
        return "it is a folder here, and no release"
    if entry.get("inBundle") is True:
        return "it comes within the archive of the package that bundles it"
    if resolved and not resolved.startswith(("https://", "http://")):
        return f"it comes from {resolved.partition(':')[0]}, not from a registry"
    return "" if version else "it names no exact version"


def _identity(entries: Mapping[str, Any], path: str) -> tuple[str, str]:
    """Name and version of what lies at a path; an alias has its own name written in."""
    entry = entries[path]
    name, version = entry.get("name"), entry.get("version")
    if not isinstance(name, str) or not name:
        name = path.rpartition(_FOLDER)[2]
    return name, version if isinstance(version, str) else ""


def _asked(entries: Mapping[str, Any], path: str) -> Iterator[str]:
    """The paths of what an entry asks for, those that are there (rule 2)."""
    entry = entries[path]
    own = _FOLDER not in f"{path}/"
    for kind in (*_ASKED, "devDependencies") if own else _ASKED:
        asked = entry.get(kind)
        for name in cast("dict[str, Any]", asked) if isinstance(asked, dict) else ():
            found = next((it for it in _places(path, name) if it in entries), None)
            if found is not None:
                yield found


def _places(path: str, name: str) -> Iterator[str]:
    while path:
        yield f"{path}/{_FOLDER}{name}"
        before, folder, _ = path.rpartition(_FOLDER)
        path = before.rstrip("/") if folder else ""
    yield f"{_FOLDER}{name}"


def _file_name(resolved: str) -> str:
    try:
        return urlsplit(resolved).path.rpartition("/")[2]
    except ValueError:
        return ""


def _index(resolved: str, name: str) -> str:
    """The registry that a URL `REGISTRY/NAME/-/FILE` is of; empty where it is written otherwise."""
    before, found, _ = resolved.partition(f"/{name}/-/")
    return index_of(before) if found else ""
