"""The frontier: as brute force finds it, with reasons, and nothing called dominated on a guess."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.feel.frontier import Axis, Candidate, Figure, frontier, side

AXES: tuple[Axis, ...] = ("quality", "wait", "cost")


def exact(value: float) -> Figure:
    return Figure(value, value, value, "test")


def one(name: str, quality: float, wait: float, cost: int) -> Candidate:
    return Candidate(name, "s", exact(quality), exact(wait), exact(cost))


def figures(least: int, most: int) -> st.SearchStrategy[Figure]:
    return st.tuples(st.integers(least, most), st.integers(0, 3), st.integers(0, 3)).map(
        lambda it: Figure(float(it[0]), float(it[0] - it[1]), float(it[0] + it[2]), "test")
    )


@st.composite
def fields(draw: st.DrawFn) -> list[Candidate]:
    count = draw(st.integers(1, 9))
    models = [draw(st.integers(0, 5)) for _ in range(count)]
    scores = [draw(figures(0, 9)) for _ in range(6)]
    return [
        Candidate(f"m{model}", f"s{at}", scores[model], draw(figures(0, 9)), draw(figures(0, 9)))
        for at, model in enumerate(models)
    ]


def better(a: Candidate, b: Candidate) -> bool:
    """By values, written as anybody would."""
    left = (a.quality.value, -a.wait.value, -a.cost.value)
    right = (b.quality.value, -b.wait.value, -b.cost.value)
    return left != right and all(x >= y for x, y in zip(left, right, strict=True))


def surely(a: Candidate, b: Candidate) -> bool:
    """Whatever value of its interval each figure has."""
    same = a.model == b.model
    not_worse = same or a.quality.low >= b.quality.high
    strict = not same and a.quality.low > b.quality.high
    for axis in ("wait", "cost"):
        left, right = a.figure(axis), b.figure(axis)
        not_worse = not_worse and left.high <= right.low
        strict = strict or left.high < right.low
    return not_worse and strict


@settings(max_examples=300, deadline=None)
@given(fields())
def test_the_frontier_is_what_brute_force_finds(some: list[Candidate]) -> None:
    placed = frontier(some, AXES)
    assert {it.candidate.name for it in placed} == {it.name for it in some}
    for it in placed:
        before = [other for other in some if better(other, it.candidate)]
        sure = [other for other in some if surely(other, it.candidate)]
        expected = "dominated" if sure else "not told apart" if before else "frontier"
        assert it.verdict == expected
        assert (it.by in sure) if sure else (it.by in before or it.by is None)
    assert any(it.verdict == "frontier" for it in placed)


@settings(max_examples=100, deadline=None)
@given(fields(), st.randoms())
def test_the_order_of_candidates_changes_nothing(some: list[Candidate], chance: object) -> None:
    assert frontier(some, AXES) == frontier(list(reversed(some)), AXES)


def test_a_reason_says_by_whom_and_by_how_much_on_each_axis() -> None:
    placed = frontier([one("big", 80.0, 3.0, 900), one("old", 70.0, 4.5, 1000)], AXES)
    assert [it.verdict for it in placed] == ["frontier", "dominated"]
    loser = placed[1]
    assert loser.by is not None
    assert loser.by.model == "big"
    assert [(it.axis, it.side, it.by) for it in loser.steps] == [
        ("quality", "better", 10.0),
        ("wait", "better", 1.5),
        ("cost", "better", 100),
    ]


def test_intervals_that_overlap_are_not_told_apart() -> None:
    sure, unsure = one("sure", 80.0, 3.0, 900), one("unsure", 80.5, 2.9, 900)
    wide = Candidate("wide", "s", Figure(80.0, 76.0, 84.0, ""), exact(3.0), exact(900))
    placed = {it.candidate.model: it for it in frontier([unsure, wide, sure], AXES)}
    assert placed["unsure"].verdict == "frontier"
    assert placed["wide"].verdict == "not told apart"
    assert [it.side for it in placed["wide"].steps] == ["overlap", "better", "equal"]
    assert placed["sure"].verdict == "dominated"


def test_equals_are_both_on_the_frontier_in_the_order_of_their_names() -> None:
    placed = frontier([one("b", 1.0, 1.0, 1), one("a", 1.0, 1.0, 1)], AXES)
    assert [(it.candidate.model, it.verdict) for it in placed] == [
        ("a", "frontier"),
        ("b", "frontier"),
    ]


def test_of_several_that_are_before_it_the_better_quality_is_named_then_the_shorter_wait() -> None:
    some = [
        one("x", 5.0, 2.0, 5),
        one("w", 9.0, 2.0, 5),
        one("v", 9.0, 1.0, 6),
        one("z", 1.0, 3.0, 9),
    ]
    named = {it.candidate.model: it.by for it in frontier(some, AXES)}
    assert named["z"] == some[2]


def test_one_model_has_one_quality_whoever_serves_it() -> None:
    score = Figure(70.0, 60.0, 80.0, "test")
    slow = Candidate("m", "slow", score, exact(5.0), exact(10))
    fast = Candidate("m", "fast", score, exact(1.0), exact(10))
    placed: Sequence[object] = [
        (it.candidate.source, it.verdict) for it in frontier([slow, fast], AXES)
    ]
    assert placed == [("fast", "frontier"), ("slow", "dominated")]
    assert side(fast, slow, "quality") == "equal"


def test_where_nobody_waits_the_wait_does_not_count() -> None:
    cheap, quick = one("cheap", 5.0, 900.0, 1), one("quick", 5.0, 1.0, 2)
    placed = {
        it.candidate.model: it.verdict for it in frontier([cheap, quick], ("quality", "cost"))
    }
    assert placed == {"cheap": "frontier", "quick": "dominated"}


def test_cost_is_compared_to_the_last_pico_dollar() -> None:
    vast = 10**17
    placed = frontier([one("a", 1.0, 1.0, vast), one("b", 1.0, 1.0, vast + 1)], AXES)
    assert [(it.candidate.model, it.verdict) for it in placed] == [
        ("a", "frontier"),
        ("b", "dominated"),
    ]
    assert placed[1].steps[2].by == 1


@pytest.mark.parametrize("axes", [AXES, ("quality", "cost")], ids=["people", "batch"])
def test_a_lone_candidate_is_the_frontier(axes: tuple[Axis, ...]) -> None:
    assert [it.verdict for it in frontier([one("a", 1.0, 1.0, 1)], axes)] == ["frontier"]
