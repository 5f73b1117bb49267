"""From a fleet to what can be chosen: each model at each source with its quality, wait and cost.

Rules
1. Quality is what the fleet file declares for the use, else for any; a model without is left out,
   and no score is ever made up.
2. Scores of two things cannot be compared: candidates whose scores are `of` another thing than
   the others' are a fault.
3. Money is whole pico-dollars: of the source's own price, else of the catalogue's public price of
   its vendor, else what its chips cost at the price of an hour that was said.
4. Who is left out is named, with the reason and the mend.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tollway.catalog.prices import price_providers, priced_model
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.feel.frontier import Candidate, Figure, Placed, frontier
from tollway.feel.observed import Answered
from tollway.feel.speeds import Ask, Load, Predictions, Speed, ask_of, speed_of
from tollway.feel.uses import Use
from tollway.fleet.objects import Fleet, Model, Serving, Source
from tollway.fleet.prices import cost_of, price_at
from tollway.fleet.quality import Quality
from tollway.fleet.usage import Usage
from tollway.units import UtcSeconds

_PICO_A_TOKEN = 10**6
"""Pico-dollars a token in a dollar a million tokens."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known beside the fleet file: streamed answers by source and model, the prices of a
    chip's hour in USD by chip, the moment whose prices hold, and what was `predicted` of `asks`."""

    utc: UtcSeconds
    answers: Mapping[tuple[str, str], Sequence[Answered]] = field(
        default_factory=dict[tuple[str, str], Sequence[Answered]]
    )
    hour_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    predicted: Predictions = field(default_factory=dict[tuple[str, str], Speed | TollwayError])


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Who cannot be compared, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Detail:
    """What a candidate's wait is made of."""

    speed: Speed


@dataclass(frozen=True, slots=True)
class Choice:
    """The verdicts for a use; `scale` is what the scores are of, `details` is by name."""

    use: Use
    users: int
    scale: str
    placed: tuple[Placed, ...]
    details: Mapping[str, Detail]
    left_out: tuple[LeftOut, ...]


def choose(fleet: Fleet, use: Use, seen: Seen, users: int = 1) -> Choice:
    """Every model at every source, judged for a use with so many users at once.

    Raises:
        FaultsFound: no model has a score, scores are of several things, or nobody can be compared.
    """
    found: list[Candidate] = []
    details: dict[str, Detail] = {}
    left_out: list[LeftOut] = []
    for source in fleet.sources.values():
        for serving in source.serves.values():
            name = f"{source.name}:{serving.model}"
            try:
                candidate, speed = _candidate(fleet, source, serving, (use, users), seen)
            except TollwayError as error:
                left_out.append(LeftOut(name, str(error)))
                continue
            found.append(candidate)
            details[name] = Detail(speed)
    scale = _scale(fleet, use, found, left_out)
    return Choice(use, users, scale, frontier(found, use.axes), details, tuple(left_out))


def asks(fleet: Fleet, use: Use, seen: Seen, users: int) -> list[Ask]:
    """Every prediction that `choose` needs: the engine's answers are made elsewhere."""
    found = (
        _ask(source, serving, (use, users), seen)
        for source in fleet.sources.values()
        for serving in source.serves.values()
        if declared_quality(fleet.models[serving.model], use) is not None
    )
    return [one for one in found if one is not None]


def _ask(source: Source, serving: Serving, what: tuple[Use, int], seen: Seen) -> Ask | None:
    use, users = what
    chips = source.silicon
    hour = None if chips is None else seen.hour_usd.get(chips.chip, seen.hour_usd.get(""))
    answers = seen.answers.get((source.name, serving.model), ())
    return ask_of(source, serving, answers, Load(use.input, use.output, users), hour)


def _predicted(ask: Ask, seen: Seen) -> Speed:
    found = seen.predicted[ask.source, ask.serving.model]
    if isinstance(found, TollwayError):
        raise found
    return found


