"""The picture of a frontier: marks where their figures are, and names that cover nothing."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.console.choose.plot import (
    BOTTOM,
    HEIGHT,
    LEFT,
    LETTER,
    LINE,
    TOP,
    WIDTH,
    Mark,
    picture,
)
from tollway.feel.frontier import Axis, Candidate, Figure, frontier

AXES: tuple[Axis, ...] = ("quality", "wait", "cost")


def figure(value: float, off: float = 0.0) -> Figure:
    return Figure(value, value - off, value + off, "test")


def candidate(at: int, quality: float, wait: float) -> Candidate:
    return Candidate(f"model-{at}", "s", figure(quality, 1.0), figure(wait), figure(10**9))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 1500), st.floats(0.0, 5000.0)), min_size=1, max_size=12))
def test_every_mark_and_its_interval_are_inside_and_in_order(
    some: list[tuple[float, float]],
) -> None:
    placed = frontier([candidate(at, *it) for at, it in enumerate(some)], AXES)
    drawn = picture(placed, AXES)
    for one, mark in zip(placed, drawn.marks, strict=True):
        assert mark.name == one.candidate.name
        assert LEFT <= mark.low_x <= mark.x <= mark.high_x <= WIDTH
        assert TOP <= mark.high_y <= mark.y <= mark.low_y <= HEIGHT - BOTTOM
    pairs = sorted(
        (it.candidate.wait.value, mark.x) for it, mark in zip(placed, drawn.marks, strict=True)
    )
    assert [x for _, x in pairs] == sorted(x for _, x in pairs)
    assert 1 <= len(drawn.rows) <= 16
    assert len(drawn.columns) <= 8


def test_names_of_neighbours_do_not_cover_each_other() -> None:
    some = [candidate(0, 70.0, 1.0), candidate(1, 70.2, 1.05), candidate(2, 40.0, 9.0)]
    drawn = picture(frontier(some, AXES), AXES)

    def box(mark: Mark) -> tuple[float, float, float, float]:
        wide = len(mark.label) * LETTER
        left = mark.text_x - (wide if mark.anchor == "end" else 0)
        top = mark.text_y - LINE + 3
        return left, top, left + wide, top + LINE

    for one, other in combinations(map(box, drawn.marks), 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart


def test_where_nobody_waits_the_picture_is_over_cost() -> None:
    placed = frontier([candidate(0, 1.0, 2.0)], ("quality", "cost"))
    assert picture(placed, ("quality", "cost")).across == "cost"
