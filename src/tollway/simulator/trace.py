"""A trace: when requests arrived, how long they were, what they share and whom they follow.

Rules
1. Arrival times count from the trace's first request; requests are in order of arrival, and those
   of one moment keep the order in which they were written.
2. A request follows at most one other, which stands before it: it arrives once that one has ended
   and its pause is over, and never before its own time.
3. Superposing n traces is n times the users, not users n times as fast: each copy is shifted by a
   chance of up to a minute (round the end of the trace, so that the span stays), because the users
   of one day know nothing of each other's second; and no copy shares a prefix with another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from typing import Final

import msgspec

from tollway.fleet.objects import KeyTerms, Operation, RequestClass
from tollway.simulator.draws import draw, uniform
from tollway.units import Seconds, Tokens, UtcSeconds

PREFIX_TOKENS: Final = 512
"""Tokens that one prefix id stands for in Mooncake's traces."""

SHIFT: Final = 60.0
"""Seconds within which superposed copies know nothing of each other."""

_COPIES: Final = 0x434F5059
_KEPT: Final = 0x4B454550


class TraceRequest(msgspec.Struct, frozen=True, gc=False):
    """One request: `at` seconds after the trace's first; `input` tokens were sent, `output` tokens
    were generated.

    `prefix` are ids of the prompt's leading blocks (a tuple or a range), the trace's
    `prefix_tokens` each: two requests whose first n ids are the same begin with the same n blocks.
    Ids that go on behind the prompt are those of prompt and answer together.
    `after` is the place of the request that it follows, `pause` seconds after that one's end; where
    `needs_answer`, only if that one was answered. `route` and `key` are None where the trace does
    not say.
    """

    at: Seconds
    input: Tokens
    output: Tokens
    prefix: Sequence[int] = ()
    after: int | None = None
    pause: Seconds = Seconds(0.0)
    needs_answer: bool = False
    route: str | None = None
    key: str | None = None
    operation: Operation = "chat"
    stream: bool = True
    max_output: int | None = None
    request_class: RequestClass | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests in order of arrival. `name` is how the user asked for it. `began` is when the first
    arrived, where that is known; `keys` are the terms of the keys that requests name; `notes` say
    what had to be assumed."""

    name: str
    requests: tuple[TraceRequest, ...]
    prefix_tokens: int = PREFIX_TOKENS
    began: UtcSeconds | None = None
    keys: tuple[KeyTerms, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def span(self) -> Seconds:
        """Seconds from the first arrival to the last that waits for nobody."""
        times = (one.at for one in reversed(self.requests) if one.after is None)
        return next(times, Seconds(0.0))


def cut(trace: Trace, start: Seconds, duration: Seconds | None, limit: int | None) -> Trace:
    """The requests that arrive in [start, start + duration), at most `limit` of them, with times
    counted from `start`. None is no bound. Who follows a request goes with it."""
    end = float("inf") if duration is None else start + duration
    inside = [place for place, one in enumerate(trace.requests) if _inside(one, start, end)]
    kept = list(islice(_with_leaders(trace, inside), limit))
    return replace(trace, requests=tuple(_renumbered(trace, kept, start)))


def _inside(one: TraceRequest, start: float, end: float) -> bool:
    return one.after is not None or start <= one.at < end


def _with_leaders(trace: Trace, places: Iterable[int]) -> Iterable[int]:
    """The places whose leader, where they follow one, is kept too."""
    kept: set[int] = set()
    for place in places:
        after = trace.requests[place].after
        if after is None or after in kept:
            kept.add(place)
            yield place


def _renumbered(trace: Trace, kept: list[int], start: float) -> Iterable[TraceRequest]:
    places = {old: new for new, old in enumerate(kept)}
    for old in kept:
        one = trace.requests[old]
        if one.after is None:
            yield one if start == 0.0 else _moved(one, one.at - start)
        else:
            at = max(0.0, one.at - start)
            yield msgspec.structs.replace(one, at=Seconds(at), after=places[one.after])


def _moved(one: TraceRequest, at: float) -> TraceRequest:
    return msgspec.structs.replace(one, at=Seconds(at))


def superposed(trace: Trace, scale: float, seed: int) -> Trace:
    """The same traffic of `scale` times as many users (rule 3). What is over whole copies is
    thinned: each request without a leader is kept with that chance, and who follows it with it."""
    if scale == 1.0 or not trace.requests:
        return trace
    span = trace.span
    width = 1 + max((max(one.prefix) for one in trace.requests if one.prefix), default=0)
    rows: list[tuple[float, int, int, TraceRequest]] = []
    for copy in range(ceil(scale)):
        share = min(1.0, scale - copy)
        chance = uniform(draw(seed, _COPIES, copy)) if copy else 0.0
        shift = chance * min(SHIFT, span)
        rows += _copy(trace, copy, share, shift, (span, width, seed))
    rows.sort(key=lambda row: row[:3])
    return replace(trace, requests=tuple(_linked(rows)))


def _copy(
    trace: Trace, copy: int, share: float, shift: float, of: tuple[float, int, int]
) -> Iterable[tuple[float, int, int, TraceRequest]]:
    """Rows of one copy: when, which copy, its place in the trace, the request as it is there. A
    follower is listed when its chain began, so that it stands behind its leader."""
    span, width, seed = of
    began: dict[int, float] = {}
    for place, one in enumerate(trace.requests):
        if one.after is None:
            kept = share == 1.0 or uniform(draw(seed, _KEPT + copy, place)) < share
            if not kept:
                continue
            at = one.at + shift
            began[place] = at - span if at > span else at
        elif one.after in began:
            began[place] = began[one.after]
        else:
            continue
        moved = msgspec.structs.replace(one, prefix=_renamed(one.prefix, copy * width))
        yield began[place], copy, place, moved


def _renamed(prefix: Sequence[int], by: int) -> Sequence[int]:
    if isinstance(prefix, range):
        return range(prefix.start + by, prefix.stop + by)
    return tuple(number + by for number in prefix)


def _linked(rows: list[tuple[float, int, int, TraceRequest]]) -> Iterable[TraceRequest]:
    places = {(copy, place): new for new, (_, copy, place, _) in enumerate(rows)}
    for at, copy, _, one in rows:
        if one.after is None:
            yield _moved(one, round(at, 6))
        else:
            yield msgspec.structs.replace(one, after=places[copy, one.after])


def in_order(rows: Iterable[TraceRequest]) -> tuple[TraceRequest, ...]:
    """Requests that follow nobody, in order of arrival, with times from the first.

    Rounded to a microsecond: a difference of two dates is otherwise full of binary noise.
    """
    ordered = sorted(rows, key=lambda row: row.at)
    first = ordered[0].at if ordered else 0.0
    return tuple(_moved(row, round(row.at - first, 6)) for row in ordered)