def _candidate(
    fleet: Fleet, source: Source, serving: Serving, what: tuple[Use, int], seen: Seen
) -> tuple[Candidate, Speed]:
    use, _ = what
    quality = _quality(fleet.models[serving.model], use)
    ask = _ask(source, serving, what, seen)
    answers = seen.answers.get((source.name, serving.model), ())
    speed = speed_of(serving, answers, None if ask is None else _predicted(ask, seen))
    wait = Figure(
        use.wait(speed.ttft.value, speed.tpot.value),
        use.wait(speed.ttft.low, speed.tpot.low),
        use.wait(speed.ttft.high, speed.tpot.high),
        speed.tpot.origin,
    )
    cost = _cost(source, serving, use, speed, seen.utc)
    return Candidate(serving.model, source.name, quality, wait, cost), speed


def declared_quality(model: Model, use: Use) -> Quality | None:
    """The score that holds for a use (rule 1)."""
    return model.quality.get(use.name) or model.quality.get("any")


def _quality(model: Model, use: Use) -> Figure:
    one = declared_quality(model, use)
    if one is None:
        raise TollwayError(
            f"{model.name} has no score for {use.name}. Declare yours: [models.NAME] "
            f'quality.{use.name} = {{ score = 71.2, margin = 1.5, of = "our evaluation" }}.'
        )
    margin = one.margin or 0.0
    words = one.of if one.margin is not None else f"{one.of}, without a margin"
    return Figure(one.score, one.score - margin, one.score + margin, words)


def _scale(fleet: Fleet, use: Use, found: Sequence[Candidate], left_out: Sequence[LeftOut]) -> str:
    """What the scores are of (rule 2)."""
    scales: dict[str, list[str]] = {}
    for name in dict.fromkeys(one.model for one in found):
        one = declared_quality(fleet.models[name], use)
        if one is not None:
            scales.setdefault(one.of, []).append(name)
    if not scales:
        raise FaultsFound([Fault(f"{one.name}:", one.why) for one in left_out])
    if len(scales) > 1:
        most = max(scales, key=lambda of: len(scales[of]))
        raise FaultsFound(
            [
                Fault(
                    f"models.{name}.quality.{use.name}.of",
                    f'is "{of}", and others\' is "{most}": their scores cannot be compared',
                    "Declare scores of one evaluation.",
                )
                for of, names in scales.items()
                for name in names
                if of != most
            ]
        )
    return next(iter(scales))


def _cost(source: Source, serving: Serving, use: Use, speed: Speed, utc: UtcSeconds) -> Figure:
    price = price_at(serving.prices, "standard", utc)
    if price is not None:
        usage = Usage(input=use.input, cached_input=use.cached, output=use.output)
        amount = cost_of(price, usage) * use.turns
        return Figure(amount, amount, amount, f"the source's price since {price.since}")
    public = _public(source, serving, use, utc)
    if public is not None:
        return public
    per = speed.usd_per_mtok
    if per is None:
        chips = "say what an hour of its chip costs (--price), or " if source.silicon else ""
        raise TollwayError(f"no price of it is known: {chips}declare `prices` of this source.")
    value, low, high = (_of_output(one, use) for one in (per.value, per.low, per.high))
    chip = "" if source.silicon is None else source.silicon.chip
    return Figure(value, low, high, f"what an hour of {chip} was said to cost")


def _of_output(usd_per_mtok: float, use: Use) -> int:
    return round(usd_per_mtok * _PICO_A_TOKEN) * use.output * use.turns


def _public(source: Source, serving: Serving, use: Use, utc: UtcSeconds) -> Figure | None:
    """The public price of the source's vendor, where it sells the model by that name."""
    vendor = (source.vendor or "").lower()
    sold = None
    if source.kind == "api" and vendor in price_providers():
        sold = priced_model(vendor, serving.upstream_model)
    price = None if sold is None else sold.at(datetime.fromtimestamp(utc, UTC).date())
    if sold is None or price is None:
        return None
    rates = price.of(use.input)
    fresh = use.input - use.cached
    one = fresh * rates.input + use.cached * rates.cached_input + use.output * rates.output
    amount = one * use.turns
    return Figure(amount, amount, amount, f"{sold.provider}'s public price, read {sold.taken}")
