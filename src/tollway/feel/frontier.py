"""Which candidates are worth choosing: the frontier over quality, wait and cost, with reasons.

Rules
1. By values: A is before B where it is not worse on any axis and better on at least one. Who has
   nobody before it is on the frontier.
2. B is dominated where some A is before it whatever the intervals hold: on each axis A's worst is
   as good as B's best. Where intervals overlap on an axis, the two cannot be told apart there, and
   B is called so, never dominated.
3. One model has one quality, whoever serves it: between its sources quality decides nothing.
4. Of several that are before B the reason names one: one that surely is before one that is by
   values, then the better quality, the shorter wait, the lower cost, and the name.
5. Cost is compared in whole pico-dollars.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tollway.units import PicoDollars

Axis = Literal["quality", "wait", "cost"]
Verdict = Literal["frontier", "dominated", "not told apart"]
Side = Literal["better", "worse", "equal", "overlap"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, the ends of its interval, and where it is from. Both ends are the value where it is
    exact or has no interval."""

    value: float | PicoDollars
    low: float | PicoDollars
    high: float | PicoDollars
    origin: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model at a source. `wait` is felt seconds an answer or a task; `cost` is pico-dollars."""

    model: str
    source: str
    quality: Figure
    wait: Figure
    cost: Figure

    @property
    def name(self) -> str:
        """`source:model`, as routes name it."""
        return f"{self.source}:{self.model}"

    def figure(self, axis: Axis) -> Figure:
        """The figure on an axis."""
        return {"quality": self.quality, "wait": self.wait, "cost": self.cost}[axis]


@dataclass(frozen=True, slots=True)
class Step:
    """One axis of a reason: by how much `by` is better (above zero) or worse, in the axis' unit,
    and whether that is sure."""

    axis: Axis
    side: Side
    by: float | int


@dataclass(frozen=True, slots=True)
class Placed:
    """A candidate and its verdict; `by` is who is before it, and `steps` on which axes."""

    candidate: Candidate
    verdict: Verdict
    by: Candidate | None
    steps: tuple[Step, ...]


def frontier(candidates: Sequence[Candidate], axes: Sequence[Axis]) -> tuple[Placed, ...]:
    """Each candidate with its verdict: the frontier first, then by quality, wait, cost and name."""
    placed = [_placed(one, candidates, axes) for one in candidates]
    order: tuple[Verdict, ...] = ("frontier", "not told apart", "dominated")
    return tuple(sorted(placed, key=lambda it: (order.index(it.verdict), *_rank(it.candidate))))


def _placed(one: Candidate, candidates: Sequence[Candidate], axes: Sequence[Axis]) -> Placed:
    before = [other for other in candidates if _is_before(other, one, axes)]
    if not before:
        return Placed(one, "frontier", None, ())
    by = min(before, key=lambda other: (not _is_surely_before(other, one, axes), *_rank(other)))
    sure = _is_surely_before(by, one, axes)
    steps = tuple(Step(axis, side(by, one, axis), gain(by, one, axis)) for axis in axes)
    return Placed(one, "dominated" if sure else "not told apart", by, steps)


def _rank(one: Candidate) -> tuple[float, float, float, str]:
    """Rule 4, and the order of the table."""
    return -one.quality.value, one.wait.value, one.cost.value, one.name


def gain(a: Candidate, b: Candidate, axis: Axis) -> float | int:
    """By how much A's value is better than B's; more quality is better, less of the others is."""
    if axis == "quality":
        return 0.0 if a.model == b.model else a.quality.value - b.quality.value
    return b.figure(axis).value - a.figure(axis).value


def side(a: Candidate, b: Candidate, axis: Axis) -> Side:
    """How A is to B on an axis, as far as their intervals tell."""
    if axis == "quality" and a.model == b.model:
        return "equal"  # rule 3
    left, right = a.figure(axis), b.figure(axis)
    if left.value == right.value and left.low == left.high and right.low == right.high:
        return "equal"
    above, below = left.low > right.high, left.high < right.low
    if above or below:
        return "better" if above is (axis == "quality") else "worse"
    return "overlap"


def _is_before(a: Candidate, b: Candidate, axes: Sequence[Axis]) -> bool:
    gains = [gain(a, b, axis) for axis in axes]
    return min(gains) >= 0 and max(gains) > 0


def _is_surely_before(a: Candidate, b: Candidate, axes: Sequence[Axis]) -> bool:
    """Rule 2. Intervals that only touch are told apart: the one's worst is the other's best."""
    sides = [side(a, b, axis) for axis in axes]
    kept = all(
        one in ("better", "equal") or _touches(a, b, axis)
        for one, axis in zip(sides, axes, strict=True)
    )
    return kept and "better" in sides


def _touches(a: Candidate, b: Candidate, axis: Axis) -> bool:
    left, right = a.figure(axis), b.figure(axis)
    return left.low >= right.high if axis == "quality" else left.high <= right.low
