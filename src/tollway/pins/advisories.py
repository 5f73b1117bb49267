"""Advisories in the OSV format: which releases each is about.

Rules
1. A release is affected that is listed, or that a SEMVER or ECOSYSTEM range holds.
2. What a range cannot decide (only commits, a version that has no order) is undecided and never
   "not affected".
3. An advisory that was withdrawn affects nothing.

Source: https://ossf.github.io/osv-schema/ (evaluation).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import Version

from tollway.pins.component import Ecosystem
from tollway.pins.packages import moment
from tollway.pins.semver import order_of

ECOSYSTEMS: Mapping[str, Ecosystem] = {"PyPI": "pypi", "npm": "npm"}
"""OSV's name of an ecosystem -> ours."""

Answer = Literal["affected", "clear", "undecided"]

_TURN = ("fixed", "introduced", "last_affected")
"""In the order in which events of one version count: a release may bring back what it mends."""


class _Package(msgspec.Struct, frozen=True):
    ecosystem: str = ""
    name: str = ""


class _Range(msgspec.Struct, frozen=True):
    type: str
    events: list[dict[str, str]] = msgspec.field(default_factory=list[dict[str, str]])


class _Affected(msgspec.Struct, frozen=True):
    package: _Package = msgspec.field(default_factory=_Package)
    ranges: list[_Range] = msgspec.field(default_factory=list[_Range])
    versions: list[str] = msgspec.field(default_factory=list[str])


class _Record(msgspec.Struct, frozen=True):
    id: str
    modified: str = ""
    withdrawn: str | None = None
    summary: str | None = None
    details: str | None = None
    aliases: list[str] = msgspec.field(default_factory=list[str])
    affected: list[_Affected] = msgspec.field(default_factory=list[_Affected])


@dataclass(frozen=True, slots=True)
class Advisory:
    """What one advisory says of one package."""

    id: str
    summary: str
    versions: tuple[str, ...]
    ranges: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    ecosystem: Ecosystem

    @property
    def is_malware(self) -> bool:
        """Whether it is of OpenSSF's malicious-packages: the release itself is hostile."""
        return self.id.startswith("MAL-")


@dataclass(slots=True)
class Advisories:
    """Advisories by ecosystem and name. `newest` is the latest change of any of them, `counts` how
    many each ecosystem has, `unread` what could not be read and why."""

    by_package: dict[tuple[str, str], list[Advisory]] = field(
        default_factory=dict[tuple[str, str], list[Advisory]]
    )
    counts: dict[str, int] = field(default_factory=dict[str, int])
    newest: datetime | None = None
    unread: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def add(self, place: str, data: bytes, wanted: frozenset[tuple[str, str]]) -> None:
        """Take the records of a JSON text; of them are kept those about the `wanted` packages."""
        try:
            records = _records(data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            self.unread.append((place, f"it is no OSV record: {error}"))
            return
        for record in records:
            self._take(place, record, wanted)

    def _take(self, place: str, record: _Record, wanted: frozenset[tuple[str, str]]) -> None:
        changed = moment(record.modified)
        if changed is None:
            self.unread.append((place, f"{record.id}: modified is no moment"))
            return
        self.newest = changed if self.newest is None else max(self.newest, changed)
        for affected in record.affected:
            ecosystem = ECOSYSTEMS.get(affected.package.ecosystem)
            if ecosystem is None:
                continue
            self.counts[ecosystem] = self.counts.get(ecosystem, 0) + 1
            key = ecosystem, canonical(ecosystem, affected.package.name)
            if record.withdrawn is None and key in wanted:
                self.by_package.setdefault(key, []).append(_advisory(record, affected, ecosystem))


@dataclass(frozen=True, slots=True)
class Told:
    """A record whole: its id and aliases, its summary, and what it says of each package, by
    (ecosystem, canonical name)."""

    ids: tuple[str, ...]
    summary: str
    about: tuple[tuple[tuple[str, str], Advisory], ...]


def told(data: bytes) -> tuple[Told, ...]:
    """The records of a JSON text, those that were withdrawn left out.

    Raises:
        ValueError: it is none.
    """
    try:
        records = _records(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"is no OSV record: {error}") from None
    return tuple(_whole(it) for it in records if it.withdrawn is None)


def _whole(record: _Record) -> Told:
    about = tuple(
        ((ecosystem, canonical(ecosystem, it.package.name)), _advisory(record, it, ecosystem))
        for it in record.affected
        if (ecosystem := ECOSYSTEMS.get(it.package.ecosystem)) is not None
    )
    return Told((record.id, *record.aliases), record.summary or record.id, about)


def _records(data: bytes) -> list[_Record]:
    """One record, a list of them, or what OSV's query answers with."""
    told: Any = msgspec.json.decode(data)
    if isinstance(told, dict) and "vulns" in told:
        told = cast("dict[str, Any]", told)["vulns"]
    if not isinstance(told, list):
        told = [told]
    return msgspec.convert(cast("object", told), list[_Record])


def _advisory(record: _Record, affected: _Affected, ecosystem: Ecosystem) -> Advisory:
    ranges = tuple(
        (it.type, tuple((kind, at) for event in it.events for kind, at in event.items()))
        for it in affected.ranges
    )
    words = record.summary or (record.details or "").partition("\n")[0]
    also = f" ({', '.join(record.aliases[:3])})" if record.aliases else ""
    return Advisory(record.id + also, words[:200], tuple(affected.versions), ranges, ecosystem)


def canonical(ecosystem: str, name: str) -> str:
    """A package's name as its ecosystem compares it."""
    return canonicalize_name(name) if ecosystem == "pypi" else name


def judged(advisory: Advisory, version: str) -> Answer:
    """Whether an advisory is about a release (rules 1 and 2)."""
    order: Callable[[str], Any] = Version if advisory.ecosystem == "pypi" else order_of
    if version in advisory.versions or _listed(advisory, version, order):
        return "affected"
    answers = {_in_range(kind, events, version, order) for kind, events in advisory.ranges}
    if "affected" in answers:
        return "affected"
    if not advisory.ranges and not advisory.versions:
        return "undecided"
    # Commits decide nothing; a list of versions beside them does.
    commits_only = all(kind == "GIT" for kind, _ in advisory.ranges)
    if advisory.versions and commits_only:
        return "clear"
    return "undecided" if "undecided" in answers else "clear"


def _listed(advisory: Advisory, version: str, order: Callable[[str], Any]) -> bool:
    """`1.0` in a list is the release `1.0.0`."""
    try:
        wanted = order(version)
    except ValueError:
        return False
    for listed in advisory.versions:
        try:
            if order(listed) == wanted:
                return True
        except ValueError:
            continue
    return False


def _in_range(
    kind: str, events: tuple[tuple[str, str], ...], version: str, order: Callable[[str], Any]
) -> Answer:
    if kind not in ("SEMVER", "ECOSYSTEM") or not any(it == "introduced" for it, _ in events):
        return "undecided"
    try:
        here = order(version)
        points = [
            (order(at), _TURN.index(what)) for what, at in events if what in _TURN and at != "0"
        ]
        limits = [at for what, at in events if what == "limit"]
        if limits and not any(at == "*" or here < order(at) for at in limits):
            return "clear"
    except ValueError:
        return "undecided"
    affected = ("introduced", "0") in events
    for point, turn in sorted(points):
        if _TURN[turn] == "introduced":
            affected = affected or here >= point
        elif here > point or (here == point and _TURN[turn] == "fixed"):
            affected = False
    return "affected" if affected else "clear"
