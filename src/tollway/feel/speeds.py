"""How fast a model is at a source: as observed, else as predicted for its chips, else as declared.

Rules
1. Observed counts from `ENOUGH` streamed answers on: the median of TTFT and of TPOT, each with the
   80% interval of a median (its order statistics).
2. Predicted is what the engine model answers for the source's chips under this load, with its 80%
   interval and how near it is to what was measured.
3. Declared has no interval; that is said, and not taken for certainty.
4. What was observed was asked with prompts of another length; that too is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

from tollway.catalog import chip, model
from tollway.engine import EngineSettings, Layout, PrefillPool, Question, Workload
from tollway.errors import TollwayError
from tollway.feel.frontier import Figure
from tollway.feel.observed import Answered
from tollway.fleet.objects import Serving, Silicon, Source

ENOUGH = 20
_Z80 = 1.2815515655446004
"""The normal distribution's 90th percentile: both ends of an 80% interval."""


@dataclass(frozen=True, slots=True)
class Load:
    """How a source is asked: tokens a request, and users at once."""

    input: int
    output: int
    users: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds to the first token and a token after it. `usd_per_mtok` is what a million output
    tokens cost on the chips, where their price was said."""

    ttft: Figure
    tpot: Figure
    usd_per_mtok: Figure | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A prediction that is needed; `hour_usd` is the price of a chip's hour, where it was said."""

    source: str
    serving: Serving
    silicon: Silicon
    load: Load
    hour_usd: float | None = None


Predictions = Mapping[tuple[str, str], Speed | TollwayError]
"""What is predicted by source and model, or why nothing is."""


def ask_of(
    source: Source,
    serving: Serving,
    answers: Sequence[Answered],
    load: Load,
    hour_usd: float | None = None,
) -> Ask | None:
    """What is to be predicted; nothing where enough was observed, or its chips are not known."""
    if source.silicon is None or (hour_usd is None and len(answers) >= ENOUGH):
        return None
    return Ask(source.name, serving, source.silicon, load, hour_usd)


def speed_of(serving: Serving, answers: Sequence[Answered], predicted: Speed | None) -> Speed:
    """How fast, and how that is known.

    Raises:
        TollwayError: nobody knows; the text says why, and the mend.
    """
    observed = _observed(answers)
    if observed is not None:
        return observed if predicted is None else _with_price(observed, predicted)
    return predicted or _declared(serving, len(answers))


def _observed(answers: Sequence[Answered]) -> Speed | None:
    timed = [(one.ttft, 1.0 / speed) for one in answers if (speed := one.speed) is not None]
    if len(timed) < ENOUGH:
        return None
    origin = f"observed over {len(timed):,} answers"
    ttft, tpot = (sorted(column) for column in zip(*timed, strict=True))
    return Speed(_median(ttft, origin), _median(tpot, origin))


def _median(rising: Sequence[float], origin: str) -> Figure:
    """Rule 1. The ranks of the interval's ends are those of a binomial with p = 1/2."""
    count = len(rising)
    half = _Z80 * sqrt(count) / 2.0
    low = rising[max(0, floor(count / 2.0 - half) - 1)]
    high = rising[min(count - 1, ceil(count / 2.0 + half))]
    middle = (rising[(count - 1) // 2] + rising[count // 2]) / 2.0
    return Figure(middle, low, high, origin)


def question_of(ask: Ask) -> Question:
    """What the engine model is asked of a source: its users are spread over its replicas.

    Raises:
        TollwayError: the catalogue knows no such model or chip.
    """
    serving, silicon, load = ask.serving, ask.silicon, ask.load
    on, pool = chip(silicon.chip), silicon.prefill
    split = 1 if pool is not None else silicon.replicas
    return Question(
        model=model(serving.model),
        chip=on,
        workload=Workload(load.input, load.output, concurrency=max(1, ceil(load.users / split))),
        layout=Layout(tp=silicon.tp),
        settings=EngineSettings(precision=serving.precision, context=serving.context),
        prefill=None
        if pool is None
        else PrefillPool(chip(pool.chip), Layout(tp=pool.tp), pool.replicas),
        decode_replicas=1 if pool is None else silicon.replicas,
        chip_hour_usd=ask.hour_usd,
    )


def _with_price(observed: Speed, predicted: Speed) -> Speed:
    return Speed(observed.ttft, observed.tpot, predicted.usd_per_mtok)


def _declared(serving: Serving, seen: int) -> Speed:
    ttft, speed = serving.expected_ttft, serving.expected_speed
    if ttft is None or speed is None:
        raise TollwayError(
            f"nobody knows how fast it is: {seen} streamed answers in the ledger are fewer than "
            f"{ENOUGH}, and expected_ttft and expected_speed are not declared. Send it traffic, or "
            "declare both."
        )
    origin = "declared in the fleet file, without an interval"
    return Speed(Figure(ttft, ttft, ttft, origin), Figure(1 / speed, 1 / speed, 1 / speed, origin))
