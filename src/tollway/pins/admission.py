"""May this file of a package be served? Facts in, a decision with its reasons out.

Rules
1. What the lock names by its digest is admitted; in mode lock nothing else is.
2. An approval is for exact bytes of one version (kind, name, version, digest) and for the rules
   that held them: what another rule says afterwards, or one that denies, is not approved.
3. A fact that is missing counts against the file, never for it.
4. Every reason is told; one that denies outweighs all that may be approved.
5. Without a digest of SHA-256 or better nothing is admitted, nor is anything but a wheel, an sdist
   or npm's tarball.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from tollway.fleet.indexing import IndexMode, PackageAnswer, PackageRules
from tollway.pins.admission_names import Ranked, looks_like
from tollway.pins.component import Ecosystem, NpmPackage, Publisher, PypiPackage, released
from tollway.pins.lock import Lock
from tollway.units import UtcSeconds

Form = Literal["wheel", "sdist", "tarball", "other"]

Approved = tuple[Ecosystem, str, str, str]
"""Kind, name, version and digest."""


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One file as its index tells it, and as far as it was looked into. `name` is normalised;
    `yanked` the reason, perhaps empty. `scripts` are what npm runs at installation, `startup` what
    Python runs at its start, `publishers` who its attestations name: None where nobody has looked
    yet, so that it is judged again once somebody has."""

    kind: Ecosystem
    name: str
    version: str
    file: str
    form: Form
    digests: tuple[str, ...]
    size: int | None = None
    uploaded: UtcSeconds | None = None
    yanked: str | None = None
    scripts: tuple[str, ...] | None = None
    startup: tuple[str, ...] | None = None
    publishers: tuple[Publisher, ...] | None = None


@dataclass(frozen=True, slots=True)
class LockedName:
    """What the lock says of all versions of a name."""

    versions: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()
    publishers: frozenset[Publisher] = frozenset()
    startup: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Standards:
    """What files are held against."""

    mode: IndexMode
    rules: PackageRules = field(default_factory=PackageRules)
    locked: Mapping[tuple[Ecosystem, str], LockedName] = field(
        default_factory=dict[tuple[Ecosystem, str], LockedName]
    )
    ranked: Mapping[Ecosystem, Ranked] = field(default_factory=dict[Ecosystem, Ranked])
    approved: Mapping[Approved, frozenset[str]] = field(
        default_factory=dict[Approved, frozenset[str]]
    )
    """The rules that were approved."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not: `rule` is a stable word (`index.young`), `words` a clause, `mend` a sentence."""

    rule: str
    words: str
    mend: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """It is served; `by` says on whose word."""

    by: Literal["lock", "approval", "rules"]


@dataclass(frozen=True, slots=True)
class Denied:
    """It is not served, and nobody can approve it while the rules stand."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """It is not served until somebody approves exactly this."""

    reasons: tuple[Reason, ...]


Verdict = Admitted | Denied | NeedsApproval


def locked_names(lock: Lock) -> Mapping[tuple[Ecosystem, str], LockedName]:
    """What a lock says of packages, by kind and name."""
    found: dict[tuple[Ecosystem, str], LockedName] = {}
    for component in lock.component:
        if isinstance(component, PypiPackage):
            _add(found, ("pypi", released(component)), component)
        elif isinstance(component, NpmPackage):
            _add(found, ("npm", released(component)), component)
    return found


def _add(
    found: dict[tuple[Ecosystem, str], LockedName],
    key: tuple[Ecosystem, str],
    component: PypiPackage | NpmPackage,
) -> None:
    known = found.get(key, LockedName())
    found[key] = LockedName(
        known.versions | {component.version},
        known.digests | {it.digest for it in component.artifacts},
        known.publishers | frozenset(component.publishers or ()),
        known.startup | frozenset(component.startup or ()),
    )


def judge(file: PackageFile, standards: Standards, now: UtcSeconds) -> Verdict:
    """Whether a file may be served at `now`."""
    if not file.digests:  # rule 5
        return Denied((_NO_DIGEST,))
    if file.form == "other":
        return Denied((_NO_FORM,))
    locked = standards.locked.get((file.kind, file.name))
    if locked is not None and any(it in locked.digests for it in file.digests):
        return Admitted("lock")
    if standards.mode == "lock":
        return Denied((_unlocked(file, locked),))
    told = list(_broken(file, standards, locked, now))
    denying = tuple(reason for answer, reason in told if answer == "deny")
    asking = tuple(reason for answer, reason in told if answer == "ask")
    if not denying and not asking:
        return Admitted("rules")
    if denying:
        return Denied(denying + asking)
    granted = _granted(file, standards)
    left = tuple(it for it in asking if it.rule not in granted)
    return NeedsApproval(left) if left else Admitted("approval")


def _granted(file: PackageFile, standards: Standards) -> frozenset[str]:
    found: set[str] = set()
    for digest in file.digests:
        found |= standards.approved.get((file.kind, file.name, file.version, digest), frozenset())
    return frozenset(found)


def words_of(reasons: Iterable[Reason]) -> str:
    """All reasons in one line."""
    return "; ".join(f"{it.words} ({it.rule})" for it in reasons)


_Told = Iterator[tuple[PackageAnswer, Reason]]


def _broken(
    file: PackageFile, standards: Standards, locked: LockedName | None, now: UtcSeconds
) -> _Told:
    """The rules that a file breaks, with what each one's answer is."""
    rules = standards.rules
    yield from _named(file, standards, locked)
    yield from _dated(file, rules, now)
    if file.yanked is not None:
        why = f": {file.yanked[:200]}" if file.yanked else ""
        yield rules.yanked, Reason("index.yanked", f"was taken back{why}", "Take another version.")
    if file.form == "sdist":
        mend = 'Take a version that has a wheel, or set index.rules.sdists = "ask".'
        yield rules.sdists, Reason("index.sdist", "is source, whose build runs what it holds", mend)
    if file.scripts:
        words = f"runs {', '.join(file.scripts)[:200]} at its installation"
        yield rules.scripts, Reason("index.scripts", words, _APPROVE)
    fresh = [it for it in file.startup or () if locked is None or it not in locked.startup]
    if fresh:
        words = f"brings {', '.join(fresh)[:200]}, which every start of Python runs"
        yield rules.startup, Reason("index.startup", words, _APPROVE)
    yield from _published(file, rules, locked)


