"""What comes before a first token outside of an engine's steps: HTTP, tokenizing, streaming.

Rules
1. It is the engine model's own estimate, for as many users as a replica had at a time on average,
   at the pace that they had on average.
2. It is added to the times that are told, of the first token and of the end alike, and delays
   nobody else: no step, no slot, and nothing that dispatch decides.
3. An emulated engine has none, for it is not there; a declared TTFT has it in it.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

from msgspec.structs import replace

from tollway.engine.fitted import constants
from tollway.engine.outcome import front
from tollway.fleet.objects import Fleet
from tollway.simulator.play import Ended
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import EnginePool, Pool
from tollway.simulator.use import Use

Served = tuple[str | None, str | None]
"""A source and a model of it."""


def fronted(
    fleet: Fleet, pools: Sequence[Pool], uses: Sequence[Use], ended: Sequence[Ended]
) -> list[Ended]:
    """What became of requests, with the time before the first token in it (rule 2)."""
    lines = _lines(fleet, pools, uses, ended)
    found: list[Ended] = []
    for one in ended:
        line = lines.get((one.source, one.model))
        if line is None or one.first is None or one.outcome != "completed":
            found.append(one)
            continue
        late = round((line[0] + line[1] * one.input) * SECOND)
        found.append(replace(one, first=one.first + late, ended=one.ended + late))
    return found


def _lines(
    fleet: Fleet, pools: Sequence[Pool], uses: Sequence[Use], ended: Sequence[Ended]
) -> dict[Served, tuple[float, float]]:
    """Seconds for each request of a pool, and for each token of its prompt."""
    paces = _paces(ended)
    loads: Mapping[Served, float] = {
        (use.source, use.model): use.in_flight / max(use.replicas, 1.0) for use in uses
    }
    lines: dict[Served, tuple[float, float]] = {}
    for pool in pools:
        served = pool.source, pool.model
        if not isinstance(pool, EnginePool) or fleet.sources[pool.source].kind == "emulated":
            continue
        if served in paces:
            used, model = pool.fitted or constants(), pool.deployment.model
            once = front(used, model, 0.0, loads[served], paces[served])
            lines[served] = once, used.front_token
    return lines


def _paces(ended: Sequence[Ended]) -> dict[Served, float]:
    """The mean TPOT of each pool, in seconds."""
    tpots: dict[Served, list[float]] = {}
    for one in ended:
        if one.first is not None and one.outcome == "completed":
            tpot = (one.ended - one.first) / max(1, one.output - 1) / SECOND
            tpots.setdefault((one.source, one.model), []).append(tpot)
    return {served: fmean(some) for served, some in tpots.items()}
