"""A trace through a fleet in virtual time, from the fleet's text to figures.

Rules
1. Nothing is random but by the seed: the same fleet, trace and play give the same answer, always.
2. A promise is kept by a request that was answered, whose first token came within the TTFT and
   whose stream was at least as fast as promised. Who was refused was not served.
3. Times are as the engine model says, with what comes before a first token outside of steps
   (`front`); what a gateway and a network add is not in them.
4. Large traces are played by the compiled execution where all that the fleet says has a compiled
   form; both give the same, event for event, so that only the time it takes differs.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tollway.dispatch.messages import BreakerMoved
from tollway.fleet.objects import Fleet, Slo
from tollway.simulator.floor import Floor
from tollway.simulator.front import fronted
from tollway.simulator.plain import Plain
from tollway.simulator.play import Ended, Play
from tollway.simulator.replica import Replica
from tollway.simulator.report import (
    Percentiles,
    Report,
    Sample,
    SampleOutcome,
    percentiles,
    summarise,
)
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import EnginePool, Pool, supply
from tollway.simulator.trace import Trace
from tollway.simulator.use import Use, uses
from tollway.units import Seconds

BETWEEN_LOOKS = 1000
"""Requests that end between two looks at whether to go on."""

REFUSED_STATUS = frozenset({402, 429})
REFUSED_CODES = frozenset({"queue_full", "queue_timeout", "sources_resting"})
"""Codes that go with such a status; the compiled execution keeps no other."""

WORTH = 20_000
"""Requests from which loading the compiled execution takes less time than it saves."""


@dataclass(frozen=True, slots=True)
class Promise:
    """How the promise was kept (rule 2): of how many requests it is asked, by how many it was kept,
    and what those are a second, as requests and as output tokens."""

    slo: Slo
    asked: int
    kept: int
    requests: float
    output_tokens: float

    @property
    def share(self) -> float:
        """Of the requests, 0 to 1."""
        return self.kept / self.asked if self.asked else 1.0


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a run showed. `seconds` are virtual, from the first arrival to the last end; `wait` is
    from arrival until it was first sent anywhere; `never_asked` are turns of sessions that broke
    off; `opened` counts how often each source's breaker did; `stopped` says that not all of the
    trace was played. `plain` is why no compiled execution was used, empty where one was."""

    report: Report
    uses: tuple[Use, ...]
    promise: Promise | None
    wait: Percentiles
    seconds: Seconds
    asked: int
    never_asked: int
    opened: Mapping[str, int]
    stopped: bool
    notes: tuple[str, ...]
    plain: tuple[str, ...] = ()

    @property
    def cost(self) -> int:
        """Pico-dollars that sources charge for the tokens."""
        return self.report.total.cost or 0

    @property
    def unanswered(self) -> float:
        """The share of requests that were refused or failed."""
        total = self.report.total
        return (total.refused + total.failed) / max(1, total.requests)


@dataclass(frozen=True, slots=True)
class Course:
    """How a run went, whichever execution it was: who ended, who was `under_way` when it was
    stopped, picoseconds of attempts by source, breakers that opened by pair."""

    floor: Floor
    ended: Sequence[Ended]
    under_way: Sequence[Ended]
    busy: Mapping[str, int]
    opened: Mapping[str, int]
    going: bool
    plain: tuple[str, ...]


def rehearse_fleet(
    fleet: Fleet,
    trace: Trace,
    play: Play,
    slo: Slo | None = None,
    going: Callable[[int], bool] | None = None,
    pools: Sequence[Pool] | None = None,
) -> Rehearsed:
    """Play the trace. `slo` is what every request is held against (None: its route's own);
    `going` is told how many requests have ended and says whether to go on.

    Raises:
        FaultsFound: the fleet cannot be rehearsed, with every reason.
    """
    made = supply(fleet, trace.prefix_tokens) if pools is None else tuple(pools)
    return rehearsed(fleet, course_through(fleet, made, trace, play, going), trace, play, slo)


def course_through(
    fleet: Fleet,
    pools: tuple[Pool, ...],
    trace: Trace,
    play: Play,
    going: Callable[[int], bool] | None = None,
) -> Course:
    """How the trace goes, by whichever execution suits it."""
    reasons = why_plain(fleet, pools, trace, play)
    if not reasons:
        course, reasons = _compiled(fleet, pools, trace, play, going)
        if course is not None:
            return course
    run = Plain(fleet, pools, trace, play)
    while run.run(BETWEEN_LOOKS):
        if going is not None and not going(len(run.ended)):
            break
    return course_of(run, reasons)


def why_plain(fleet: Fleet, pools: tuple[Pool, ...], trace: Trace, play: Play) -> tuple[str, ...]:
    """Why a trace is played by the plain execution; empty where it is played by the compiled."""
    if len(trace.requests) < WORTH:
        return (f"fewer than {WORTH:,} requests",)
    try:
        from tollway.simulator.fleet_arrays import uncompiled
    except ImportError:
        return ("numpy and numba are not installed (the extra twin)",)
    return tuple(uncompiled(fleet, pools, trace, play))


def course_of(run: Plain, plain: tuple[str, ...] = ()) -> Course:
    """How a plain run has gone so far."""
    opened = Counter(f"{move.source}:{move.model}" for _, move in run.breakers if _opens(move))
    return Course(run.floor, run.ended, run.under_way(), run.busy, dict(opened), run.going, plain)


