"""A request in the words of the source that is asked.

Rules
1. A source that speaks the client's dialect gets the client's bytes, but for the model's name.
2. Another one gets the request put into the first dialect of its own that can carry it.
3. What is left out over it is told to the client, or such a source is not asked: as the route says.
"""

from collections.abc import Mapping
from typing import Final, Literal

from tollway.dialects.meaning import Ask, Fault, Loss
from tollway.dialects.registry import FORMS
from tollway.fleet.objects import Dialect, Fleet
from tollway.gateway.body import BadRequest
from tollway.gateway.facts import RequestFacts
from tollway.gateway.http import header_line
from tollway.gateway.openai import splice
from tollway.gateway.spoken import unread
from tollway.gateway.upstream import ANTHROPIC_VERSION, Upstream

MOST_TOLD: Final = 24
"""Losses named in a header; of more only their number is told."""

LONGEST_PATH: Final = 64
"""Characters of a loss's path in a header."""

_VERSION: Final = header_line(b"anthropic-version", ANTHROPIC_VERSION)


class Asked:
    """What a client asks. `lines` are header lines for any source, `own` such as only a source of
    the client's dialect gets; `ask` is its meaning, where a source of another one may be asked in
    one of `spoken`."""

    __slots__ = ("ask", "body", "facts", "lines", "own", "spoken")

    def __init__(self, facts: RequestFacts, body: bytes, lines: bytes, own: bytes = b"") -> None:
        self.facts = facts
        self.body = body
        self.lines = lines
        self.own = own
        self.ask: Ask | None = None
        self.spoken: tuple[Dialect, ...] | None = None

    def forget(self) -> None:
        """Nobody else will be asked, and this may be long."""
        self.body = self.lines = self.own = b""
        self.ask = None


class Wording:
    """What a source is sent: the beginning of the head, more lines of it, the body; in which
    dialect, and what that could not carry."""

    __slots__ = ("body", "dialect", "head", "lines", "losses")

    def __init__(
        self,
        dialect: Dialect,
        head: bytes,
        lines: bytes,
        body: bytes,
        losses: tuple[Loss, ...] = (),
    ) -> None:
        self.dialect: Dialect = dialect
        self.head = head
        self.lines = lines
        self.body = body
        self.losses = losses


def worded(asked: Asked, upstream: Upstream, model: str) -> Wording:
    """The request for this source, which knows the model as `model`.

    Raises:
        Fault: the source speaks nothing that it can be put in.
    """
    facts = asked.facts
    own = facts.dialect
    speaks = upstream.source.dialects
    if own in speaks:
        if own == "gemini":
            head = upstream.gemini_head(model, facts.stream)
            return Wording(own, head, asked.lines, asked.body)
        head = upstream.head(own, facts.operation)
        return Wording(own, head, asked.lines + asked.own, splice(asked.body, facts, model))
    fit = asked.spoken or ()
    dialect: Dialect | None = next((it for it in speaks if it in fit), None)
    if dialect is None or asked.ask is None:
        raise Fault("", f"the source speaks {', '.join(speaks)} only")
    body, losses = FORMS[dialect].write_ask(asked.ask, model)
    if dialect == "gemini":
        head = upstream.gemini_head(model, facts.stream)
    else:
        head = upstream.head(dialect, "chat")
    lines = asked.lines + _VERSION if dialect == "anthropic" else asked.lines
    return Wording(dialect, head, lines, body, unread(asked.ask.unread) + losses)


class Spoken:
    """What each source of a route speaks, each combination once; `by_all`: what every one does."""

    __slots__ = ("by_all", "by_each")

    def __init__(self, by_each: tuple[tuple[Dialect, ...], ...]) -> None:
        self.by_each = by_each
        common = set(by_each[0])
        common.intersection_update(*by_each)
        self.by_all = frozenset(common)


def spoken_by_route(fleet: Fleet) -> Mapping[str, Spoken]:
    """What the sources of each route speak, where it has any."""
    found: dict[str, Spoken] = {}
    for alias, route in fleet.routes.items():
        pairs = (*route.candidates, *route.fallbacks)
        if pairs:
            by_each = dict.fromkeys(fleet.sources[it.source].dialects for it in pairs)
            found[alias] = Spoken(tuple(by_each))
    return found


def prepare(asked: Asked, spoken: Spoken, losses: Literal["declare", "refuse"]) -> None:
    """Find out in which dialects the request can be put, where not all its sources speak its own.

    Raises:
        BadRequest: no source of the route could be asked.
    """
    own = asked.facts.dialect
    if own in spoken.by_all:
        return
    found: list[Dialect] = [own]
    why: BadRequest | None = None
    if asked.facts.operation == "chat":
        ask = asked.ask = _meaning(asked)
        foreign: list[Dialect] = [
            it for speaks in spoken.by_each if own not in speaks for it in speaks
        ]
        for dialect in dict.fromkeys(foreign):
            why = why_not(ask, dialect, losses)
            if why is None:
                found.append(dialect)
    asked.spoken = tuple(found)
    if not any(it in found for speaks in spoken.by_each for it in speaks):
        raise why or BadRequest(
            400, "not_carried", f"The sources of this model have no {asked.facts.operation}s."
        )


def why_not(ask: Ask, dialect: Dialect, losses: Literal["declare", "refuse"]) -> BadRequest | None:
    """Why a request may not be put into `dialect`; None where it may."""
    try:
        lost = unread(ask.unread) + FORMS[dialect].write_ask(ask, ask.model)[1]
    except Fault as fault:
        return BadRequest(400, "not_carried", fault.message, fault.path or None)
    if lost and losses == "refuse":
        message = f"The sources of this model cannot carry {told(lost)}; take it out."
        return BadRequest(400, "not_carried", message, lost[0].path or None)
    return None


def told(losses: tuple[Loss, ...]) -> str:
    """The losses by their places, for a header or a message."""
    shown = [_short(loss.path) for loss in losses[:MOST_TOLD]]
    named = ", ".join(dict.fromkeys(shown))
    more = len(losses) - MOST_TOLD
    return f"{named}, and {more} more" if more > 0 else named


def _short(path: str) -> str:
    """A client chooses the names in it, and their length."""
    return path if len(path) <= LONGEST_PATH else path[: LONGEST_PATH - 3] + "..."


def _meaning(asked: Asked) -> Ask:
    facts = asked.facts
    gemini = facts.dialect == "gemini"
    try:
        return FORMS[facts.dialect].read_ask(
            asked.body, facts.model if gemini else None, facts.stream if gemini else None
        )
    except Fault as fault:
        raise BadRequest(400, "invalid_value", fault.message, fault.path or None) from None
