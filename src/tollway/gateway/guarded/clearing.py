"""What is done with a request's body: the guard's rules, for every source that it could go to.

Rules
1. Of the sources of the route, those may be asked that the rules permit; what is redacted or put
   into tokens is so for each of them by its own labels.
2. Where no source may be asked, the request is refused; where somebody could permit one, they are
   asked first.
3. What was taken out is looked for again: a body that still holds it is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final, NoReturn

from tollway.fleet.objects import Fleet
from tollway.gateway.http import Refusal, header_line
from tollway.guard.event import Evidence, Outcome, SecurityEvent
from tollway.guard.inspection import Guard
from tollway.guard.limit import NO_LIMIT, Limit
from tollway.guard.memory import Memory
from tollway.guard.replace import Tokens, replaced
from tollway.guard.rules import STRICTNESS, Asked, Decision, Verdict
from tollway.ledger.guarded.approvals import Approval, CrowdedError, Question

Labels = frozenset[str]

BLOCKED: Final = "guard_blocked"
NEEDS_APPROVAL: Final = "approval_needed"
MOST_QUESTIONS: Final = 50
"""Of one tenant that may wait for a person."""
_MOST_TOLD: Final = 8


@dataclass(frozen=True, slots=True)
class Sent:
    """A request's body, whose it is, and where it could go: each source with its labels. `head` is
    what of its head goes on or is kept: header lines, the tag; `task` whose door it came over."""

    request: str
    tenant: str
    key: str
    route: str
    body: bytes
    destinations: tuple[tuple[str, Labels], ...]
    head: bytes = b""
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Cleared:
    """What may be sent. `sources`: to these only; None is all. `bodies`: what, by labels of
    sources; None where all get what came. `tokens` are to be turned back in the answer."""

    sources: tuple[str, ...] | None = None
    bodies: Mapping[Labels, bytes] | None = None
    tokens: Tokens | None = None


ALL: Final = Cleared()
NOWHERE: Final = Cleared(())


@dataclass(frozen=True, slots=True)
class Ways:
    """What clearing needs beside the guard: the installation's `salt`, the clock, how to `ask` a
    person, whom to `tell`, and how far it may go."""

    salt: bytes
    utc: Callable[[], float]
    ask: Callable[[Question, float], Approval]
    tell: Callable[[SecurityEvent], None]
    limit: Limit = NO_LIMIT


def places_by_route(fleet: Fleet) -> Mapping[str, tuple[tuple[str, Labels], ...]]:
    """The sources of each route, with their labels; nothing where nothing is inspected."""
    if fleet.guard is None:
        return {}
    labels = {name: frozenset(source.labels) for name, source in fleet.sources.items()}
    return {
        alias: tuple(
            (name, labels[name])
            for name in dict.fromkeys(it.source for it in (*route.candidates, *route.fallbacks))
        )
        for alias, route in fleet.routes.items()
    }


def clear(guard: Guard, sent: Sent, memory: Memory | None, ways: Ways) -> Cleared:
    """What of a request may go where.

    Raises:
        Refusal: nothing of it, anywhere (rule 2).
        OverLimitError: the limit of this inspection is reached.
        TollwayError: somebody should be asked, and the guard's book cannot be written.
    """
    if sent.head:
        _look_at_head(guard, sent, ways)
    first = guard.inspect(sent.body, Asked(sent.tenant, sent.route, "out"), memory, ways.limit)
    if not first.verdicts:
        return ALL
    findings = [one.finding for one in first.verdicts]
    labels = {labels for _, labels in sent.destinations} or {frozenset[str]()}
    decisions = {
        one: guard.decide(findings, Asked(sent.tenant, sent.route, "out", one)) for one in labels
    }
    permitted = {one: decision for one, decision in decisions.items() if decision.permits(one)}
    if not permitted:
        permitted = _approved(sent, decisions, ways)
    return _prepared(guard, sent, decisions, permitted, ways)


def evidence_of(verdicts: Sequence[Verdict]) -> tuple[Evidence, ...]:
    """What was found, as it is told."""
    return tuple(
        Evidence(it.finding.detector, it.finding.kind, it.finding.layers, it.finding.excerpt)
        for it in verdicts
    )


def in_words(verdicts: Sequence[Verdict], *, excerpts: bool = True) -> str:
    """What was found and by which rule it is judged, for a person. `excerpts` are for who has the
    text already."""
    said = dict.fromkeys(_said(it, excerpts) for it in verdicts)
    shown = list(said)[:_MOST_TOLD]
    more = len(said) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _said(verdict: Verdict, excerpts: bool) -> str:
    finding = verdict.finding
    name = finding.detector if finding.kind != "uninspected" else finding.why
    excerpt = f" {finding.excerpt}" if finding.excerpt and excerpts else ""
    layers = f", through {', '.join(finding.layers)}" if finding.layers else ""
    rule = "by default" if verdict.rule is None else f'by rule "{verdict.rule}"'
    return f"{name}{excerpt}{layers} ({rule})"


def _look_at_head(guard: Guard, sent: Sent, ways: Ways) -> None:
    """Nothing is taken out of a head: what is not allowed there is refused."""
    found = guard.inspect(sent.head, Asked(sent.tenant, sent.route, "out"))
    left = [it for it in found.verdicts if it.action != "allow"]
    if left:
        words = f"A header of the request holds what may not leave: {in_words(left)}."
        ways.tell(_event(sent, "denied", words, left, ways))
        raise Refusal(403, BLOCKED, words, header_line(b"x-tollway-request", sent.request))


def _prepared(
    guard: Guard,
    sent: Sent,
    decisions: Mapping[Labels, Decision],
    permitted: Mapping[Labels, Decision],
    ways: Ways,
) -> Cleared:
    tokens = Tokens(ways.salt, f"{sent.tenant}/{sent.key}", json=True)
    bodies = {one: _changed(guard, sent, (one, it), tokens, ways) for one, it in permitted.items()}
    kept = tuple(name for name, labels in sent.destinations if labels in permitted)
    sources = kept if len(permitted) < len(decisions) else None
    changed = any(body is not sent.body for body in bodies.values())
    if sources is not None or changed:
        mildest = min(permitted.values(), key=lambda it: STRICTNESS.index(it.action))
        where = f", and to {', '.join(kept)} only" if sources is not None else ""
        words = f"A request went on changed{where}: {in_words(mildest.verdicts)}"
        ways.tell(_event(sent, "changed", words, mildest.verdicts, ways))
    return Cleared(
        sources,
        bodies if changed or sources is not None else None,
        tokens if changed else None,
    )


def _changed(
    guard: Guard, sent: Sent, place: tuple[Labels, Decision], tokens: Tokens, ways: Ways
) -> bytes:
    labels, decision = place
    redact, tokenise = decision.to_replace("redact"), decision.to_replace("tokenise")
    if not (redact or tokenise):
        return sent.body
    # Rule 3. A mark instead of tokens, which look like secrets themselves.
    bare = replaced(sent.body, (*redact, *tokenise), lambda _, __: b"*")
    again = guard.inspect(bare, Asked(sent.tenant, sent.route, "out", labels), None, ways.limit)
    left = [it for it in again.verdicts if it.action not in ("allow", "on-prem", "ask")]
    if left:
        words = f"What was to be taken out of the request is still in it: {in_words(left)}."
        raise Refusal(403, BLOCKED, words)
    return tokens.exchanged(sent.body, redact, tokenise)


def _approved(
    sent: Sent, decisions: Mapping[Labels, Decision], ways: Ways
) -> dict[Labels, Decision]:
    """What may be sent since somebody said so (rule 2). What is asked is for the first source of
    the route that a yes would open, and for those whose rules ask the same or less."""
    places = [labels for _, labels in sent.destinations] or list(decisions)
    willing = [it for it in places if _without_asking(decisions[it]).permits(it)]
    if not willing:
        strictest = max(decisions.values(), key=lambda it: STRICTNESS.index(it.action))
        _refuse(sent, BLOCKED, "denied", strictest, ways)
    asked = decisions[willing[0]]
    questions = _questions(asked)
    alike = {
        it: decisions[it] for it in willing if set(_questions(decisions[it])) <= set(questions)
    }
    utc = ways.utc()
    try:
        approval = ways.ask(_question(sent, questions, tuple(alike), ways.salt), utc)
    except CrowdedError as crowded:
        raise Refusal(403, NEEDS_APPROVAL, f"The request needs an approval. {crowded}") from None
    if approval.state(utc) != "granted":
        _refuse(sent, NEEDS_APPROVAL, "asked", asked, ways, approval)
    return {one: _without_asking(it) for one, it in alike.items()}


def _questions(decision: Decision) -> tuple[Verdict, ...]:
    return tuple(it for it in decision.verdicts if it.action == "ask")


def _without_asking(decision: Decision) -> Decision:
    """The decision once somebody has said yes."""
    verdicts = tuple(
        replace(it, action="allow") if it.action == "ask" else it for it in decision.verdicts
    )
    strictest = max(STRICTNESS.index(it.action) for it in verdicts)
    return Decision(STRICTNESS[strictest], verdicts)


def _question(
    sent: Sent, verdicts: Sequence[Verdict], places: Sequence[Labels], salt: bytes
) -> Question:
    """What is asked: these findings, for these places."""
    names = sorted({name for name, labels in sent.destinations if labels in places})
    values = sorted(_value(sent.body, it) for it in verdicts)
    digest = blake2b(key=salt, digest_size=16)
    for part in (sent.tenant, sent.route, *names, "", *values):
        digest.update(b"%d:" % len(part) + part.encode())
    words = (
        f'Tenant "{sent.tenant}" (key {sent.key}) wants to send to route "{sent.route}" '
        f"(sources: {', '.join(names)}): {in_words(verdicts)}"
    )
    detectors = sorted({it.finding.detector for it in verdicts})
    facts = {"route": sent.route, "sources": names, "key": sent.key, "detectors": detectors}
    return Question(
        digest.hexdigest(),
        "traffic",
        words,
        sent.tenant,
        None,
        facts,
        uses=None,
        most=MOST_QUESTIONS,
    )


def _value(body: bytes, verdict: Verdict) -> str:
    """What was found and by which rule it is asked about; white space does not matter."""
    finding = verdict.finding
    value = b" ".join(body[finding.start : finding.end].split())
    return f"{verdict.rule}/{finding.detector}={value.hex()}"


def _refuse(
    sent: Sent,
    code: str,
    outcome: Outcome,
    decision: Decision,
    ways: Ways,
    approval: Approval | None = None,
) -> NoReturn:
    verdicts = [it for it in decision.verdicts if it.action not in ("allow", "redact", "tokenise")]
    found = in_words(verdicts)
    if approval is None:
        words = f"The request holds what may not leave: {found}. Take it out and send it again."
        lines = b""
    else:
        lines = header_line(b"x-tollway-approval", approval.id)
        state = approval.state(ways.utc())
        told = "was denied" if state == "denied" else "needs a person's approval first"
        mend = "" if state == "denied" else " Send it again once it is approved."
        words = f"The request holds {found}, and {told} ({approval.id}).{mend}"
    name = None if approval is None else approval.id
    ways.tell(_event(sent, outcome, words, verdicts, ways, name))
    raise Refusal(403, code, words, header_line(b"x-tollway-request", sent.request) + lines)


def _event(
    sent: Sent,
    outcome: Outcome,
    words: str,
    verdicts: Sequence[Verdict],
    ways: Ways,
    approval: str | None = None,
) -> SecurityEvent:
    rule = max(verdicts, key=lambda it: STRICTNESS.index(it.action)).rule if verdicts else None
    return SecurityEvent(
        ways.utc(), "traffic", outcome, words, sent.route, sent.tenant, sent.key, sent.task,
        sent.request, rule, approval, evidence_of(verdicts), "out",
    )  # fmt: skip
