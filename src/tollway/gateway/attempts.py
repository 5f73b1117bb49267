"""Which attempt understands what a source will say, and who writes it for the client."""

from dataclasses import dataclass

from tollway.dialects.forms import Told, Writer
from tollway.dialects.registry import FORMS
from tollway.dispatch.messages import Send
from tollway.fleet.objects import Dialect
from tollway.gateway.attempt import Attempt, BodyAttempt, Owner, SpokenAttempt, StreamAttempt
from tollway.gateway.facts import RequestFacts
from tollway.gateway.guarded.answers import Passing
from tollway.gateway.guarded.attempts import (
    GuardedMeter,
    GuardedStream,
    GuardedWhole,
    Inspected,
    PlainBody,
    labels_of,
)
from tollway.gateway.guarded.completions import CompletionWriter
from tollway.gateway.meter import StreamMeter
from tollway.gateway.spoken import SpokenBody, SpokenMeter
from tollway.gateway.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Said:
    """In which dialect a source was asked (`spoken`), and what the client is told of its answer."""

    facts: RequestFacts
    spoken: Dialect
    told: Told


def plain_attempt(owner: Owner, action: Send, upstream: Upstream, facts: RequestFacts) -> Attempt:
    """For an answer of Chat Completions that goes out as it came."""
    if facts.stream:
        return StreamAttempt(owner, action, upstream, StreamMeter(facts, owner.clock()))
    return BodyAttempt(owner, action, upstream, facts)


def spoken_attempt(
    owner: Owner, action: Send, upstream: Upstream, said: Said
) -> tuple[Attempt, Writer | None]:
    """For an answer in any dialect, put into the client's. The writer of the client's stream is
    None where the answer is none."""
    facts, told = said.facts, said.told
    source, client = FORMS[said.spoken], FORMS[facts.dialect]
    foreign = facts.dialect != said.spoken
    if facts.stream:
        writer = client.writer(told)
        meter = SpokenMeter(facts, owner.clock(), source, writer if foreign else None)
        return StreamAttempt(owner, action, upstream, meter), writer
    body = SpokenBody(facts, source, client if foreign else None, told)
    return SpokenAttempt(owner, action, upstream, body), None


def guarded_attempt(
    owner: Owner, action: Send, upstream: Upstream, said: Said, inspected: Inspected
) -> tuple[Attempt, Writer | None]:
    """The same for an answer that is inspected."""
    facts, spoken, told = said.facts, said.spoken, said.told
    own = facts.dialect
    if not facts.stream:
        if own == spoken == "openai":
            body: SpokenBody = PlainBody(facts, told)
        else:
            client = FORMS[own] if own != spoken else None
            body = SpokenBody(facts, FORMS[spoken], client, told)
        return GuardedWhole(owner, action, upstream, body, inspected), None
    old = facts.operation == "completion"
    writer = CompletionWriter(told) if old else FORMS[own].writer(told)
    passing = Passing(inspected.incoming, labels_of(upstream))
    meter = GuardedMeter(facts, owner.clock(), None if old else FORMS[spoken], writer, passing)
    return GuardedStream(owner, action, upstream, meter), writer
