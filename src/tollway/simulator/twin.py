"""A source's day played again: what the engine model would have predicted for what came to it.

Rules
1. What came is what the ledger settled there: when it was sent, how long prompt and answer were.
   An answer that broke off is played as long as it became; one of which nothing came is left out.
2. The prompt tokens that were cached then are cached now, as if all such prompts began alike.
3. Slots are the source's own; nobody is turned away, and nothing fails.
4. A day begins `WARM` seconds before midnight, so that it does not begin with an empty engine.
5. TPOT is only of answers of `LEAST_OUTPUT` tokens and more: over fewer, one late chunk is the
   whole of it.
6. What comes before the first token outside of steps is in it (`front`). A network between gateway
   and source is in what was observed, and in no prediction.
7. Near the knee the interval reaches to what both ends of the pace's own interval give.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType

from tollway.engine.constants import BLOCK
from tollway.engine.intervals import Interval
from tollway.errors import TollwayError
from tollway.fleet.objects import (
    Budget,
    Candidate,
    Demand,
    Fleet,
    KeyTerms,
    Limits,
    Objective,
    Queue,
    Route,
    Slo,
    Source,
    Tenant,
)
from tollway.simulator.front import fronted
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import Course, course_through
from tollway.simulator.scores import ENOUGH, Figure, Learned, Score, Served, Trio
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import EnginePool, Pool, paced, pool_of, spread_at
from tollway.simulator.trace import Trace, TraceRequest
from tollway.simulator.use import Use, uses
from tollway.units import Seconds, Tokens

DAY = 86_400
WARM = 900
LEAST_OUTPUT = 16
_WHO = "twin"
_LONG = Seconds(float(DAY * 7))
_MANY = 1 << 40


@dataclass(frozen=True, slots=True)
class Site:
    """One source alone, with the engines of each of its models."""

    source: Source
    fleet: Fleet
    pools: tuple[EnginePool, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """Who predicts: this version, at `utc` seconds; `fitted` is the last day (since 1970-01-01)
    whose results may be in constants of one's own, by model, chip and engine."""

    version: str
    utc: float
    fitted: Mapping[Trio, int]


def site_of(fleet: Fleet, source: Source, learned: Learned) -> tuple[Site | None, dict[str, str]]:
    """A source as it can be played, and why which of its models cannot."""
    pools: list[EnginePool] = []
    refused: dict[str, str] = {}
    for name, serving in source.serves.items():
        if source.silicon is None:
            refused[name] = "says on no chips it runs, so that nothing is predicted of it"
            continue
        try:
            pool = pool_of(source, serving, BLOCK, learned)
        except TollwayError as error:
            refused[name] = str(error)
            continue
        if isinstance(pool, EnginePool):
            pools.append(pool)
    if not pools:
        return None, refused
    return Site(
        source, _alone(fleet, source, [pool.model for pool in pools]), tuple(pools)
    ), refused


def _alone(fleet: Fleet, source: Source, models: Sequence[str]) -> Fleet:
    """A fleet of this source, where nobody is turned away (rule 3)."""
    limits = source.timeouts
    only = replace(
        source,
        serves=MappingProxyType(
            {name: replace(source.serves[name], prices=(), prepaid=None) for name in models}
        ),
        timeouts=replace(limits, first_content=_LONG, idle=_LONG, total=_LONG),
        breaker=replace(source.breaker, min_speed=None, ttft_deadline=None),
    )
    return replace(
        fleet,
        queue=Queue(_MANY, _LONG, _MANY, _LONG),
        sources=MappingProxyType({source.name: only}),
        routes=MappingProxyType({name: _route(source.name, name) for name in models}),
        tenants=MappingProxyType({_WHO: Tenant(_WHO, Limits(), Budget(), None, "interactive")}),
    )


def _route(source: str, model: str) -> Route:
    return Route(
        alias=model,
        model=model,
        candidates=(Candidate(source, model),),
        fallbacks=(),
        objectives=(Objective("least-outstanding", 0.0),),
        slo=Slo(None, None),
        demand=Demand((), None),
        deadline=_LONG,
        tier="standard",
    )


def deployment_of(source: Source, pool: EnginePool) -> str:
    """The deployment in words: whatever changes a prediction changes them."""
    made = pool.deployment
    parts = [
        f"{pool.replicas} x tp {made.layout.tp} {made.chip.name}",
        f"{made.precision}, KV {made.kv_precision}",
        f"context {made.context}",
        f"{made.framework}",
    ]
    if source.slots is not None:
        parts.append(f"{source.slots} slots")
    if pool.scaling is not None:
        parts.append(f"up to {pool.scaling.most} replicas")
    if pool.prefill is not None:
        parts.append(f"{pool.prefill.replicas} that prefill")
    return ", ".join(parts)


def scored(
    site: Site,
    day: int,
    served: Iterable[Served],
    made: Made,
    going: Callable[[int], bool] | None = None,
) -> tuple[list[Score], dict[str, str]]:
    """Scores of the models of a source on a day, and why which of them have none. `served` are its
    requests from `WARM` seconds before that day on."""
    begin, end = day * DAY, (day + 1) * DAY
    models = {pool.model for pool in site.pools}
    rows = [one for one in served if one.model in models and one.output and one.input]
    rows = sorted((one for one in rows if begin - WARM <= one.sent < end), key=lambda one: one.sent)
    refused: dict[str, str] = {}
    for model in models:
        own = [one for one in rows if one.model == model and one.sent >= begin]
        timed = sum(one.times is not None for one in own)
        if timed < ENOUGH:
            refused[model] = _too_few(len(own), timed)
    if len(refused) == len(models):
        return [], refused
    day_of = _Day(site, rows, begin, going)
    scores = [
        one
        for pool in site.pools
        if pool.model not in refused and (one := day_of.score(pool, made)) is not None
    ]
    missing = models - set(refused) - {one.model for one in scores}
    return scores, {**refused, **dict.fromkeys(missing, "the engine could not hold its requests")}


