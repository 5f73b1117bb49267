"""The frontier as a picture: quality over felt wait, or over cost where nobody waits.

Rules
1. The horizontal axis is logarithmic: waits and costs differ by factors.
2. A verdict is told by the mark's shape, never by colour alone; an interval is a line through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from tollway.feel.frontier import Axis, Figure, Placed
from tollway.feel.reasons import money

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 22, 40


@dataclass(frozen=True, slots=True)
class Mark:
    """A candidate in the picture; lengths are pixels. `anchor` is where its name goes."""

    name: str
    verdict: str
    x: float
    y: float
    low_x: float
    high_x: float
    low_y: float
    high_y: float
    anchor: str
    text_x: float


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
    for one in placed:
        wide, tall = one.candidate.figure(across), one.candidate.quality
        at = x(wide.value)
        right = at < WIDTH * 0.62
        marks.append(
            Mark(
                one.candidate.name,
                one.verdict,
                at,
                y(tall.value),
                x(wide.low),
                x(wide.high),
                y(tall.low),
                y(tall.high),
                "start" if right else "end",
                at + (11 if right else -11),
            )
        )
    columns = tuple(Tick(x(value), _words(across, value)) for value in _powers(level))
    rows = tuple(Tick(y(value), f"{value:.3g}") for value in height.thirds())
    return Picture(across, tuple(marks), columns, rows)


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

    def thirds(self) -> list[float]:
        """Four values, evenly."""
        return [self.low + (self.high - self.low) * share for share in (0.08, 0.36, 0.64, 0.92)]


def _powers(span: _Span) -> list[float]:
    """Round values within a logarithmic span: 1, 2 and 5 times powers of ten."""
    found: list[float] = []
    for power in range(int(span.low) - 2, int(span.high) + 2):
        found += [
            digit * 10.0**power
            for digit in (1, 2, 5)
            if span.low <= log10(digit * 10.0**power) <= span.high
        ]
    return found if len(found) <= 8 else found[::3]
