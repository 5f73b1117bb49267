"""What the audit says of a package: by known bad releases, by advisories, by its index.

Rules
1. Advisories that are missing, empty for an ecosystem or older than they may be, leave every
   package of it not audited.
2. A release that its index no longer lists, or lists with other bytes, is an alarm.
3. A publisher is believed when its attestation was verified; one that is not the locked one, and
   none where other releases of the package have one, are findings.
4. Without an index it is the lock's own facts that are looked at, and that is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from tollway.catalog.incidents import known_bad
from tollway.pins.advisories import Advisories, canonical, judged
from tollway.pins.component import Artifact, Package, Publisher, called, released
from tollway.pins.finding import Finding, Unaudited
from tollway.pins.packages import Attested, Indexed, IndexedFile

Looked = Finding | Unaudited
_OTHER = "Do not install it; find out who changed it, then run: tollway lock"
_ASK = "Ask its maintainers why before you install it."
_UPGRADE = "Take a release that it is not about, or accept it with a reason."


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What is known besides the lock. `indexed` is what an index answered by `kind:name`, a reason
    where it could not be asked; `offline` says why none was asked at all."""

    today: date
    advisories: Advisories | None
    oldest_days: int = 7
    offline: str = ""
    indexed: Mapping[str, Indexed | str] = field(default_factory=dict[str, Indexed | str])
    attested: Mapping[tuple[str, str], Attested | str] = field(
        default_factory=dict[tuple[str, str], Attested | str]
    )
    """What verifying attestations said, by `kind:name` and digest; a reason where none came."""
    looked_into: Mapping[str, Sequence[Looked]] = field(default_factory=dict[str, Sequence[Looked]])
    """What opening its artifacts said, by `kind:name`; nothing for one whose were not at hand."""


def package_findings(package: Package, facts: PackageFacts) -> Iterator[Looked]:
    """All that is wrong with a package, and what of it nobody could look at."""
    name = called(package)
    yield from _known_bad(package)
    yield from _advised(package, facts)
    if not package.artifacts:
        mend = "Lock it from a file with hashes."
        yield Finding(name, "package.no-artifact", "no artifact of it is locked", mend)
    if package.startup:
        problem = f"an interpreter runs {', '.join(package.startup)} at every start"
        yield Finding(name, "package.startup-file", problem, "Read it, then accept it.")
    if package.scripts:
        problem = f"installing it runs {'; '.join(package.scripts)}"
        yield Finding(name, "package.install-script", problem, "Read it, then accept it.")
    yield from _indexed(package, facts)
    if name in facts.looked_into:
        yield from facts.looked_into[name]
    elif package.startup is None or package.scripts is None:
        why = "its artifacts are not at hand; give their folder with --artifacts"
        yield Unaudited(name, "what its artifacts hold", why)


def _known_bad(package: Package) -> Iterator[Looked]:
    name = called(package)
    uploaded = next((it.uploaded for it in package.artifacts if it.uploaded), None)
    for known in known_bad(package.kind, released(package), package.version, uploaded):
        title = known.incident.title
        if known.judgement == "unknown":
            why = f"when it was uploaded is not known, so it may be of {known.incident.name}"
            yield Unaudited(name, "known incidents", why)
            continue
        problem = f"{package.version} is hostile: {title} ({known.incident.source})"
        mend = f"Take it out, and run: tollway incident {name}@{package.version}"
        yield Finding(name, "package.known-bad", problem, mend)


def _advised(package: Package, facts: PackageFacts) -> Iterator[Looked]:
    name, advisories = called(package), facts.advisories
    why = _unusable(package, facts)
    if why or advisories is None:
        yield Unaudited(name, "advisories", why)
    if advisories is None:
        return
    key = package.kind, canonical(package.kind, released(package))
    for advisory in advisories.by_package.get(key, ()):
        answer = judged(advisory, package.version)
        if answer == "affected":
            rule = "package.malware" if advisory.is_malware else "package.advisory"
            words = f"{advisory.id}: {advisory.summary}".rstrip(": ")
            yield Finding(name, rule, f"{package.version} is affected by {words}", _UPGRADE)
        elif answer == "undecided":
            what = f"advisory {advisory.id}"
            yield Unaudited(name, what, f"it does not say whether {package.version} is affected")


def _unusable(package: Package, facts: PackageFacts) -> str:
    """Why the advisories do not answer for a package; empty where they do (rule 1)."""
    advisories = facts.advisories
    if advisories is None:
        return "none were given; name a folder of OSV records with --advisories"
    if not advisories.counts.get(package.kind):
        return f"those that were given hold none for {package.kind}"
    if advisories.newest is None:
        return "those that were given have no date"
    age = (facts.today - advisories.newest.date()).days
    if age > facts.oldest_days:
        return f"the newest of them is {age} days old; at most {facts.oldest_days} are allowed"
    return ""


