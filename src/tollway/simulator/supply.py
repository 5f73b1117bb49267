"""What serves each model of each source in virtual time: engines on chips, or a declared speed.

Rules
1. A source with chips is engines at the pace that the engine model predicts for them; any other
   answers at the TTFT and token speed that the fleet file declares, however much is asked of it.
2. Constants of one's own, fitted for its model, chip and engine, come before the shared ones; a
   pace that one's own sources were seen to be outside of is stale, and its interval wider.
3. Every fault of the fleet is named at once: a model that the catalogue does not know, chips that
   cannot hold it, an API of which no speed is declared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, overload

from tollway.catalog import chip, model
from tollway.engine import Deployment, EngineSettings, deploy
from tollway.engine.constants import BLOCK, LINK_ASSUMED
from tollway.engine.fitted import Constants
from tollway.engine.intervals import Interval, Spread, outgrown, spread_of
from tollway.engine.question import Question, Workload
from tollway.engine.weights import kv_bytes
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.objects import Fleet, PrefillChips, Scaling, Serving, Silicon, Source
from tollway.simulator.scores import Claim, Learned, digest_of
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
    prefill for them, all of them are one place. `fitted` are constants of one's own; `seen` is
    where such engines were outside their interval (rule 2)."""

    source: str
    model: str
    deployment: Deployment
    settings: ReplicaSettings
    replicas: int
    scaling: Scaling | None
    prefill: Prefill | None
    fitted: Constants | None = None
    seen: Mapping[str, float] | None = None

    @property
    def claim(self) -> Claim:
        """What is claimed to be known of its pace."""
        made = self.deployment
        return Claim(made.model.name, made.chip.name, made.framework, digest_of(self.fitted))

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


def supply(fleet: Fleet, hashed: int = BLOCK, learned: Learned | None = None) -> tuple[Pool, ...]:
    """A pool for each model of each source, in the fleet's order; `hashed` is how many tokens one
    id of a prompt's prefix stands for.

    Raises:
        FaultsFound: by rule 3.
    """
    pools: list[Pool] = []
    faults: list[Fault] = []
    for source, serving in _served(fleet):
        try:
            pools.append(pool_of(source, serving, hashed, learned))
        except TollwayError as error:
            faults.append(Fault(f'sources.{source.name}.serves."{serving.model}":', str(error)))
    if faults:
        raise FaultsFound(faults)
    return tuple(pools)


def _served(fleet: Fleet) -> Iterator[tuple[Source, Serving]]:
    for source in fleet.sources.values():
        for serving in source.serves.values():
            yield source, serving


def pool_of(
    source: Source, serving: Serving, hashed: int = BLOCK, learned: Learned | None = None
) -> Pool:
    """The pool of one model of one source.

    Raises:
        TollwayError: it cannot be.
    """
    if source.silicon is not None:
        pool = _engines(source.name, source.silicon, serving, hashed)
        return pool if learned is None else taught(pool, learned)
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


def taught(pool: EnginePool, learned: Learned) -> EnginePool:
    """The pool as one's own sources have shown it to be (rule 2)."""
    made, hashed = pool.deployment, pool.settings.hashed
    fitted = learned.own.get((made.model.name, made.chip.name, made.framework))
    if fitted is not None:
        settings = settings_of(made, hashed=hashed, fitted=fitted)
        pool = replace(pool, fitted=fitted, settings=settings)
    return replace(pool, seen=learned.seen.get(pool.claim))


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
    spread = spread_at(pool, near=near)
    return Pace(spread.origin, spread.tpot, spread.ttft)


def spread_at(pool: EnginePool, *, near: bool) -> Spread:
    """How sure the engine model is of the pace of these engines."""
    made = pool.deployment
    question = Question(
        made.model,
        made.chip,
        Workload(1, 1),
        made.layout,
        EngineSettings(precision=made.precision, framework=made.framework),
    )
    spread = spread_of(question, near, calibrated=pool.fitted is not None)
    return spread if pool.seen is None else outgrown(spread, pool.seen)


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
    settings = settings_of(made, hashed=pool.settings.hashed, fitted=pool.fitted)
    return replace(pool, settings=settings)