def _compiled(
    fleet: Fleet,
    pools: tuple[Pool, ...],
    trace: Trace,
    play: Play,
    going: Callable[[int], bool] | None = None,
) -> tuple[Course | None, tuple[str, ...]]:
    """How it goes compiled; None, and why, where a source's own timeouts may have had a part."""
    from tollway.simulator.fleet_compiled import Compiled

    run = Compiled(fleet, pools, trace, play)
    whole = run.run(going=going)
    overdue = tuple(run.overdue())
    if overdue and whole:
        return None, overdue
    ended = run.ended()
    floor = Floor(pools)
    for number, counters in run.counters().items():
        server = floor.places[number].server
        if isinstance(server, Replica):
            server.counters = counters
    busy = {**dict.fromkeys(fleet.sources, 0), **run.busy()}
    models = {pool.source: pool.model for pool in pools}
    opened = {f"{name}:{models[name]}": count for name, count in run.openings().items() if count}
    return Course(floor, ended, run.under_way(), busy, opened, going=not whole, plain=()), ()


def rehearsed(
    fleet: Fleet, course: Course, trace: Trace, play: Play, slo: Slo | None = None
) -> Rehearsed:
    """What a run has shown so far."""
    used, told, until = told_by(fleet, course)
    ended = [one for one in told if one.arrived >= play.counted]
    never = 0 if course.going else len(trace.requests) - len(told)
    waits = [(one.sent - one.arrived) / SECOND for one in ended if one.sent is not None]
    return Rehearsed(
        report=summarise([sample_of(one) for one in ended], 1.0, costs_of(ended)),
        uses=used,
        promise=_promise(fleet, trace, play, ended, (slo, until)),
        wait=percentiles(waits),
        seconds=Seconds(until / SECOND),
        asked=len(ended),
        never_asked=never,
        opened=course.opened,
        stopped=course.going,
        notes=_notes(trace, made=course.floor.pools),
        plain=course.plain,
    )


def told_by(fleet: Fleet, course: Course) -> tuple[tuple[Use, ...], list[Ended], int]:
    """What sources were used for, what became of all who arrived (`front` is in it), and when the
    last one ended, in picoseconds."""
    arrived = [*course.ended, *course.under_way]
    until = max((one.ended for one in course.ended), default=0)
    used = uses(fleet, course.floor, course.busy, arrived, until)
    return used, fronted(fleet, course.floor.pools, used, arrived), until


def _opens(move: BreakerMoved) -> bool:
    return move.state == "open"


def _notes(trace: Trace, made: Sequence[Pool]) -> tuple[str, ...]:
    doubts = dict.fromkeys(
        f"{pool.source}: {doubt}"
        for pool in made
        if isinstance(pool, EnginePool)
        for doubt in pool.deployment.doubts
    )
    return (*trace.notes, *doubts)


def costs_of(ended: Sequence[Ended]) -> dict[str | None, int]:
    """Pico-dollars by source, and in total (None)."""
    costs: dict[str | None, int] = {None: 0}
    for one in ended:
        costs[None] += one.cost
        if one.source is not None:
            costs[one.source] = costs.get(one.source, 0) + one.cost
    return costs


def sample_of(one: Ended) -> Sample:
    """What became of a request, in a report's terms."""
    arrived = Seconds(one.arrived / SECOND)
    ended = one.arrived if one.outcome == "unfinished" else one.ended
    first = one.first
    outcome = "unfinished" if one.outcome == "unfinished" else _outcome(one)
    return Sample(
        index=one.index,
        outcome=outcome,
        reason=one.code,
        due=arrived,
        sent=arrived,
        ttft=None if first is None else Seconds((first - one.arrived) / SECOND),
        latency=Seconds((ended - one.arrived) / SECOND),
        streaming=Seconds(0.0 if first is None else (ended - first) / SECOND),
        input_tokens=one.input,
        output_tokens=one.output,
        request=str(one.index),
        source=one.source,
        model=one.model,
        attempts=one.attempts,
        substituted=one.substituted,
        status=one.status,
        content=first is not None,
        done=outcome == "ok",
    )


def _outcome(one: Ended) -> SampleOutcome:
    if one.outcome == "completed":
        return "ok"
    refused = one.status in REFUSED_STATUS or one.code in REFUSED_CODES
    return "refused" if refused else "failed"


def _promise(
    fleet: Fleet,
    trace: Trace,
    play: Play,
    ended: Sequence[Ended],
    of: tuple[Slo | None, int],
) -> Promise | None:
    """How the promise was kept; None where nothing is promised to anybody."""
    slo, until = of
    own = {
        name: route.slo
        for name, route in fleet.routes.items()
        if route.slo.ttft is not None or route.slo.speed is not None
    }
    asked = kept = tokens = 0
    for one in ended:
        route = trace.requests[one.index].route or play.route
        wanted = slo or own.get(route)
        if wanted is None:
            continue
        asked += 1
        if keeps(one, wanted):
            kept += 1
            tokens += one.output
    if not asked:
        return None
    seconds = max(until, 1) / SECOND
    shown = slo or own.get(play.route) or next(iter(own.values()))
    return Promise(shown, asked, kept, kept / seconds, tokens / seconds)


def keeps(one: Ended, slo: Slo) -> bool:
    """Whether a request got what is promised (rule 2)."""
    if one.outcome != "completed" or one.first is None:
        return False
    if slo.ttft is not None and one.first - one.arrived > slo.ttft * SECOND:
        return False
    if slo.speed is None or one.output < 2:
        return True
    return (one.output - 1) * SECOND >= slo.speed * (one.ended - one.first)