def _too_few(came: int, timed: int) -> str:
    if not came:
        return "had no requests"
    return f"had {timed} streamed requests with stated tokens of {came}; {ENOUGH} are needed"


class _Day:
    """One day of a source, played."""

    def __init__(
        self,
        site: Site,
        rows: Sequence[Served],
        begin: int,
        going: Callable[[int], bool] | None,
    ) -> None:
        self._site, self._rows, self._begin = site, rows, begin
        self._from = begin - WARM
        self._trace = Trace("day", tuple(map(self._asked, rows)), prefix_tokens=BLOCK)
        self._going = going
        run = self._played(site.pools)
        self._uses = {use.model: use for use in self._uses_of(run)}
        self._times = self._of(run)
        self._ends: list[dict[int, tuple[float, float]]] = []
        if any(use.near for use in self._uses.values()):
            for end in ("fast", "slow"):
                self._ends.append(self._of(self._played([paced(one, end) for one in site.pools])))

    def _asked(self, row: Served) -> TraceRequest:
        return TraceRequest(
            Seconds(round(row.sent - self._from, 6)),
            Tokens(row.input),
            Tokens(row.output),
            prefix=range(min(row.cached, row.input) // BLOCK),  # rule 2
            route=None if row.model == self._site.pools[0].model else row.model,
        )

    def _played(self, pools: Sequence[Pool]) -> Course:
        play = Play(self._site.pools[0].model, _WHO, (KeyTerms(_WHO, _WHO),), float(self._from))
        course = course_through(self._site.fleet, tuple(pools), self._trace, play, self._going)
        if course.going:
            raise StoppedError("stopped before the day was played.")
        return course

    def _uses_of(self, run: Course) -> tuple[Use, ...]:
        until = max((one.ended for one in run.ended), default=0)
        return uses(self._site.fleet, run.floor, run.busy, run.ended, until)

    def _of(self, run: Course) -> dict[int, tuple[float, float]]:
        """Seconds from being sent to the first token (rule 6), and a token from there, by row."""
        found: dict[int, tuple[float, float]] = {}
        told = fronted(self._site.fleet, run.floor.pools, self._uses_of(run), run.ended)
        for one in told:
            row = self._rows[one.index]
            if one.first is not None and row.sent >= self._begin and one.outcome == "completed":
                rest = (one.ended - one.first) / SECOND
                ttft = (one.first - one.arrived) / SECOND
                found[one.index] = ttft, rest / max(1, row.output - 1)
        return found

    def score(self, pool: EnginePool, made: Made) -> Score | None:
        """This model's score; None where what came could not be played."""
        use = self._uses[pool.model]
        rows = [
            (index, row, seen)
            for index, row in enumerate(self._rows)
            if row.model == pool.model and index in self._times and (seen := row.times)
        ]
        if len(rows) < ENOUGH:
            return None
        source, claim = self._site.source, pool.claim
        last = made.fitted.get((claim.model, claim.chip, claim.engine))
        spread = spread_at(pool, near=use.near)
        ends = [self._times, *self._ends]
        long = [(index, seen[1]) for index, row, seen in rows if row.output >= LEAST_OUTPUT]
        ttfts = [[times[index][0] for index, _, _ in rows if index in times] for times in ends]
        tpots = [[times[index][1] for index, _ in long if index in times] for times in ends]
        return Score(
            day=self._begin // DAY,
            source=source.name,
            model=pool.model,
            claim=claim,
            deployment=deployment_of(source, pool),
            provenance=use.pace.origin,
            version=made.version,
            made=made.utc,
            emulated=source.kind == "emulated",
            fitted_later=last is not None and last >= self._begin // DAY,
            near=use.near,
            requests=sum(row.model == pool.model and row.sent >= self._begin for row in self._rows),
            figures=(
                *figures("ttft", [seen[0] for _, _, seen in rows], ttfts, spread.ttft),
                *figures("tpot", [tpot for _, tpot in long], tpots, spread.tpot),
            ),
        )


def figures(
    metric: str,
    observed: Sequence[float],
    predicted: Sequence[Sequence[float]],
    interval: Interval,
) -> list[Figure]:
    """p50 and p90 of a metric in seconds, where enough was observed. `predicted` was played,
    near the knee at both ends of the pace's interval too (rule 7)."""
    if len(observed) < ENOUGH:
        return []
    found: list[Figure] = []
    for name, share in (("p50", 0.5), ("p90", 0.9)):
        value, *ends = (rank(one, share) for one in predicted)
        found.append(
            Figure(
                name=f"{metric}_{name}",
                requests=len(observed),
                observed=rank(observed, share),
                predicted=value,
                low=min((value * interval.low, *ends)),
                high=max((value * interval.high, *ends)),
            )
        )
    return found


def rank(values: Sequence[float], share: float) -> float:
    """A percentile by nearest rank. There must be a value."""
    return sorted(values)[ceil(share * len(values)) - 1]


class StoppedError(Exception):
    """The day was not played to its end."""
