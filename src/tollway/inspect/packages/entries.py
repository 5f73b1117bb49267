"""What a file of requirements names: packages that can be locked, and what cannot, each with why.

Rules
1. Every entry ends as a package or as `Unaudited`; none is dropped.
2. Where a file names several releases of a Python package, by marker, the one that applies to this
   interpreter has the name, and the others are `name@version`.
3. Credentials in a URL never reach the lock.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec.structs import replace
from packageurl import PackageURL

from tollway.pins.component import Artifact, NpmPackage, Package, PypiPackage, called
from tollway.pins.finding import Unaudited
from tollway.pins.packages import digest_of

NO_DIGEST = "no sha256 or sha512 digest is given"


class Entries:
    """The entries of a file, as they are read."""

    def __init__(self) -> None:
        self.unaudited: list[Unaudited] = []
        self._releases: dict[str, dict[str, Package]] = {}
        self._here: set[tuple[str, str]] = set()

    def add(self, package: Package, *, here: bool = True) -> None:
        """Take a package; `here` says that its marker applies to this interpreter."""
        name = called(package)
        if not package.artifacts:
            self.skip(name, package.version, NO_DIGEST)
            return
        try:
            msgspec.convert(msgspec.to_builtins(package, builtin_types=(datetime,)), type(package))
        except msgspec.ValidationError as error:
            self.skip(name, package.version, f"its entry cannot be locked: {error}")
            return
        if here:
            self._here.add((name, package.version))
        releases = self._releases.setdefault(name, {})
        known = releases.get(package.version)
        releases[package.version] = package if known is None else _joined(known, package)

    def skip(self, component: str, what: str, why: str) -> None:
        """Name something that cannot be locked."""
        self.unaudited.append(Unaudited(shown(component), shown(what), why))

    @property
    def result(self) -> tuple[tuple[Package, ...], tuple[Unaudited, ...]]:
        packages: list[Package] = []
        for name, releases in self._releases.items():
            # Rule 2. The sort is stable: else the order is the file's.
            order = sorted(releases.values(), key=lambda it: (name, it.version) not in self._here)
            packages += order[:1]
            packages += [replace(it, name=f"{it.name}@{it.version}") for it in order[1:]]
        return tuple(packages), tuple(self.unaudited)


def _joined(one: Package, other: Package) -> Package:
    """Two entries of one release as one."""
    return replace(
        one,
        index=one.index or other.index,
        artifacts=_unique([*one.artifacts, *other.artifacts]),
        direct=one.direct or other.direct,
        scripts=one.scripts if one.scripts is not None else other.scripts,
        dependencies=tuple(sorted({*one.dependencies, *other.dependencies})),
    )


def _unique(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    return tuple({(it.name, it.digest): it for it in artifacts}.values())


def shown(text: str) -> str:
    """A text as a line that can be printed, without credentials."""
    text = re.sub(r"(?<=://)[^/@\s]*@", "", text)
    text = text if len(text) <= 200 else f"{text[:197]}..."
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def strongest(hashes: Mapping[str, Any]) -> str | None:
    """The digest of a table of hashes that a lock can hold."""
    found = (digest_of(f"{kind}:{hashes[kind]}") for kind in ("sha256", "sha512") if kind in hashes)
    return next((it for it in found if it is not None), None)


def index_of(url: str) -> str:
    """An index's URL without credentials, query and closing slash."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    except ValueError:
        return ""


def pypi(name: str, version: str, artifacts: Iterable[Artifact], **facts: Any) -> PypiPackage:
    """A Python package. `name` is normalised."""
    purl = PackageURL("pypi", None, name, version).to_string()
    return PypiPackage(name=name, version=version, purl=purl, artifacts=_unique(artifacts), **facts)


def npm(name: str, version: str, artifacts: Iterable[Artifact], **facts: Any) -> NpmPackage:
    """An npm package by its name without a version, `@scope/name`."""
    scope, _, bare = name.rpartition("/")
    purl = PackageURL("npm", scope or None, bare, version).to_string()
    return NpmPackage(
        name=f"{name}@{version}", version=version, purl=purl, artifacts=_unique(artifacts), **facts
    )
