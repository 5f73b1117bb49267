"""Rates and standings for `tollway top`, worked out of what the gateway says once a second.

Rules
1. A rate is the difference of two answers over the time between them by the gateway's own clock. It
   is not known after the first answer, nor after a restart.
2. A source with several models shows the pair that is worst off; all of them are listed for who
   asks for them.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KEPT: Final = 60
"""Seconds of rates that are kept."""

_HOUR: Final = 3600.0
_PICO: Final = 1e12
_WORST: Final = ("open", "half_open", "closed")

News = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """A model at a source. Times are seconds."""

    model: str
    breaker: str
    opened: str | None
    opened_at: float | None
    ttft_p50: float | None
    ttft_p90: float | None
    drift: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A source. Rates are None where they are not known yet; `spending` is USD an hour; `speeds`
    are tokens a second of the last seconds, oldest first."""

    name: str
    speed: float | None
    spending: float | None
    outstanding: int
    slots: int | None
    drained: str | None
    worst: Pair | None
    pairs: tuple[Pair, ...]
    speeds: tuple[float, ...]


@dataclass(slots=True)
class Watching:
    """What was seen lately."""

    _last: News | None = None
    _speeds: dict[str, deque[float]] = field(default_factory=dict[str, "deque[float]"])

    def take(self, news: News) -> list[Row]:
        """One more answer; gives the sources in the fleet's order."""
        before, self._last = self._last, news
        if before is not None and before["started"] != news["started"]:
            before = None
            self._speeds.clear()
        return [self._row(name, one, before) for name, one in news["sources"].items()]

    def _row(self, name: str, one: Mapping[str, Any], before: News | None) -> Row:
        old = None if before is None else before["sources"].get(name)
        seconds = 0.0 if before is None or self._last is None else _between(before, self._last)
        speed = spending = None
        if old is not None and seconds > 0.0:
            # What a source reports at the end may be less than what was counted on the way.
            speed = max(one["tokens"] - old["tokens"], 0) / seconds
            spending = (one["cost"] - old["cost"]) / _PICO / seconds * _HOUR
            self._speeds.setdefault(name, deque(maxlen=KEPT)).append(speed)
        pairs = tuple(_pair(model, it) for model, it in one["models"].items())
        drained = one["drained"]
        return Row(
            name,
            speed,
            spending,
            one["outstanding"],
            one["slots"],
            None if drained is None else drained["why"],
            min(pairs, key=_badness, default=None),
            pairs,
            tuple(self._speeds.get(name, ())),
        )


def _between(before: News, after: News) -> float:
    return float(after["mono"]) - float(before["mono"])


def _pair(model: str, one: Mapping[str, Any]) -> Pair:
    opened = one["opened"]
    return Pair(
        model,
        one["breaker"],
        None if opened is None else opened["why"],
        None if opened is None else opened["at"],
        one["ttft_p50"],
        one["ttft_p90"],
        one["drift"],
    )


def _badness(pair: Pair) -> tuple[int, float, str]:
    """The lowest is the worst off."""
    return _WORST.index(pair.breaker), -(pair.ttft_p90 or 0.0), pair.model
