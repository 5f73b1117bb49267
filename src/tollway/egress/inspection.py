"""Decides what of a request may go on: rules, sentinels, the guard's rules, a person's word.

Rules
1. Everything here may block: it runs in a thread, never on the event loop.
2. Secrets are put in last, when everything else has passed: nothing that is inspected, asked about
   or written down has held one.
3. What cannot be decided is refused: a broker without its key, a guard that fails, a book that
   cannot be written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256

from tollway.broker.broker import Broker
from tollway.egress.defences import Defences
from tollway.egress.telling import facts_of, said_of, sending
from tollway.egress.verdict import Asking, Passed, RefusedError, Sort
from tollway.errors import TollwayError
from tollway.fleet.egressing import EgressSettings, SecretUse
from tollway.guard.event import Evidence, SecurityEvent
from tollway.guard.finding import Finding
from tollway.guard.inspection import Guard
from tollway.guard.reach import Reached, judge, why_no_secret
from tollway.guard.reflection import Reflections
from tollway.guard.rules import Asked
from tollway.guard.scanner import Scanner
from tollway.guard.sentinel import Parts, Spot, detector, replaced, spots, why_not_here, without
from tollway.ledger.guarded.approvals import Approvals, Question
from tollway.ledger.guarded.tasks import Tasks

LABELS = frozenset(("egress",))
"""What the guard's rules call this destination."""
_MOST_QUESTIONS = 50
"""Of one task, to people: more would be answered without being read."""
_LONGEST_PATH = 1000
_ANSWERABLE = 600.0
"""Seconds in which a person may answer, at least: a task may come back."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a decision is made with. `guard` is None where nothing is declared; `tell` gets every
    event; `utc` is the time."""

    settings: EgressSettings
    broker: Broker
    guard: Guard | None
    tasks: Tasks
    approvals: Approvals
    tell: Callable[[SecurityEvent], None]
    utc: Callable[[], float]