def _named(file: PackageFile, standards: Standards, locked: LockedName | None) -> _Told:
    known = standards.ranked.get(file.kind)
    if locked is not None or (known is not None and file.name in known.names):
        return
    rules = standards.rules
    near = None if known is None else looks_like(file.name, known)
    if near is not None:
        mend = f"Install {near}, if that was meant; else have this release approved."
        yield rules.misspelt, Reason("index.misspelt", f"has a name that looks like {near}", mend)
    words = "has a name that is on no list of well-known names, nor in the lock"
    yield rules.unranked, Reason("index.unranked", words, _APPROVE)


def _dated(file: PackageFile, rules: PackageRules, now: UtcSeconds) -> _Told:
    if file.uploaded is None:
        words = "has no upload time"
        yield rules.undated, Reason("index.undated", words, "Lock it, or take another version.")
        return
    if file.uploaded > now:
        words = f"says that it is uploaded at {_day(file.uploaded)}, which is yet to come"
        yield rules.undated, Reason("index.undated", words, "Check the index and this clock.")
        return
    age = now - file.uploaded
    if age < rules.cooldown:
        words = f"is {_span(age)} old, and the cooldown is {_span(rules.cooldown)}"
        mend = f"Wait until {_day(UtcSeconds(file.uploaded + rules.cooldown))}, or {_OR_APPROVE}"
        yield rules.young, Reason("index.young", words, mend)


def _published(file: PackageFile, rules: PackageRules, locked: LockedName | None) -> _Told:
    if locked is None or not locked.publishers or file.publishers is None:
        return
    if locked.publishers.isdisjoint(file.publishers):
        now = ", ".join(map(_who, file.publishers)) or "nobody that an attestation names"
        before = ", ".join(sorted(map(_who, locked.publishers)))
        words = f"is published by {now[:200]}, and what is locked by {before[:200]}"
        yield rules.publishers, Reason("index.publisher", words, _APPROVE)


_OR_APPROVE = "have it approved: tollway index approve NAME@VERSION."
_APPROVE = "Have it approved: tollway index approve NAME@VERSION."
_NO_DIGEST = Reason(
    "index.digest", "has no SHA-256 or SHA-512 in the index", "Take another version or index."
)
_NO_FORM = Reason("index.form", "is no wheel, sdist or npm tarball", "Take a version with a wheel.")


def _unlocked(file: PackageFile, locked: LockedName | None) -> Reason:
    if locked is None:
        words = "is not in the lock"
    elif file.version in locked.versions:
        words = "has other bytes than the lock names"
    else:
        words = f"is not in the lock, which has {', '.join(sorted(locked.versions))[:200]}"
    return Reason("index.unlocked", words, "Run: tollway lock.")


def _who(publisher: Publisher) -> str:
    workflow = f" ({publisher.workflow})" if publisher.workflow else ""
    return f"{publisher.kind} {publisher.identity}{workflow}"


def _span(seconds: float) -> str:
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{int(seconds)} seconds"


def _day(utc: float) -> str:
    try:
        return datetime.fromtimestamp(utc, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "a day that no calendar has"
