"""What `tollway size` tries: engines of a model on chips, and on parts of chips."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from tollway.catalog import Chip, ModelShape
from tollway.cli.predict_answers import price_of
from tollway.cli.predict_question import catalogue_of, chip_of, model_of
from tollway.cli.rehearsing import Going
from tollway.cli.sweep import Crew
from tollway.cli.traffic import Asked, asking_for, traffic_of
from tollway.engine import EngineSettings
from tollway.errors import TollwayError
from tollway.fleet.objects import Slo
from tollway.simulator.bound import Bound
from tollway.simulator.candidate import ROUTE, Engine, engine_of, played
from tollway.simulator.placing import Option, Placement, place
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.scores import Claim, Stale
from tollway.simulator.sizing import Found, Kind, Mix, Tried, search
from tollway.simulator.slices import WHOLE, Part, part_of, parts_of
from tollway.simulator.supply import pace_of, paced
from tollway.simulator.trace import Trace
from tollway.simulator.use import Batch


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for, whatever the model."""

    chips: tuple[str, ...]
    slo: Slo
    share: float
    tps: tuple[int, ...]
    precision: str | None
    prices: tuple[str, ...]
    most: int
    slow: bool
    seed: int
    catalog: Path | None
    stale: Mapping[Claim, Stale]


@dataclass(frozen=True, slots=True)
class Hands:
    """Who plays, and whether to go on."""

    crew: Crew
    on: Going


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mix to be played, as `sweep.Playable`."""

    what: str
    engines: Mapping[str, Engine]
    counts: Mapping[str, int]
    weights: Mapping[str, float]
    trace: Trace
    slo: Slo
    seed: int

    @property
    def requests(self) -> int:
        """Of its trace."""
        return len(self.trace.requests)

    def play(self, going: Callable[[int], bool] | None) -> Rehearsed:
        """The trace through the mix."""
        engines, counts, weights = self.engines, self.counts, self.weights
        return played(engines, counts, weights, self.trace, (self.slo, self.seed), going)


@dataclass(frozen=True, slots=True)
class Sized:
    """One model sized. `priced` says whether dollars were minimised, or chips; `refused` is what
    cannot be, and `origins` how near each kind's pace is to what was measured."""

    model: str
    requests: int
    found: Found
    priced: bool
    refused: tuple[str, ...]
    origins: Mapping[str, str]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Placed:
    """Several models placed. `weights` is dollars an hour (or 1) of one chip of each kind."""

    best: Placement | None
    others: tuple[Placement, ...]
    weights: Mapping[str, float]
    priced: bool
    notes: tuple[str, ...]


def traffic_by_model(
    asked: Asked, model: str | None, trace: str | None, pairs: tuple[str, ...]
) -> dict[str, Trace]:
    """Model -> its workload.

    Raises:
        TollwayError: neither one model with a trace nor several of them are named.
    """
    if (model is None) is not (trace is None) or (model is None) is not bool(pairs):
        raise TollwayError(
            "Say --model MODEL and --trace TRACE, or --place MODEL=TRACE for each of several."
        )
    if model is not None and trace is not None:
        return {model: _load(asked, trace)}
    loads: dict[str, Trace] = {}
    for pair in pairs:
        name, _, named = pair.partition("=")
        if not named or name in loads:
            raise TollwayError(f'--place is "{pair}". Write MODEL=TRACE, each model once.')
        loads[name] = _load(asked, named)
    return loads


def _load(asked: Asked, trace: str) -> Trace:
    whole = asking_for(traffic_of(replace(asked, trace=trace)), ROUTE)
    # Whose key it was does not matter here.
    import msgspec

    requests = tuple(msgspec.structs.replace(one, key=None) for one in whole.requests)
    return replace(whole, requests=requests, keys=())


def sized(wanted: Wanted, name: str, trace: Trace, hands: Hands) -> Sized:
    """The cheapest mix for one model.

    Raises:
        TollwayError: none of the chips can serve it, with every reason.
    """
    known = catalogue_of(wanted.catalog)
    model = model_of(known, name)
    chips = [chip_of(known, chip) for chip in wanted.chips]
    engines, refused = _engines(wanted, model, chips, trace)
    prices = {chip.name: price_of(chip, wanted.prices)[0] for chip in chips}
    priced = all(price is not None for price in prices.values())
    kinds = [_kind(one, trace, wanted.slo, prices if priced else {}) for one in engines.values()]
    found = _searched(wanted, engines, kinds, trace, hands)
    origins = {one.name: one.origin for one in engines.values()}
    return Sized(model.name, len(trace.requests), found, priced, refused, origins, wanted)


def _engines(
    wanted: Wanted, model: ModelShape, chips: Sequence[Chip], trace: Trace
) -> tuple[dict[str, Engine], tuple[str, ...]]:
    engines: dict[str, Engine] = {}
    refused: list[str] = []
    for chip in chips:
        reasons: dict[str, None] = {}
        fitting = 0
        for tp in wanted.tps:
            try:
                made = _engine(wanted, model, chip, tp, trace)
            except TollwayError as error:
                reasons[str(error)] = None
                continue
            engines[made.name] = made
            fitting += 1
        if not fitting:
            refused += [f"{chip.name}: {reason}" for reason in reasons]
    if not engines:
        raise TollwayError("\n".join(refused))
    return engines, tuple(refused)


