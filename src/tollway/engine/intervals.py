"""How far off an answer may be: 80% intervals from results that were left out of the fit.

Rules
1. The nearer the question is to what was measured, the narrower: measured, interpolated,
   extrapolated, spec sheet. Near saturation has classes of its own.
2. An interval is the range of what was measured over what was answered, so that it is lopsided
   where errors are.
3. Where chip and model are both new the interval is that of one of them: with both left out of the
   fit at once, it held 84% of TPOT and 85% of TTFT.
4. A model is known by its shape, not by its name: Llama 3.1 and 3.3 are one.
5. What the fitted results never were widens it too (`DOUBTS`): logarithms add up as squares.
6. A disaggregated pair is as far from what was measured as the further of its chips.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, hypot, log
from typing import cast

from tollway.catalog import Chip, ModelShape, engine
from tollway.engine.answer import Origin
from tollway.engine.constants import BATCH_TOKENS, SEQUENCES, SOFTWARE
from tollway.engine.fitted import fitted
from tollway.engine.question import Question

UNMEASURED = {"tpot": (0.7, 3.0), "ttft": (0.6, 4.0)}
"""Where nothing of a vendor or its silicon was in the fit: software alone has cost 1.5 to 6 times
(docs/concepts/engine.md), and little is faster than mature software elsewhere. Multiplied with the
interval of what is extrapolated."""

SHIPPED = {"tpot": (0.65, 1.8), "ttft": (0.55, 2.4)}
"""The same for released chips of a vendor whose slowdown is known from elsewhere
(`constants.SOFTWARE`): submissions to a benchmark are tuned, and serving engines less so."""

DOUBTS = {
    "settings": {"tpot": (1 / 1.2, 1.2), "ttft": (1 / 1.5, 1.5)},
    "release": {"tpot": (1 / 1.4, 1.4), "ttft": (1 / 2.0, 2.0)},
    "at once": {"tpot": (0.8, 2.5), "ttft": (0.7, 3.0)},
    "by rate": {"tpot": (0.8, 1.25), "ttft": (0.6, 2.0)},
}
"""What an answer is multiplied with for doubts that no fold can tell. Settings: seats and token
budgets are guessed where they matter; results of the fit, asked without theirs, are off by little
more in TPOT and by a sixth more in TTFT. Release: the version is said and was never measured; the
same point months apart differs by up to 40%, and queues by more. At once: every request comes at
the same moment, to an engine that may be cold, and lengths have heavy tails. By rate: no result of
the fit arrives by the clock. They are judgements, and hold about 80% of the results that nothing
was fitted on (docs/concepts/engine.md)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What a value is multiplied with for the ends of its 80% interval."""

    low: float
    high: float

    def flipped(self) -> "Interval":
        """The interval of one over the value."""
        return Interval(1.0 / self.high, 1.0 / self.low)


@dataclass(frozen=True, slots=True)
class Spread:
    """The intervals of one answer, and how near it is to what was measured."""

    origin: Origin
    tpot: Interval
    ttft: Interval


def shape_of(model: ModelShape) -> str:
    """What models that run alike have in common, in words (rule 4)."""
    experts, mla, linear = model.experts, model.mla, model.linear
    parts = [
        f"{model.layers}x{model.hidden}",
        f"{model.heads}/{model.kv_heads}x{model.head_dim}",
        f"ffn {model.dense_layers}x{model.ffn}",
    ]
    if experts is not None:
        parts.append(f"experts {experts.layers}x{experts.active}/{experts.count}x{experts.ffn}")
    if mla is not None:
        parts.append(f"latent {mla.kv_rank}")
    if model.window:
        parts.append(f"window {model.window_layers}x{model.window}")
    if model.indexer is not None:
        parts.append(f"best {model.indexer.top}")
    if linear is not None:
        parts.append(f"linear {linear.layers}x{linear.value_heads}x{linear.value_dim}")
    return ", ".join(parts)


def origin_of(question: Question) -> Origin:
    """How near a question is to what was measured."""
    known = _known()
    chips = _chips(question)
    if any(one.vendor not in known["vendors"] or one.status != "released" for one in chips):
        return "spec sheet"
    if _unseen(question):
        return "extrapolated"
    shape, runs = shape_of(question.model), _framework(question)
    together = [f"{one.name} {shape} {runs}" in known["together"] for one in chips]
    return "measured" if all(together) and question.prefill is None else "interpolated"


def doubts_of(question: Question) -> tuple[str, ...]:
    """Which of `DOUBTS` a question raises (rule 5)."""
    load, settings = question.workload, question.settings
    users = load.concurrency or 1
    found: list[str] = []
    many = settings.sequences is None and users > SEQUENCES // 2
    large = settings.batch_tokens is None and users * load.input_tokens > BATCH_TOKENS
    if many or large:
        found.append("settings")
    release = f"{_framework(question)} {settings.version}"
    if settings.version is not None and release not in _known()["releases"]:
        found.append("release")
    if load.rate is not None and load.concurrency is None:
        found.append("by rate")
    elif load.requests is not None and 1 < load.requests <= users:
        found.append("at once")
    return tuple(found)


def widened(interval: Interval, metric: str, doubts: tuple[str, ...]) -> Interval:
    """An interval with the room that doubts ask for."""
    ends = [DOUBTS[doubt][metric] for doubt in doubts]
    low = hypot(log(interval.low), *(log(end) for end, _ in ends))
    high = hypot(log(interval.high), *(log(end) for _, end in ends))
    return Interval(exp(-low), exp(high))


def spread_of(question: Question, saturated: bool, *, calibrated: bool = False) -> Spread:
    """The intervals of an answer."""
    origin: Origin = "measured here" if calibrated else origin_of(question)
    doubts = () if calibrated else doubts_of(question)
    regime = "saturated" if saturated else "free"
    tpot, ttft = (
        widened(_interval(question, f"{metric} {regime}", origin), metric, doubts)
        for metric in ("tpot", "ttft")
    )
    return Spread(origin, tpot, ttft)


def _chips(question: Question) -> tuple[Chip, ...]:
    other = question.prefill
    return (question.chip,) if other is None else (question.chip, other.chip)


def outgrown(spread: Spread, seen: Mapping[str, float]) -> Spread:
    """A spread that was seen not to hold. `seen` is what was observed over what was answered, of
    `tpot` and `ttft`: the interval reaches that far."""
    return Spread(
        "stale",
        _reaching(spread.tpot, seen.get("tpot", 1.0)),
        _reaching(spread.ttft, seen.get("ttft", 1.0)),
    )


def _reaching(one: Interval, ratio: float) -> Interval:
    return Interval(min(one.low, ratio), max(one.high, ratio))


def _framework(question: Question) -> str:
    """The engine that runs, whatever wraps it."""
    name = question.settings.framework
    return engine(name).same_as or name


def _known() -> Mapping[str, list[str]]:
    return cast("Mapping[str, list[str]]", fitted()["known"])


def _unseen(question: Question) -> bool:
    """Whether the chip, the model or the engine was not in the fit."""
    known = _known()
    return (
        any(one.name not in known["chips"] for one in _chips(question))
        or shape_of(question.model) not in known["shapes"]
        or _framework(question) not in known["frameworks"]
    )


def _interval(question: Question, kind: str, origin: Origin) -> Interval:
    table = cast("Mapping[str, Mapping[str, list[float]]]", fitted()["intervals"])
    low, high = table[kind]["extrapolated" if origin == "spec sheet" else origin]
    if origin == "spec sheet":
        strange = [one for one in _chips(question) if one.vendor not in _known()["vendors"]]
        judged = all(one.vendor in SOFTWARE and one.status == "released" for one in strange)
        shipped = bool(strange) and judged
        best, worst = (SHIPPED if shipped else UNMEASURED)[kind.split()[0]]
        low, high = low * best, high * worst
    return Interval(low, high)
