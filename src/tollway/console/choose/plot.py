"""The frontier as a picture: quality over felt wait, or over cost where nobody waits.

Rules
1. The horizontal axis is logarithmic: waits and costs differ by factors.
2. A verdict is told by the mark's shape, never by colour alone; an interval is a line through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from tollway.feel.frontier import Axis, Figure, Placed
from tollway.feel.reasons import money

WIDTH, HEIGHT = 1080, 340
LETTER, LINE = 7.4, 15.0
"""Pixels of a letter of a name on average, and of its height."""
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 22, 40


@dataclass(frozen=True, slots=True)
class Mark:
    """A candidate in the picture; lengths are pixels. `anchor` is where its label goes: the name,
    and the cost where that has no axis."""

    name: str
    label: str
    verdict: str
    x: float
    y: float
    low_x: float
    high_x: float
    low_y: float
    high_y: float
    anchor: str
    text_x: float
    text_y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid and its words."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything to draw; `across` is the horizontal axis."""

    across: Axis
    marks: tuple[Mark, ...]
    columns: tuple[Tick, ...]
    rows: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT


def picture(placed: Sequence[Placed], axes: Sequence[Axis]) -> Picture:
    """The picture of these verdicts."""
    across: Axis = "wait" if "wait" in axes else "cost"
    level = _Span([_log(it) for one in placed for it in _ends(one.candidate.figure(across))])
    height = _Span([it for one in placed for it in _ends(one.candidate.quality)])

    def x(value: float) -> float:
        return round(LEFT + level.share(_log(value)) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - height.share(value) * (HEIGHT - TOP - BOTTOM), 1)

    marks: list[Mark] = []
    names = _Names([(x(_across(one, across)), y(one.candidate.quality.value)) for one in placed])
    for one in placed:
        wide, tall = one.candidate.figure(across), one.candidate.quality
        at, up = x(wide.value), y(tall.value)
        ends = (x(wide.low), x(wide.high), y(tall.low), y(tall.high))
        name = one.candidate.name
        label = f"{name} {money(one.candidate.cost.value)}" if across == "wait" else name
        marks.append(Mark(name, label, one.verdict, at, up, *ends, *names.place(at, up, label)))
    columns = tuple(Tick(x(value), _words(across, value)) for value in _powers(level))
    rows = tuple(Tick(y(value), f"{value:.6g}") for value in height.steps())
    return Picture(across, tuple(marks), columns, rows)


class _Names:
    """Finds each name a place beside its mark where it covers no other name and no other mark."""

    def __init__(self, marks: Sequence[tuple[float, float]]) -> None:
        self._taken = [(x - 7.0, y - 7.0, x + 7.0, y + 7.0) for x, y in marks]

    def place(self, x: float, y: float, label: str) -> tuple[str, float, float]:
        """Anchor, x and y of the text; the first place that is free, else the first one."""
        wide = len(label) * LETTER
        places = [
            (anchor, x + (11 if anchor == "start" else -11), y + down)
            for down in (-8.0, 18.0, -26.0, 36.0, -44.0, 54.0)
            for anchor in ("start", "end")
        ]
        boxes = [
            (left if anchor == "start" else left - wide, top - LINE + 3.0, wide)
            for anchor, left, top in places
        ]
        free = (at for at, box in enumerate(boxes) if self._is_free(*box))
        found = next(free, 0)
        left, top, _ = boxes[found]
        self._taken.append((left, top, left + wide, top + LINE))
        return places[found]

    def _is_free(self, left: float, top: float, wide: float) -> bool:
        if left < LEFT or left + wide > WIDTH or top < TOP or top + LINE > HEIGHT - BOTTOM:
            return False
        return not any(
            left < right and left + wide > begin and top < low and top + LINE > high
            for begin, high, right, low in self._taken
        )


def _across(one: Placed, axis: Axis) -> float:
    return float(one.candidate.figure(axis).value)


def _ends(figure: Figure) -> tuple[float, float, float]:
    return float(figure.low), float(figure.value), float(figure.high)


def _log(value: float) -> float:
    return log10(max(value, 1e-3))


def _words(axis: Axis, value: float) -> str:
    if axis == "cost":
        return money(value)
    return f"{value:g} s"


class _Span:
    """From the least to the most, with room on both sides."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values), max(values)
        room = max((high - low) * 0.12, abs(high) * 0.02, 0.05)
        self.low, self.high = low - room, high + room

    def share(self, value: float) -> float:
        """Where a value is, 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def steps(self) -> list[float]:
        """Round values, three to seven of them."""
        power = 10.0 ** floor(log10(self.high - self.low))
        step = next(
            power * part for part in (1.0, 0.5, 0.2) if (self.high - self.low) / (power * part) > 3
        )
        first, last = ceil(self.low / step), floor(self.high / step)
        return [at * step for at in range(first, last + 1)]


def _powers(span: _Span) -> list[float]:
    """Round values within a logarithmic span: 1, 2 and 5 times powers of ten."""
    found: list[float] = []
    for power in range(int(span.low) - 2, int(span.high) + 2):
        found += [
            digit * 10.0**power
            for digit in (1, 2, 5)
            if span.low <= log10(digit * 10.0**power) <= span.high
        ]
    if not found:  # too narrow for a round value
        return [10.0 ** ((span.low + span.high) / 2)]
    return found[:: ceil(len(found) / 8)]
