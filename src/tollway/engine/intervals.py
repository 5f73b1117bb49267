"""How far off an answer may be: 80% intervals from results that were left out of the fit.

Rules
1. The nearer the question is to what was measured, the narrower: measured, interpolated,
   extrapolated, spec sheet. Near saturation has classes of its own.
2. An interval is the range of what was measured over what was answered, so that it is lopsided
   where errors are.
3. The folds leave out one thing. Where two or three of chip, model and engine are new, errors are
   taken to be independent: the interval's logarithms grow with the root of how many are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import cast

from tollway.catalog import engine
from tollway.engine.answer import Origin
from tollway.engine.constants import SOFTWARE
from tollway.engine.fitted import fitted
from tollway.engine.question import Question

UNMEASURED = {"tpot": (0.7, 3.0), "ttft": (0.6, 4.0)}
"""Where nothing of a vendor or its silicon was in the fit: software alone has cost 1.5 to 6 times
(docs/concepts/engine.md), and little is faster than mature software elsewhere. Multiplied with the
interval of what is extrapolated."""

SHIPPED = {"tpot": (0.65, 1.8), "ttft": (0.55, 2.4)}
"""The same for released chips of a vendor whose slowdown is known from elsewhere
(`constants.SOFTWARE`): submissions to a benchmark are tuned, and serving engines less so."""


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


def origin_of(question: Question) -> Origin:
    """How near a question is to what was measured."""
    chip = question.chip
    known = _known()
    if chip.vendor not in known["vendors"] or chip.status != "released":
        return "spec sheet"
    if _unseen(question):
        return "extrapolated"
    asked = f"{chip.name} {question.model.name} {_framework(question)}"
    return "measured" if asked in known["together"] else "interpolated"


def spread_of(question: Question, saturated: bool, *, calibrated: bool = False) -> Spread:
    """The intervals of an answer."""
    origin: Origin = "measured here" if calibrated else origin_of(question)
    wider = 1.0 if calibrated else max(1.0, sqrt(_unseen(question)))
    chip = question.chip
    shipped = chip.vendor in SOFTWARE and chip.status == "released"
    regime = "saturated" if saturated else "free"
    tpot, ttft = (
        _interval(f"{metric} {regime}", origin, wider, shipped=shipped)
        for metric in ("tpot", "ttft")
    )
    return Spread(origin, tpot, ttft)


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


def _unseen(question: Question) -> int:
    """How many of chip, model and engine were not in the fit."""
    known = _known()
    return sum(
        (
            question.chip.name not in known["chips"],
            question.model.name not in known["models"],
            _framework(question) not in known["frameworks"],
        )
    )


def _interval(kind: str, origin: Origin, wider: float, *, shipped: bool) -> Interval:
    table = cast("Mapping[str, Mapping[str, list[float]]]", fitted()["intervals"])
    low, high = table[kind]["extrapolated" if origin == "spec sheet" else origin]
    low, high = low**wider, high**wider
    if origin == "spec sheet":
        best, worst = (SHIPPED if shipped else UNMEASURED)[kind.split()[0]]
        low, high = low * best, high * worst
    return Interval(low, high)
