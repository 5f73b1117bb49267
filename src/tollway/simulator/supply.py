"""What serves each model of each source in virtual time: engines on chips, or a declared speed.

Rules
1. A source with chips is engines at the pace that the engine model predicts for them; any other
   answers at the TTFT and token speed that the fleet file declares, however much is asked of it.
2. Every fault of the fleet is named at once: a model that the catalogue does not know, chips that
   cannot hold it, an API of which no speed is declared.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, overload

from tollway.catalog import chip, model
from tollway.engine import Deployment, EngineSettings, deploy
from tollway.engine.constants import BLOCK, LINK_ASSUMED
from tollway.engine.intervals import Interval, spread_of
from tollway.engine.question import Question, Workload
from tollway.engine.weights import kv_bytes
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.objects import Fleet, PrefillChips, Scaling, Serving, Silicon, Source
from tollway.simulator.sequence import ReplicaSettings, settings_of
from tollway.units import Seconds, TokensPerSecond


@dataclass(frozen=True, slots=True)
class Prefill:
    """Engines of `chips` each that only prefill: how many, and seconds to hand on the cache of one
    token."""

    settings: ReplicaSettings
    chips: int
    replicas: int
    transfer: float


@dataclass(frozen=True, slots=True)
class EnginePool:
    """`replicas` engines that serve one model of one source; more with `scaling`. Where others
    prefill for them, all of them are one place."""

    source: str
    model: str
    deployment: Deployment
    settings: ReplicaSettings
    replicas: int
    scaling: Scaling | None
    prefill: Prefill | None

    @property
    def places(self) -> int:
        """Places that there may be."""
        if self.prefill is not None:
            return 1
        return self.replicas if self.scaling is None else self.scaling.most

    @property
    def width(self) -> int:
        """Engines that decode in one place."""
        return 1 if self.prefill is None else self.replicas

    @property
    def chips(self) -> int:
        """Chips of one place."""
        other = 0 if self.prefill is None else self.prefill.chips * self.prefill.replicas
        return self.deployment.layout.chips * self.width + other


@dataclass(frozen=True, slots=True)
class HostedPool:
    """A model of a source whose speed is declared."""

    source: str
    model: str
    ttft: Seconds
    speed: TokensPerSecond


Pool = EnginePool | HostedPool


@dataclass(frozen=True, slots=True)
class Pace:
    """Where a source's speed comes from: "declared", or how near the engine model is to what was
    measured; then what TPOT and TTFT are multiplied with for the ends of their 80% intervals."""

    origin: str
    tpot: Interval | None
    ttft: Interval | None


def supply(fleet: Fleet, hashed: int = BLOCK) -> tuple[Pool, ...]:
    """A pool for each model of each source, in the fleet's order; `hashed` is how many tokens one
    id of a prompt's prefix stands for.

    Raises:
        FaultsFound: by rule 2.
    """
    pools: list[Pool] = []
    faults: list[Fault] = []
    for source, serving in _served(fleet):
        try:
            pools.append(_pool(source, serving, hashed))
        except TollwayError as error:
            faults.append(Fault(f'sources.{source.name}.serves."{serving.model}":', str(error)))
    if faults:
        raise FaultsFound(faults)
    return tuple(pools)


def _served(fleet: Fleet) -> Iterator[tuple[Source, Serving]]:
    for source in fleet.sources.values():
        for serving in source.serves.values():
            yield source, serving


def _pool(source: Source, serving: Serving, hashed: int) -> Pool:
    if source.silicon is not None:
        return _engines(source.name, source.silicon, serving, hashed)
    ttft, speed = serving.expected_ttft, serving.expected_speed
    if ttft is None or speed is None:
        missing = [
            name
            for name, value in (("expected_ttft", ttft), ("expected_speed", speed))
            if value is None
        ]
        raise TollwayError(
            f"a rehearsal cannot know how fast it answers. Declare {' and '.join(missing)}"
            f"{', or its chip' * (source.kind == 'server')}."
        )
    return HostedPool(source.name, serving.model, ttft, speed)


def _engines(source: str, silicon: Silicon, serving: Serving, hashed: int) -> EnginePool:
    wanted = EngineSettings(precision=serving.precision, context=serving.context)
    made = deploy(model(serving.model), chip(silicon.chip), silicon.tp, wanted)
    prefill = None
    if silicon.prefill is not None:
        prefill = _prefill(made, silicon.prefill, wanted, hashed)
    settings = settings_of(made, hashed=hashed)
    return EnginePool(
        source, serving.model, made, settings, silicon.replicas, silicon.scaling, prefill
    )


def _prefill(
    decode: Deployment, chips: PrefillChips, wanted: EngineSettings, hashed: int
) -> Prefill:
    made = deploy(decode.model, chip(chips.chip), chips.tp, wanted)
    # The cache lies over the chips of a replica, and each sends its part over its own link.
    said = [one.chip.scale_out for one in (made, decode)]
    slower = min((link for link in said if link), default=LINK_ASSUMED)
    token = kv_bytes(decode.model, 1, decode.kv_precision) * decode.model.attention_layers
    link = slower * min(made.layout.chips, decode.layout.chips)
    return Prefill(
        settings_of(made, hashed=hashed), made.layout.chips, chips.replicas, token / link
    )


def pace_of(pool: Pool, *, near: bool) -> Pace:
    """Where this pool's speed comes from, and how sure of it the engine model is."""
    if isinstance(pool, HostedPool):
        return Pace("declared", None, None)
    made = pool.deployment
    question = Question(
        made.model,
        made.chip,
        Workload(1, 1),
        made.layout,
        EngineSettings(precision=made.precision, framework=made.framework),
    )
    spread = spread_of(question, near)
    return Pace(spread.origin, spread.tpot, spread.ttft)


@overload
def paced(pool: EnginePool, end: Literal["slow", "fast"]) -> EnginePool: ...


@overload
def paced(pool: Pool, end: Literal["slow", "fast"]) -> Pool: ...


def paced(pool: Pool, end: Literal["slow", "fast"]) -> Pool:
    """The pool at one end of the 80% interval of its TPOT: every step takes that much longer, or
    shorter. A declared speed has no interval."""
    tpot = pace_of(pool, near=False).tpot
    if tpot is None or isinstance(pool, HostedPool):
        return pool
    factor = tpot.high if end == "slow" else tpot.low
    made = replace(pool.deployment, software=pool.deployment.software * factor)
    return replace(pool, settings=settings_of(made, hashed=pool.settings.hashed))
