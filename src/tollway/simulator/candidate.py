"""A fleet that could be bought, as one that can be rehearsed.

Rules
1. Requests go to kinds of chips in proportion to the work that their replicas can do, and within a
   kind to the replica with the fewest.
2. Nobody is refused for waiting: that a request waits too long shows in the promise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tollway.catalog import Chip, ModelShape
from tollway.engine import EngineSettings, deploy
from tollway.engine.intervals import origin_of
from tollway.engine.question import Question, Workload
from tollway.fleet.objects import Fleet, KeyTerms, Slo
from tollway.fleet.parse import parse
from tollway.simulator.play import Play
from tollway.simulator.rehearsal import Rehearsed, rehearse_fleet
from tollway.simulator.sequence import settings_of
from tollway.simulator.supply import EnginePool, Pool
from tollway.simulator.trace import Trace

_HEAD = """version = 1
[queue]
interactive = {{ length = 100000000, wait = "1d" }}
[timeouts]
first_content = "1d"
idle = "1d"
total = "1d"
[models."{model}"]
[routes.sized]
model = "{model}"
deadline = "1d"
objectives = [{{ name = "weighted", weights = {{ {weights} }} }}]
[tenants.sized]
"""
_SOURCE = """
[sources."{name}"]
kind = "server"
url = "http://sized.test:{port}/v1"
serves."{model}" = {{}}
"""

ROUTE, KEY = "sized", "sized"


@dataclass(frozen=True, slots=True)
class Engine:
    """One kind of engine: the pool that one replica of it would be, and how near its pace is to
    what was measured."""

    name: str
    pool: EnginePool
    origin: str


def engine_of(
    name: str, model: ModelShape, chip: Chip, tp: int, settings: EngineSettings, hashed: int
) -> Engine:
    """An engine of a model on a chip.

    Raises:
        TollwayError: it cannot be, with the arithmetic.
    """
    made = deploy(model, chip, tp, settings)
    pool = EnginePool(name, model.name, made, settings_of(made, hashed=hashed), 1, None, None)
    origin = origin_of(Question(model, chip, Workload(1, 1), made.layout, settings))
    return Engine(name, pool, origin)


def played(
    engines: Mapping[str, Engine],
    counts: Mapping[str, int],
    weights: Mapping[str, float],
    trace: Trace,
    by: tuple[Slo, int],
    going: Callable[[int], bool] | None = None,
) -> Rehearsed:
    """The trace through so many replicas of each engine; `weights` is what one replica can do, `by`
    the promise and the seed."""
    slo, seed = by
    pools: list[Pool] = [
        replace(engines[name].pool, replicas=count) for name, count in counts.items()
    ]
    fleet = _fleet(engines[next(iter(counts))].pool.model, counts, weights)
    play = Play(ROUTE, KEY, (KeyTerms(KEY, "sized"),), 0.0, seed)
    return rehearse_fleet(fleet, trace, play, slo, going, pools)


def _fleet(model: str, counts: Mapping[str, int], weights: Mapping[str, float]) -> Fleet:
    shares = ", ".join(f'"{name}" = {weights[name] * count!r}' for name, count in counts.items())
    text = _HEAD.format(model=model, weights=shares) + "".join(
        _SOURCE.format(name=name, port=8000 + at, model=model) for at, name in enumerate(counts)
    )
    return parse({"sized": text}, "sized")