class Inspector:
    """One for all requests of a proxy."""

    def __init__(self, means: Means, defences: Defences) -> None:
        """Raises:
        TollwayError: google-re2 is missing.
        """
        self.means = means
        self._defences = defences
        self._hidden = Scanner((detector(),))
        self._questions: dict[str, set[str]] = {}
        self._sentinels: dict[str, dict[str, bytes]] = {}
        self._reflections = lru_cache(maxsize=64)(_reflections)

    @property
    def patience(self) -> float | None:
        """Seconds that a decision may take; None where no guard is declared."""
        guard = self.means.guard
        return None if guard is None else guard.settings.patience

    def early(self, asking: Asking) -> Reached:
        """What the rules say of a head: before its body is read. Does not block.

        Raises:
            RefusedError: it is denied.
        """
        if not self._defences.rules:
            return Reached("allow", None)
        reached = judge(self.means.settings.rules, asking.wanted, asking.task.tenant)
        if reached.action == "deny":
            raise RefusedError(403, reached.why, rule=reached.rule and reached.rule.name)
        return reached

    def decide(self, asking: Asking) -> Passed:
        """What becomes of a whole request.

        Raises:
            RefusedError: it may not go on.
        """
        try:
            return self._decide(asking)
        except TollwayError as error:
            raise RefusedError(503, f"Refused, since it cannot be decided: {error}") from None

    def _decide(self, asking: Asking) -> Passed:
        means, task = self.means, asking.task
        if means.tasks.find(task.id, means.utc()) is None:
            raise RefusedError(403, "The task has ended.")
        reached = self.early(asking)
        known = self._known(asking)
        bare = without(asking.parts, list(known))
        body = bare.body if asking.plain is asking.parts.body else asking.plain
        self._refuse_hidden(asking, bare, body)
        asked = self._inspected(asking, bare, body)
        approval = None
        if reached.action == "ask" or asked:
            approval = self._approved(asking, reached, asked)
        rule = reached.rule.name if reached.rule else None
        return self._with_secrets(asking, known, rule, approval)

    # --- sentinels -------------------------------------------------------------------------------

    def _known(self, asking: Asking) -> Mapping[Spot, SecretUse]:
        """The sentinels that may stand where they do, each with its secret's terms."""
        return {spot: self._use(asking, spot) for spot in spots(asking.parts)}

    def _use(self, asking: Asking, spot: Spot) -> SecretUse:
        means = self.means
        holder = means.broker.holder(spot.sentinel, means.utc())
        if holder is None:
            raise _credential("It holds a sentinel that is nobody's.")
        use = means.broker.uses.get(holder.secret)
        if use is None:
            raise _credential("It holds the sentinel of a secret that is not declared any more.")
        if not self._defences.binding:
            return use
        if not holder.alive:
            raise _credential(f"The sentinel of {use.name} is of a task that has ended.")
        if holder.task != asking.task.id:
            raise _credential(f"The sentinel of {use.name} is another task's.")
        why = why_no_secret(use, asking.wanted, asking.task.tenant)
        why = why or why_not_here(use, spot, asking.parts)
        if why is not None:
            raise _credential(f"The secret {use.name} is not for this: {why}.")
        return use

    def _refuse_hidden(self, asking: Asking, bare: Parts, body: bytes) -> None:
        if not self._defences.hidden or not self.means.broker.uses:
            return
        for text in (head_text(asking.wanted.method, bare), body):
            for found in self._hidden.scan(text):
                how = " in ".join(reversed(found.layers)) or "plain"
                if found.kind == "uninspected" and self.means.guard is not None:
                    continue  # the guard says so too, and its rules decide
                if found.kind == "uninspected":
                    raise RefusedError(403, "It could not be inspected for hidden sentinels.")
                raise _credential(f"A sentinel is hidden in it ({how}).")

    def _with_secrets(
        self,
        asking: Asking,
        known: Mapping[Spot, SecretUse],
        rule: str | None,
        approval: str | None,
    ) -> Passed:
        means, task = self.means, asking.task
        mine = means.broker.of_task(task.id)
        held = self._sentinels.setdefault(task.id, {})
        held.update({use.name: spot.sentinel for spot, use in known.items()})
        parts = asking.parts
        if known:
            values = means.broker.values()
            gone = [use.name for use in known.values() if use.name not in values]
            if gone:
                raise _credential(f"The secret {gone[0]} has no value any more.")
            mine = {**mine, **{use.name: values[use.name] for use in known.values()}}
            try:
                wanted = {spot.sentinel: values[use.name] for spot, use in known.items()}
                parts = replaced(parts, list(known), wanted)
            except ValueError as error:
                raise _credential(f"It cannot be sent: {error}.") from None
        used = tuple(dict.fromkeys(use.name for use in known.values()))
        if used:
            words = f"Used {', '.join(used)} for {said_of(asking)}."
            event = SecurityEvent(means.utc(), "credential", "allowed", words, rule=rule)
            means.tell(self.about(asking, event))
        if not mine or not self._defences.reflections:
            return Passed(parts, rule, approval, used)
        search = self._reflections(tuple(sorted(mine.items())))
        return Passed(parts, rule, approval, used, search, dict(held))

    def forget(self, task: str) -> None:
        """Let go of what is remembered of a task."""
        self._sentinels.pop(task, None)
        self._questions.pop(task, None)

    # --- the guard -------------------------------------------------------------------------------

    def _inspected(self, asking: Asking, bare: Parts, body: bytes) -> tuple[Finding, ...]:
        """What a person must be asked about.

        Raises:
            RefusedError: the guard's rules say that it may not go.
        """
        guard = self.means.guard
        if guard is None or "out" not in guard.settings.directions:
            return ()
        if not self._defences.inspection:
            return ()
        asked = Asked(asking.task.tenant, None, "out", LABELS)
        about: list[Finding] = []
        for text in (head_text(asking.wanted.method, bare), body):
            decision = guard.inspect(text, asked)
            # What is sent to anybody but a model is not changed: half a file is no file.
            strict = [one for one in decision.verdicts if one.action not in ("allow", "ask")]
            if strict:
                found = [one.finding for one in strict]
                rule = strict[0].rule
                words = f"Inspection stopped it: {_names(found)}."
                raise RefusedError(403, words, rule=rule, evidence=_evidence(found))
            about += [one.finding for one in decision.verdicts if one.action == "ask"]
        return tuple(about)

    # --- a person --------------------------------------------------------------------------------

    def _approved(self, asking: Asking, reached: Reached, found: tuple[Finding, ...]) -> str:
        """The id of the approval that lets it pass, used up.

        Raises:
            RefusedError: there is none.
        """
        means = self.means
        digest = _digest(asking)
        self._refuse_flood(asking, digest)
        words = f"Task {asking.task.id} of {asking.task.tenant} asks for {said_of(asking)}"
        words += sending(asking)
        if found:
            words += f"; inspection found {_names(found)}"
        question = Question(
            digest=digest, concern="egress", words=f"{words}.",
            tenant=asking.task.tenant, task=asking.task.id, facts=facts_of(asking, found),
            waits=max(means.settings.patience or 0.0, _ANSWERABLE),
        )  # fmt: skip
        approval = means.approvals.ask(question, means.utc())
        state = approval.state(means.utc())
        if state == "granted" and means.approvals.take(approval.id, means.utc()):
            return approval.id
        rule = reached.rule.name if reached.rule and reached.action == "ask" else None
        said = {
            "pending": f"A person must approve it: `tollway approvals` shows {approval.id}. "
            "Ask again, for exactly the same, once it is.",
            "denied": f"A person denied it ({approval.id}).",
        }.get(state, f"Nobody approved it in time ({approval.id}).")
        sort: Sort = "pending" if state == "pending" else "rule"
        raise RefusedError(403, said, rule=rule, approval=approval.id, sort=sort)

    def _refuse_flood(self, asking: Asking, digest: str) -> None:
        """A person can read only so much, and only so many questions."""
        if len(asking.wanted.path) > _LONGEST_PATH:
            raise RefusedError(403, "The path is too long for a person to be asked about it.")
        asked = self._questions.setdefault(asking.task.id, set())
        if digest not in asked and len(asked) >= _MOST_QUESTIONS:
            raise RefusedError(403, "The task has asked for too many approvals.")
        asked.add(digest)

    def is_pending(self, approval: str) -> bool:
        """Whether nobody has answered a question yet."""
        found = self.means.approvals.find(approval)
        return found is not None and found.state(self.means.utc()) == "pending"

    # --- what is told ----------------------------------------------------------------------------

    def about(self, asking: Asking, event: SecurityEvent) -> SecurityEvent:
        """An event with what is known of its request."""
        wanted, task = asking.wanted, asking.task
        return replace(
            event,
            place=f"{wanted.host}:{wanted.port}",
            tenant=task.tenant,
            key=task.key,
            task=task.id,
        )


def head_text(method: str, parts: Parts) -> bytes:
    """A head as it is inspected."""
    lines = [f"{method} ".encode() + parts.target]
    return b"\n".join([*lines, *(name + b": " + value for name, value in parts.headers)])


def _evidence(found: Sequence[Finding]) -> tuple[Evidence, ...]:
    return tuple(Evidence(it.detector, it.kind, it.layers, it.excerpt) for it in found[:20])


def _reflections(secrets: tuple[tuple[str, bytes], ...]) -> Reflections:
    return Reflections(dict(secrets))


def _credential(why: str) -> RefusedError:
    return RefusedError(403, why, sort="credential")


def _names(found: Sequence[Finding]) -> str:
    return ", ".join(dict.fromkeys(one.detector for one in found))


def _digest(asking: Asking) -> str:
    """What names all of a request, so that an approval is for it and nothing else."""
    wanted, parts = asking.wanted, asking.parts
    digest = sha256()
    words = (asking.task.id, wanted.scheme, wanted.host, str(wanted.port), wanted.method)
    headers = [it for pair in parts.headers for it in pair]
    for word in (*(word.encode() for word in words), parts.target, *headers, parts.body):
        digest.update(b"%d:" % len(word) + word)
    return digest.hexdigest()
