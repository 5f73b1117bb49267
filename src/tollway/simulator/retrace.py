"""Replays an engine's own log through a replica: what we would have said of the same requests.

Rules
1. Nothing of what was measured is used, but by `fitted_to`, which moves three constants.
2. Times count from when the engine takes a request in, which it does between steps, as the log
   counts them.
3. Offered work is what the requests are while they arrive, over what the replica can do with its
   batch full. Above 1 a queue grows as long as they come; near 1 a small error of a step decides
   whether it does, so that waits are given as an interval.
"""

from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from math import exp, log
from statistics import fmean
from typing import Final

from tollway.engine import Deployment
from tollway.engine.anchors import least_squares, moved
from tollway.engine.constants import BLOCK
from tollway.engine.fitted import Constants, constants
from tollway.simulator.enginelog import Logged, Times, times_of
from tollway.simulator.replica import Replica
from tollway.simulator.report import percentiles
from tollway.simulator.sequence import Kind, Sequence, settings_of
from tollway.simulator.steps import SECOND, StepTimes
from tollway.simulator.supply import EnginePool, pace_of
from tollway.simulator.timing import step_times
from tollway.simulator.use import capacity

FITTED: Final = ("launches", "reading", "arithmetic")
"""The factors of `engine.anchors` that a log may move; of one log the others cannot be told."""

WIDTH: Final = 1.0
"""How far a factor may be off, as a standard deviation of its logarithm, where a percentile may be
off by 1%: wide, so that it only decides where the log does not."""

_ROUNDS: Final = 4
_REACHES: Final = (1.0, 0.5, 0.25)
_STEPS: Final = (0.2, 0.05, 0.05)
"""How far to each side a slope is looked for: a percentile jumps where somebody changes places with
somebody else, and only over such a stretch has it a slope."""


@dataclass(frozen=True, slots=True)
class Retraced:
    """What a replica made of a log's requests. `busy` is the share of the time in which it
    computed, `offered` by rule 3 (None: they all came at once), `preempted` counts sequences that
    were computed again, `cache_peak` is of 1."""

    times: Times
    busy: float
    offered: float | None
    preempted: int
    cache_peak: float