def _indexed(package: Package, facts: PackageFacts) -> Iterator[Looked]:
    name = called(package)
    answer = facts.indexed.get(name)
    if answer is None or isinstance(answer, str):
        yield Unaudited(name, "its index", answer or facts.offline or "it was not asked")  # rule 4
        yield from _by_lock(package)
        return
    if answer.unread:
        what = f"{answer.unread} entries of its index"
        yield Unaudited(name, what, "they are not understood")
    for artifact in package.artifacts:
        yield from _artifact(package, artifact, answer, facts)


def _by_lock(package: Package) -> Iterator[Looked]:
    name = called(package)
    for artifact in package.artifacts:
        if artifact.yanked is not None:
            yield _yanked(name, artifact.name, artifact.yanked)
    if package.artifacts and all(it.uploaded is None for it in package.artifacts):
        yield Unaudited(name, "its age", "the lock has no upload time of it")
    if package.publishers is None:
        yield Unaudited(name, "its publisher", "nobody looked for attestations of it")


def _artifact(
    package: Package, artifact: Artifact, index: Indexed, facts: PackageFacts
) -> Iterator[Looked]:
    name = called(package)
    by_digest = next((it for it in index.files if artifact.digest in it.digests), None)
    by_name = next((it for it in index.files if it.name == artifact.name), None)
    if by_digest is None and by_name is not None and by_name.digests:
        kind = artifact.digest.partition(":")[0]
        if any(it.startswith(f"{kind}:") for it in by_name.digests):
            problem = f"the index now serves other bytes: {', '.join(by_name.digests)}"
            yield Finding(name, "package.artifact-replaced", problem, _OTHER, artifact.name)
        else:
            why = f"the index gives no {kind} of it"
            yield Unaudited(name, artifact.name, why)
        return
    if by_digest is None:
        problem = "the locked file is gone from the index"
        yield Finding(name, "package.vanished", problem, _OTHER, artifact.name)
        return
    if by_digest.yanked is not None:
        yield _yanked(name, by_digest.name, by_digest.yanked)
    if by_digest.uploaded is None:
        yield Unaudited(name, f"the age of {by_digest.name}", "the index has no upload time of it")
    yield from _attestations(package, by_digest, index, facts)


def _attestations(
    package: Package, file: IndexedFile, index: Indexed, facts: PackageFacts
) -> Iterator[Looked]:
    name = called(package)
    if file.publisher is not None and package.publishers:
        yield from _publishers(package, (file.publisher,), file.name)
    if file.provenance is None:
        yield Unaudited(name, f"attestations of {file.name}", "the index does not tell of any")
    elif not file.provenance:
        if package.publishers and file.publisher is None:
            yield from _publishers(package, (), file.name)
        elif any(it.provenance for it in index.files):
            problem = "it has no attestation, while other files of the package have one"
            yield Finding(name, "package.publisher-missing", problem, _ASK, file.name)
    else:
        answers = (facts.attested.get((name, it)) for it in file.digests)
        answer = next((it for it in answers if it is not None), "it was not asked for")
        yield from verified(package, answer, file.name)


def verified(package: Package, answer: Attested | str, file: str) -> Iterator[Looked]:
    """What verifying the attestations of a file says against the lock (rule 3)."""
    name = called(package)
    if isinstance(answer, str):
        yield Unaudited(name, f"attestations of {file}", answer)
        return
    for problem in answer.problems:
        words = f"an attestation of it does not hold: {problem}"
        yield Finding(name, "package.attestation-invalid", words, _OTHER, file)
    if package.publishers is None:
        yield Unaudited(name, f"the publisher of {file}", "the lock names none to compare with")
    elif not answer.problems:
        yield from _publishers(package, answer.publishers, file)


def _publishers(package: Package, now: tuple[Publisher, ...], file: str) -> Iterator[Looked]:
    locked = package.publishers or ()
    if set(now) <= set(locked) and (now or not locked):
        return
    was, is_ = (", ".join(map(publisher_words, it)) or "nobody" for it in (locked, now))
    problem = f"{is_} published it, and the lock names {was}"
    yield Finding(called(package), "package.publisher-changed", problem, _ASK, file)


def publisher_words(publisher: Publisher) -> str:
    """A publisher on one line."""
    words = f"{publisher.kind} {publisher.identity}"
    words += f" {publisher.workflow}" if publisher.workflow else ""
    return f"{words} ({publisher.environment})" if publisher.environment else words


def _yanked(name: str, file: str, reason: str) -> Finding:
    words = f"it was yanked: {reason}" if reason else "it was yanked, without a reason"
    return Finding(name, "package.yanked", words, "Take another release.", file)
