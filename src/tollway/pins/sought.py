"""What somebody asks about by a name: a component, a package, a digest, or an advisory.

Rules
1. An advisory is an OSV record (https://ossf.github.io/osv-schema/) or an incident of the catalog.
2. A range that cannot be compared leaves the release unknown, never clear.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from tollway.catalog.incidents import incidents
from tollway.pins.component import (
    Component,
    Image,
    NpmPackage,
    Prompt,
    PypiPackage,
    Runtime,
    Weights,
    called,
    released,
)

Match = Literal["yes", "no", "unknown"]
ADVISORY = re.compile(r"(GHSA|CVE|PYSEC|MAL|OSV)-", re.IGNORECASE)
_DIGEST = re.compile(r"sha(256|512):[0-9a-f]+\Z")
_ECOSYSTEMS = {"PyPI": "pypi", "npm": "npm"}


@dataclass(frozen=True, slots=True)
class Affected:
    """Releases of a package that are bad. `versions` by name, `ranges` as OSV's events: pairs of
    what happens (`introduced`, `fixed`, `last_affected`) and at which version. Both empty: all."""

    kind: str
    name: str
    versions: tuple[str, ...] = ()
    ranges: tuple[tuple[tuple[str, str], ...], ...] = ()
    of_scope: bool = False


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for. `titles` are what advisories say in a line."""

    said: str
    affected: tuple[Affected, ...] = ()
    digest: str = ""
    purl: str = ""
    titles: tuple[str, ...] = ()

    def matches(self, component: Component) -> Match:
        """Whether a component is what is looked for (rule 2)."""
        if self.digest:
            return "yes" if self.digest in _digests(component) else "no"
        if self.purl:
            return "yes" if _purl_is(component.purl, self.purl) else "no"
        found = {_match(it, component) for it in self.affected}
        return "yes" if "yes" in found else "unknown" if "unknown" in found else "no"


def sought(said: str, records: Iterable[Mapping[str, Any]] = ()) -> Sought | None:
    """What `said` names; None for an advisory that neither `records` (OSV) nor the catalog has."""
    if _DIGEST.match(said):
        return Sought(said, digest=said)
    if said.startswith("pkg:"):
        return Sought(said, purl=said)
    found, titles = _advised(said, records)
    if found or titles:
        return Sought(said, affected=tuple(found), titles=tuple(dict.fromkeys(titles)))
    if ADVISORY.match(said):
        return None
    kind, colon, rest = said.partition(":")
    name, version = _split(rest if colon else said)
    return Sought(said, (Affected(kind if colon else "", name, (version,) if version else ()),))


def _split(text: str) -> tuple[str, str]:
    """Name and version of `name@version`; a scope's `@` stands first."""
    at = text.rfind("@")
    return (text, "") if at <= 0 else (text[:at], text[at + 1 :])


def _advised(said: str, records: Iterable[Mapping[str, Any]]) -> tuple[list[Affected], list[str]]:
    found: list[Affected] = []
    titles: list[str] = []
    for record in records:
        ids = {str(record.get("id", "")), *map(str, record.get("aliases") or ())}
        if said.upper() in {it.upper() for it in ids}:
            titles.append(str(record.get("summary") or record.get("id")))
            found += [it for one in record.get("affected") or () for it in _of_osv(one)]
    for it in incidents():
        if said == it.name or said.upper() in {one.upper() for one in it.ids}:
            titles.append(it.title)
            found += [Affected(it.ecosystem, name, bad) for name, bad in it.releases.items()]
            if it.scope:
                found.append(Affected(it.ecosystem, it.scope, of_scope=True))
    return found, titles


def _of_osv(entry: Mapping[str, Any]) -> Iterable[Affected]:
    package = cast("Mapping[str, str]", entry.get("package") or {})
    kind = _ECOSYSTEMS.get(package.get("ecosystem", ""))
    if kind is None:
        return
    ranges = tuple(
        tuple(
            (key, str(value)) for event in one.get("events") or () for key, value in event.items()
        )
        for one in entry.get("ranges") or ()
        if one.get("type") in ("ECOSYSTEM", "SEMVER")
    )
    yield Affected(kind, package.get("name", ""), tuple(entry.get("versions") or ()), ranges)


def base_name(component: Component) -> str:
    """A component's name; of a package, the one that its index knows it by."""
    return (
        released(component) if isinstance(component, PypiPackage | NpmPackage) else component.name
    )


def _match(wanted: Affected, component: Component) -> Match:
    if wanted.kind and component.kind != wanted.kind:
        return "no"
    name = base_name(component)
    if wanted.of_scope:
        return "unknown" if name.startswith(wanted.name) else "no"
    if _plain(component, wanted.name) not in (name, component.name):
        return "no"
    if component.version in wanted.versions:
        return "yes"
    if wanted.versions and not wanted.ranges:
        return "no"
    if not wanted.ranges:
        return "yes"
    found = {_in_range(it, component.version) for it in wanted.ranges}
    return "yes" if "yes" in found else "unknown" if "unknown" in found else "no"


def _plain(component: Component, name: str) -> str:
    """PEP 503 for what PyPI takes for one name."""
    return re.sub(r"[-_.]+", "-", name).lower() if isinstance(component, PypiPackage) else name


def _in_range(events: tuple[tuple[str, str], ...], version: str) -> Match:
    """OSV: from `introduced` on, up to before `fixed`, or up to and with `last_affected`."""
    at = _number(version)
    bad = False
    for what, when in events:
        bound = (0,) if when == "0" else _number(when)
        if at is None or bound is None:
            return "unknown"
        if what == "introduced" and at >= bound:
            bad = True
        if (what == "fixed" and at >= bound) or (what == "last_affected" and at > bound):
            bad = False
    return "yes" if bad else "no"


def _number(version: str) -> tuple[int, ...] | None:
    """Numbers of a plain release; None of any other, whose order is not guessed."""
    if not re.fullmatch(r"v?\d+(\.\d+){0,5}", version):
        return None
    parts = [int(it) for it in version.removeprefix("v").split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _purl_is(has: str, asked: str) -> bool:
    """Without qualifiers and subpath; one without a version is any version's."""
    plain, wanted = re.split(r"[?#]", has)[0], re.split(r"[?#]", asked)[0]
    return plain == wanted or (plain.rpartition("@")[0] == wanted and "@" in plain)


def _digests(component: Component) -> frozenset[str]:
    if isinstance(component, PypiPackage | NpmPackage):
        return frozenset(it.digest for it in component.artifacts)
    if isinstance(component, Weights):
        return frozenset(it.digest for it in component.files)
    if isinstance(component, Prompt):
        return frozenset((component.file.digest,))
    if isinstance(component, Image | Runtime):
        return frozenset((component.digest,) if component.digest else ())
    return frozenset()


def named(components: Iterable[Component]) -> tuple[str, ...]:
    """Components by `kind:name`, with their versions."""
    return tuple(f"{called(it)} {it.version}".rstrip() for it in components)
