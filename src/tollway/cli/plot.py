"""A plot as marks on a sheet: axes with logarithmic ticks, bands, lines, points, and a legend.

Rules
1. Marks say what they are (ink, a series, text), never a colour: writers choose colours that can be
   read on their ground.
2. Series differ in their point's shape as well as in colour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH, HEIGHT = 860, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 212, 56, 56
SHAPES = 4


@dataclass(frozen=True, slots=True)
class Point:
    """A value on both axes with the ends of its interval, and a word beside it."""

    x: float
    y: float
    low: tuple[float, float]
    high: tuple[float, float]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Points in their order; none where there is nothing to show, and `name` says why."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """What to draw. Both axes are logarithmic, and every value is above zero."""

    title: str
    x: str
    y: str
    note: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Through `points`. `series` None: ink; `faint`: a grid line."""

    points: tuple[tuple[float, float], ...]
    series: int | None = None
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """A pale area of a series."""

    points: tuple[tuple[float, float], ...]
    series: int


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a series, whose number says its shape: disc, square, triangle, diamond, disc…"""

    x: float
    y: float
    series: int


@dataclass(frozen=True, slots=True)
class Text:
    """Words at a place; `anchor` is start, middle or end. `upright` reads from below to above."""

    x: float
    y: float
    words: str
    anchor: str = "start"
    size: int = 13
    upright: bool = False


Mark = Line | Band | Dot | Text


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic scale: `low` to `high` lies between two places on the sheet."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies."""
        share = (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """1, 2 and 5 times powers of ten; fewer where they would crowd."""
        powers = range(floor(log10(self.low)), floor(log10(self.high)) + 1)
        steps = (1, 2, 5) if log10(self.high / self.low) <= 3.5 else (1,)
        every = [step * 10.0**power for power in powers for step in steps]
        return [value for value in every if self.low <= value <= self.high]


def marks(plot: Plot) -> Iterator[Mark]:
    """What lies on a sheet of WIDTH x HEIGHT, from below to above."""
    points = [point for series in plot.series for point in series.points]
    x = _axis([end[0] for one in points for end in (one.low, one.high)], _LEFT, WIDTH - _RIGHT)
    y = _axis([end[1] for one in points for end in (one.low, one.high)], HEIGHT - _BOTTOM, _TOP)
    yield from _frame(plot, x, y)
    for number, series in enumerate(plot.series):
        yield from _band(series, number, x, y)
    for number, series in enumerate(plot.series):
        yield from _curve(series, number, x, y)
    yield from _legend(plot.series)


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    return _Axis(min(values) / 1.15, max(values) * 1.15, start, end)


def _frame(plot: Plot, x: _Axis, y: _Axis) -> Iterator[Mark]:
    for value in x.ticks():
        yield Line(((x.at(value), y.start), (x.at(value), y.end)), faint=True)
        yield Text(x.at(value), y.start + 18, f"{value:,g}", "middle", 12)
    for value in y.ticks():
        yield Line(((x.start, y.at(value)), (x.end, y.at(value))), faint=True)
        yield Text(x.start - 8, y.at(value) + 4, f"{value:,g}", "end", 12)
    yield Line(((x.start, y.end), (x.start, y.start), (x.end, y.start)))
    yield Text((x.start + x.end) / 2, HEIGHT - 14, plot.x, "middle")
    yield Text(20, (y.start + y.end) / 2, plot.y, "middle", upright=True)
    yield Text(_LEFT, 22, plot.title, size=15)
    yield Text(_LEFT, 42, plot.note, size=12)


def _band(series: Series, number: int, x: _Axis, y: _Axis) -> Iterator[Mark]:
    """The area between low and high ends; of a single point, its two ranges as a cross."""
    lows = [(x.at(point.low[0]), y.at(point.low[1])) for point in series.points]
    highs = [(x.at(point.high[0]), y.at(point.high[1])) for point in series.points]
    if len(lows) > 1:
        yield Band((*lows, *reversed(highs)), number)
    elif lows:
        point = series.points[0]
        yield Line(((lows[0][0], y.at(point.y)), (highs[0][0], y.at(point.y))), number)
        yield Line(((x.at(point.x), lows[0][1]), (x.at(point.x), highs[0][1])), number)


def _curve(series: Series, number: int, x: _Axis, y: _Axis) -> Iterator[Mark]:
    places = [(x.at(point.x), y.at(point.y)) for point in series.points]
    if len(places) > 1:
        yield Line(tuple(places), number)
    for (across, down), point in zip(places, series.points, strict=True):
        yield Dot(across, down, number)
        if point.label:
            yield Text(across + 8, down - 7, point.label, size=11)


def _legend(series: Sequence[Series]) -> Iterator[Mark]:
    for number, one in enumerate(series):
        down = _TOP + 8 + 22 * number
        if one.points:
            yield Dot(WIDTH - _RIGHT + 18, down - 4, number)
        yield Text(WIDTH - _RIGHT + 30, down, one.name, size=12)
