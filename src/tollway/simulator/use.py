"""What a run asked of each source: how busy it was, how near to its knee, what it costs to hold.

Rules
1. A batching engine is busy with one request as with a hundred. So how near a source is to its knee
   is told in work: what came to it, over what its replicas can do with their batch full, for
   requests as long as those that came; in the whole run and in its worst minute.
2. Chips are counted from when they were asked for, working or not.
3. How sure the engine model is of a pace stands beside it, and grows where the source was near its
   knee: there a small error of a step is a large one of a wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean

from tollway.engine.constants import BLOCK
from tollway.fleet.objects import Fleet
from tollway.simulator.floor import Floor, Place
from tollway.simulator.play import Ended
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import EnginePool, Pace, pace_of

MINUTE = 60 * SECOND
MOST = 1 << 30

NEAR = 0.85
"""Share of its full batch's work from which a source counts as near its knee: waits grow there as
1 / (1 - share), so that 5% more work is 40% more waiting."""


@dataclass(frozen=True, slots=True)
class Use:
    """One model of a source over a run. Shares are of 1: `busy` of the time of its replicas in
    which they computed, `slots` of those declared (None: unbounded), `cache_peak` of KV blocks of
    the fullest replica, `cached` of prompt tokens; `work` and `work_peak` by rule 1 (None: its
    speed is declared). `in_flight` is a mean, `chip_hours` by rule 2."""

    source: str
    model: str
    pace: Pace
    replicas: float
    in_flight: float
    slots: float | None
    busy: float | None
    work: float | None
    work_peak: float | None
    cache_peak: float | None
    cached: float | None
    preempted: int
    chip: str | None
    chip_hours: float

    @property
    def near(self) -> bool:
        """Whether it came near its knee, where waits say little (rule 3)."""
        return self.work_peak is not None and self.work_peak >= NEAR


def uses(
    fleet: Fleet, floor: Floor, busy: Mapping[str, int], ended: Sequence[Ended], until: int
) -> tuple[Use, ...]:
    """What each pool of a run was used for, up to `until` picoseconds."""
    by_place: dict[int, list[Ended]] = {}
    for one in ended:
        if one.place is not None:
            by_place.setdefault(one.place, []).append(one)
    pools: dict[tuple[str, str], list[Place]] = {}
    for place in floor.places:
        pools.setdefault((place.pool.source, place.pool.model), []).append(place)
    found: list[Use] = []
    for places in pools.values():
        came = [one for place in places for one in by_place.get(place.number, ())]
        found.append(_use(fleet, floor, places, came, (busy, max(until, 1))))
    return tuple(found)


def _use(
    fleet: Fleet,
    floor: Floor,
    places: Sequence[Place],
    came: Sequence[Ended],
    over: tuple[Mapping[str, int], int],
) -> Use:
    busy, until = over
    pool = places[0].pool
    paid = sum(floor.paid(place, until) for place in places)
    flying = busy[pool.source] / until
    declared = fleet.sources[pool.source].slots
    counted = [one for one in map(floor.counters, places) if one is not None]
    engine = pool if isinstance(pool, EnginePool) else None
    replicas = paid / until * (1 if engine is None else engine.width)
    work = _work(engine, came, (replicas, declared), until)
    prefilled = sum(one.prefilled for one in counted)
    cached = sum(one.cached for one in counted)
    return Use(
        source=pool.source,
        model=pool.model,
        pace=pace_of(pool, near=work is not None and work[1] >= NEAR),
        replicas=replicas,
        in_flight=flying,
        slots=None if declared is None else flying / declared,
        busy=sum(one.busy for one in counted) / max(replicas * until, 1) if engine else None,
        work=None if work is None else work[0],
        work_peak=None if work is None else work[1],
        cache_peak=max(one.peak for one in counted) / engine.settings.blocks if engine else None,
        cached=cached / max(1, cached + prefilled) if engine else None,
        preempted=sum(one.preempted for one in counted),
        chip=None if engine is None else engine.deployment.chip.name,
        chip_hours=0.0 if engine is None else engine.chips * paid / SECOND / 3600,
    )


def _work(
    pool: EnginePool | None, came: Sequence[Ended], by: tuple[float, int | None], until: int
) -> tuple[float, float] | None:
    """The share of what the replicas can do: overall, and in the worst minute."""
    if pool is None:
        return None
    answered = [one for one in came if one.output]
    if not answered:
        return 0.0, 0.0
    prompt = fmean(max(1, one.input - one.cached) for one in answered)
    output = fmean(one.output for one in answered)
    replicas = max(by[0], 1e-9)
    share = None if by[1] is None else ceil(by[1] / replicas)
    each = 1.0 / (capacity(pool, prompt, output, share) * replicas)
    minutes: dict[int, int] = {}
    for one in came:
        minute = (one.sent or one.arrived) // MINUTE
        minutes[minute] = minutes.get(minute, 0) + 1
    # A run shorter than a minute has no minute that is worse than itself.
    shortest = min(MINUTE, until) / SECOND
    return len(came) * each * SECOND / until, max(minutes.values()) * each / shortest


def capacity(pool: EnginePool, prompt: float, output: float, slots: int | None = None) -> float:
    """Requests a second that one replica serves with its batch full of such requests, or as full
    as `slots` let it become."""
    batch = Batch(pool, prompt, output)
    return batch.rate(min(batch.most, slots or MOST))


class Batch:
    """A steady batch of like requests on one replica, by the arithmetic of means."""

    def __init__(self, pool: EnginePool, prompt: float, output: float) -> None:
        settings = pool.settings
        self._steps = settings.steps
        self._held = prompt + output / 2.0
        self._count = output * settings.steps.unit / settings.steps.gain
        self._output = output
        chunk = max(1, min(round(prompt), settings.batch_tokens))
        pairs, seen = chunk * (round(prompt) + 1), (round(prompt) + chunk) // 2
        self._prefill = settings.steps.mixed(0, 0, (1, chunk, pairs, seen)) * prompt / chunk
        self._handed = float("inf")
        if pool.prefill is not None:
            other = pool.prefill.settings.steps.mixed(0, 0, (1, chunk, pairs, seen))
            self._handed = pool.prefill.replicas / pool.replicas * SECOND * chunk / prompt / other
            self._prefill = 0.0
        self.most = max(1, min(settings.sequences, int(settings.blocks * BLOCK / self._held)))

    def _life(self, seats: int) -> float:
        """Picoseconds that a request lives: its decode steps, and the prompts of all others."""
        context = round(seats * self._held * self._steps.unit)
        return self._count * self._steps.run(1, seats, context) + seats * self._prefill

    def rate(self, seats: int) -> float:
        """Requests a second with so many at a time, and no more than are prefilled for it."""
        return min(seats * SECOND / self._life(seats), self._handed)

    def within(self, speed: float) -> int:
        """How many may run at a time so that each has `speed` tokens a second on average; 1 where
        even one is slower."""
        longest = SECOND * self._output / speed
        low, high = 1, self.most + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self._life(middle) <= longest:
                low = middle
            else:
                high = middle
        return low