@dataclass(frozen=True, slots=True)
class Fit:
    """Constants that suit a log: what each of `FITTED` is multiplied with."""

    factors: dict[str, float]
    constants: Constants


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine of a log. One that plans `ahead` decides a step while the one before it runs
    (vLLM's async scheduling): who comes is in the step after the next, not in the next."""

    pool: EnginePool
    ahead: bool


def engine_of(deployment: Deployment, *, caching: bool, ahead: bool) -> Engine:
    """The engine of a deployment; `caching` is of prefixes, its own included where it computes a
    sequence again."""
    settings = settings_of(deployment, caching=caching)
    settings = replace(settings, steps=_steps(deployment, constants(), ahead=ahead))
    pool = EnginePool("engine", deployment.model.name, deployment, settings, 1, None, None)
    return Engine(pool, ahead)


def retrace(requests: Many[Logged], engine: Engine) -> Retraced:
    """The log's requests through one engine.

    Raises:
        TollwayError: one of them is longer than the engine can hold.
    """
    replica = Replica(engine.pool.settings)
    first, last, taken = [0] * len(requests), [0] * len(requests), [0] * len(requests)

    def tell(now: int) -> None:
        for at, kind, sequence in replica.advance(now):
            (first if kind is Kind.FIRST else last)[int(sequence.name)] = at

    begun = looked = 0
    for index, one in enumerate(requests):
        # Who came before the last look was seen by it.
        now = max(round(one.at * SECOND), looked)
        _until(replica, now, tell)
        step = None if now == looked else replica.running_step(now)
        taken[index] = now if step is None else step[1]
        if engine.ahead:
            # When this step ends the next one is decided already.
            now = looked = taken[index]
            _until(replica, now, tell)
        tokens = one.input + one.output
        own = range(begun, begun + tokens // BLOCK) if engine.pool.settings.caching else ()
        begun += len(own)
        replica.arrive(now, Sequence(index, one.input, one.output, own))
    _until(replica, None, tell)
    return Retraced(
        times=_times(requests, (taken, first, last)),
        busy=replica.counters.busy / max(1, *last),
        offered=_offered(requests, engine),
        preempted=replica.counters.preempted,
        cache_peak=replica.counters.peak / engine.pool.settings.blocks,
    )


def ends_of(engine: Engine) -> tuple[Engine, Engine]:
    """The engine at the fast and at the slow end of the 80% interval of its pace."""
    tpot = pace_of(engine.pool, near=False).tpot
    made = engine.pool.deployment
    fast, slow = (
        engine_of(
            replace(made, software=made.software * factor),
            caching=engine.pool.settings.caching,
            ahead=engine.ahead,
        )
        for factor in ((1.0, 1.0) if tpot is None else (tpot.low, tpot.high))
    )
    return fast, slow


def fitted_to(requests: Many[Logged], engine: Engine) -> Fit:
    """Three factors on the shared constants that bring P50 and P90 of TTFT, TPOT and latency as
    near the measured ones as they get.

    Raises:
        TollwayError: one of the requests is longer than the engine can hold.
    """
    measured = _logs(times_of(requests))

    def misses(logs: Many[float]) -> list[float]:
        return _misses(requests, engine, logs, measured)

    best = [0.0] * len(FITTED)
    left = misses(best)
    for _ in range(_ROUNDS):
        change = least_squares([_slope(misses, best, at) for at in range(len(FITTED))], left)
        for reach in _REACHES:
            tried = [value + reach * step for value, step in zip(best, change, strict=True)]
            missed = misses(tried)
            if _square(missed) < _square(left):
                best, left = tried, missed
                break
    factors = {name: exp(value) for name, value in zip(FITTED, best, strict=True)}
    return Fit(factors, _constants(best))


def _slope(misses: Callable[[Many[float]], list[float]], logs: Many[float], at: int) -> list[float]:
    """What a factor's logarithm changes."""
    step = _STEPS[at]
    above, below = (
        misses([value + sign * step * (place == at) for place, value in enumerate(logs)])
        for sign in (1.0, -1.0)
    )
    return [(one - other) / (2.0 * step) for one, other in zip(above, below, strict=True)]


def refitted(engine: Engine, fit: Fit) -> Engine:
    """The engine with the constants of a fit."""
    steps = _steps(engine.pool.deployment, fit.constants, ahead=engine.ahead)
    settings = replace(engine.pool.settings, steps=steps)
    return replace(engine, pool=replace(engine.pool, settings=settings))


def _steps(deployment: Deployment, used: Constants, *, ahead: bool) -> StepTimes:
    """Step times. What an engine that plans ahead does between steps, and for each sequence, is
    done while the chip computes."""
    hidden = replace(used, step=0.0, sequence=0.0) if ahead else used
    return step_times(deployment, fitted=hidden)


def _constants(logs: Many[float]) -> Constants:
    return moved(constants(), (*logs, 0.0, 0.0))


def _misses(
    requests: Many[Logged], engine: Engine, logs: Many[float], measured: Many[float]
) -> list[float]:
    """Logarithms of ours over measured, in per cent, then what the factors are moved by."""
    ours = retrace(requests, refitted(engine, Fit({}, _constants(logs)))).times
    misses = [100.0 * (a - b) for a, b in zip(_logs(ours), measured, strict=True)]
    return [*misses, *(value / WIDTH for value in logs)]


def _logs(times: Times) -> list[float]:
    """Logarithms of P50 and P90 of what there is."""
    values = [
        value
        for one in (times.ttft, times.tpot, times.latency)
        for value in (one.p50, one.p90)
        if value is not None
    ]
    return [log(max(value, 1e-6)) for value in values]


def _square(misses: Many[float]) -> float:
    return sum(value * value for value in misses)


def _until(replica: Replica, now: int | None, tell: Callable[[int], None]) -> None:
    """Tell what happens up to and at `now` (None: to the end)."""
    at = replica.next_at()
    while at is not None and (now is None or at <= now):
        tell(at)
        at = replica.next_at()


def _times(requests: Many[Logged], at: tuple[list[int], list[int], list[int]]) -> Times:
    ttfts: list[float] = []
    tpots: list[float] = []
    latencies: list[float] = []
    for one, taken, first, last in zip(requests, *at, strict=True):
        ttfts.append((first - taken) / SECOND)
        latencies.append((last - taken) / SECOND)
        if one.output > 1:
            tpots.append((last - first) / SECOND / (one.output - 1))
    return Times(percentiles(ttfts), percentiles(tpots), percentiles(latencies))


def _offered(requests: Many[Logged], engine: Engine) -> float | None:
    span = requests[-1].at
    if span <= 0.0:
        return None
    prompt = fmean(one.input for one in requests)
    output = fmean(one.output for one in requests)
    return (len(requests) - 1) / span / capacity(engine.pool, prompt, output)
