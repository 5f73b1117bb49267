"""What somebody asks about by a name: a component, a package, a digest, or an advisory.

Rules
1. An advisory is an OSV record (https://ossf.github.io/osv-schema/) or an incident of the catalog.
2. A range that cannot be compared leaves the release unknown, never clear.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tollway.catalog.incidents import incidents
from tollway.pins.advisories import Advisory, Told, canonical, judged
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
_MATCHES: dict[str, Match] = {"affected": "yes", "clear": "no", "undecided": "unknown"}


@dataclass(frozen=True, slots=True)
class Affected:
    """Releases of a package that are bad: as `advisory` says, else by `versions`; neither: all.
    `of_scope`: `name` is the beginning of many names, of which some are bad."""

    kind: str
    name: str
    versions: tuple[str, ...] = ()
    advisory: Advisory | None = None
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


def sought(said: str, records: Iterable[Told] = ()) -> Sought | None:
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


def _advised(said: str, records: Iterable[Told]) -> tuple[list[Affected], list[str]]:
    found: list[Affected] = []
    titles: list[str] = []
    for record in records:
        if said.upper() in {it.upper() for it in record.ids}:
            titles.append(record.summary)
            found += [Affected(kind, name, advisory=it) for (kind, name), it in record.about]
    for it in incidents():
        if said == it.name or said.upper() in {one.upper() for one in it.ids}:
            titles.append(it.title)
            found += [Affected(it.ecosystem, name, bad) for name, bad in it.releases.items()]
            if it.scope:
                found.append(Affected(it.ecosystem, it.scope, of_scope=True))
    return found, titles


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
    if canonical(component.kind, wanted.name) not in (name, component.name):
        return "no"
    if wanted.advisory is not None:
        return _MATCHES[judged(wanted.advisory, component.version)]
    return "yes" if not wanted.versions or component.version in wanted.versions else "no"


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