def _engine(wanted: Wanted, model: ModelShape, chip: Chip, tp: int, trace: Trace) -> Engine:
    settings = EngineSettings(precision=wanted.precision)
    name = f"{chip.name}-tp{tp}" if tp > 1 else chip.name
    made = engine_of(name, model, chip, tp, settings, trace.prefix_tokens)
    longest = max(one.input + one.output for one in trace.requests)
    if longest > made.pool.settings.context:
        raise TollwayError(
            f"the longest request has {longest} tokens; {name} holds "
            f"{made.pool.settings.context}. Use more chips a replica."
        )
    stale = wanted.stale.get(made.pool.claim)
    if stale is not None:
        pool = replace(made.pool, seen=stale.seen)
        made = replace(made, pool=pool, origin=pace_of(pool, near=False).origin)
    return replace(made, pool=paced(made.pool, "slow")) if wanted.slow else made


def _kind(engine: Engine, trace: Trace, slo: Slo, prices: Mapping[str, float | None]) -> Kind:
    prompt = fmean(one.input for one in trace.requests)
    output = fmean(max(1, one.output) for one in trace.requests)
    batch = Batch(engine.pool, prompt, output)
    seats = batch.most if slo.speed is None else batch.within(slo.speed)
    each = prices.get(engine.pool.deployment.chip.name)
    return Kind(
        engine.name,
        engine.pool.chips,
        batch.rate(seats),
        None if each is None else each * engine.pool.chips,
    )


def _searched(
    wanted: Wanted,
    engines: Mapping[str, Engine],
    kinds: Sequence[Kind],
    trace: Trace,
    hands: Hands,
) -> Found:
    """The search, with what work says and what is played."""
    settings = {name: engine.pool.settings for name, engine in engines.items()}
    limits = Bound(settings, trace, wanted.slo, wanted.share)
    weights = {kind.name: kind.capacity for kind in kinds}

    def check(mixes: Sequence[Mix]) -> list[Tried | None]:
        jobs = [_job(mix, engines, weights, trace, wanted) for mix in mixes]
        answers = hands.crew.play(jobs, len(jobs), hands.on)
        return [
            None if answer is None else Tried(mix, _kept(answer), answer)
            for mix, answer in zip(mixes, answers, strict=True)
        ]

    most = wanted.share, wanted.most
    return search(kinds, limits, most, check, hands.crew.hands)


def _job(
    mix: Mix,
    engines: Mapping[str, Engine],
    weights: Mapping[str, float],
    trace: Trace,
    wanted: Wanted,
) -> Candidate:
    counts = {kind.name: count for kind, count in mix}
    return Candidate(
        " + ".join(f"{count} x {name}" for name, count in counts.items()),
        {name: engines[name] for name in counts},
        counts,
        {name: weights[name] for name in counts},
        trace,
        wanted.slo,
        wanted.seed,
    )


def _kept(answer: Rehearsed) -> float:
    return 0.0 if answer.promise is None else answer.promise.share


# --- several models on shared chips -----------------------------------------------------------


def placed(wanted: Wanted, loads: Mapping[str, Trace], hands: Hands) -> Placed:
    """Several models on parts of one kind of chip."""
    known = catalogue_of(wanted.catalog)
    found: list[Placement] = []
    notes: list[str] = []
    weights: dict[str, float] = {}
    chips = [chip_of(known, name) for name in wanted.chips]
    prices = {chip.name: price_of(chip, wanted.prices)[0] for chip in chips}
    priced = all(price is not None for price in prices.values())
    for chip in chips:
        price = prices[chip.name]
        weights[chip.name] = price if priced and price is not None else 1.0
        options = {
            name: _options(wanted, model_of(known, name), chip, trace, hands)
            for name, trace in loads.items()
        }
        notes += [
            f"{chip.name}: no part of it that was tried keeps the promise for {name}"
            for name, some in options.items()
            if not some
        ]
        placement = place(chip.name, options) if all(options.values()) else None
        if placement is not None:
            found.append(placement)
    found.sort(key=lambda one: weights[one.chip] * len(one.chips))
    best = found[0] if found else None
    return Placed(best, tuple(found[1:]), weights, priced, tuple(notes))


def _options(
    wanted: Wanted, model: ModelShape, chip: Chip, trace: Trace, hands: Hands
) -> list[Option]:
    """For each part of a chip the fewest engines on it that keep the promise."""
    found: list[Option] = []
    for part in parts_of(chip):
        tried = _fewest(wanted, model, (chip, part), trace, hands)
        if tried is not None:
            found.append(Option(model.name, part, tried.mix[0][1], tried.share))
    return found


def _fewest(
    wanted: Wanted, model: ModelShape, of: tuple[Chip, Part], trace: Trace, hands: Hands
) -> Tried | None:
    chip, part = of
    try:
        engine = _engine(wanted, model, part_of(chip, part), 1, trace)
    except TollwayError:
        return None
    name = chip.name if part is WHOLE else f"{chip.name}-{part.name}"
    engine = replace(engine, name=name, pool=replace(engine.pool, source=name))
    kind = _kind(engine, trace, wanted.slo, {})
    return _searched(wanted, {name: engine}, [kind], trace, hands).best
