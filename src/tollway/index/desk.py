"""What a person is asked about packages, what they said, and what is told of it.

Rules
1. A question names a release's exact files by their digests, and the rules that hold them; a yes is
   good for these alone.
2. The queue holds what somebody asked for and could not get, so many at most.
3. What happened is told as an event, for a page once for each caller and reason in a while.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tollway.fleet.indexing import IndexSettings
from tollway.guard.event import Outcome, SecurityEvent
from tollway.ledger.guarded.approvals import Approval, Approvals, CrowdedError, Question
from tollway.ledger.guarded.tasks import Task
from tollway.pins.admission import Approved, PackageFile, Reason, words_of
from tollway.pins.component import Ecosystem

CONCERN = "package"
_MOST = 500
_MOST_OF_A_TASK = 50
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Release:
    """What is decided together: a version's files, and why they are held."""

    kind: Ecosystem
    name: str
    version: str
    digests: tuple[str, ...]
    reasons: tuple[Reason, ...]

    @property
    def place(self) -> str:
        """As people write it."""
        return f"{self.kind}:{self.name}@{self.version}"


def held(files: Sequence[PackageFile], reasons: Iterable[Reason]) -> Release:
    """The release of files of one version."""
    first = files[0]
    digests = sorted({it for file in files for it in file.digests})
    by_rule = {it.rule: it for it in reasons}
    return Release(first.kind, first.name, first.version, tuple(digests), tuple(by_rule.values()))


class Desk:
    """Asks and tells. What it does on the disk blocks: not for the event loop."""

    def __init__(
        self,
        approvals: Approvals,
        tell: Callable[[SecurityEvent], None],
        settings: Callable[[], IndexSettings],
        utc: Callable[[], float],
    ) -> None:
        self._approvals = approvals
        self._tell = tell
        self._settings = settings
        self._utc = utc
        self._told: dict[tuple[str | None, str, str], float] = {}

    def approved(self) -> Mapping[Approved, frozenset[str]]:
        """Everything that holds now, with the rules that it is for.

        Raises:
            TollwayError: the book cannot be read: then nothing is approved, and nothing is served.
        """
        now = self._utc()
        found: dict[Approved, frozenset[str]] = {}
        for one in self._approvals.of(CONCERN):
            if one.state(now) == "granted":
                rules = frozenset(map(str, one.facts.get("rules", ())))
                for key in _approved(one):
                    found[key] = found.get(key, frozenset()) | rules
        return found

    def ask(self, release: Release, caller: Task | None) -> Approval | None:
        """Put a release into the queue; None where the queue is full (rule 2)."""
        settings = self._settings()
        question = Question(
            digest=_digest(release),
            concern=CONCERN,
            words=f"Serve {release.place}: it {words_of(release.reasons)}",
            tenant=None if caller is None else caller.tenant,
            task=None if caller is None else caller.id,
            facts={
                "kind": release.kind,
                "name": release.name,
                "version": release.version,
                "digests": list(release.digests),
                "rules": [it.rule for it in release.reasons],
            },
            waits=settings.waits,
            holds=settings.holds,
            uses=None,
            most=_MOST if caller is None else _MOST_OF_A_TASK,
        )
        try:
            return self._approvals.ask(question, self._utc())
        except CrowdedError:
            return None

    def tell(
        self, outcome: Outcome, place: str, words: str, rule: str | None, caller: Task | None
    ) -> None:
        """Tell what was done; returns at once."""
        self._tell(
            SecurityEvent(
                at=self._utc(),
                concern=CONCERN,
                outcome=outcome,
                words=words,
                place=place,
                tenant=None if caller is None else caller.tenant,
                task=None if caller is None else caller.id,
                rule=rule,
            )
        )

    def tell_once(self, outcome: Outcome, place: str, reason: Reason, caller: Task | None) -> None:
        """Rule 3, for pages, which are asked for again and again."""
        key = (None if caller is None else caller.id, place, reason.rule)
        now, fresh = self._utc(), self._settings().fresh
        if now < self._told.get(key, 0.0):
            return
        self._told[key] = now + fresh
        while len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        self.tell(outcome, place, f"It {reason.words}.", reason.rule, caller)


def _digest(release: Release) -> str:
    """Rule 1."""
    rules = sorted(it.rule for it in release.reasons)
    told = [CONCERN, release.kind, release.name, release.version, list(release.digests), rules]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _approved(one: Approval) -> Iterable[Approved]:
    facts = cast("Mapping[str, Any]", one.facts)
    kind, name, version = facts.get("kind"), facts.get("name"), facts.get("version")
    for digest in facts.get("digests", ()):
        yield cast("Ecosystem", kind), str(name), str(version), str(digest)
