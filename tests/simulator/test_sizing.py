"""What a search for chips promises, whatever the engine model says."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.catalog import chip
from tollway.simulator.placing import Option, place
from tollway.simulator.rehearsal import Rehearsed
from tollway.simulator.report import Percentiles, summarise
from tollway.simulator.sizing import Kind, Mix, Tried, search, weight_of
from tollway.simulator.slices import MIG, TURNS, WHOLE, packed, part_of, parts_of
from tollway.units import Seconds

NOTHING = Rehearsed(
    report=summarise([], 1.0, {}),
    uses=(),
    promise=None,
    wait=Percentiles(None, None, None),
    seconds=Seconds(0.0),
    asked=0,
    never_asked=0,
    opened={},
    stopped=False,
    notes=(),
)


class World:
    """Where a mix keeps the promise once it has so much work in it."""

    def __init__(self, kinds: Sequence[Kind], needs: float, known: float = 0.0) -> None:
        self.needs, self.known = needs, known
        self.kinds = {kind.name: kind for kind in kinds}
        self.played: list[Mix] = []

    def check(self, mixes: Sequence[Mix]) -> list[Tried | None]:
        self.played += mixes
        return [Tried(mix, 1.0 if self.work(mix) >= self.needs else 0.5, NOTHING) for mix in mixes]

    def work(self, mix: Mix) -> float:
        return sum(kind.capacity * count for kind, count in mix)

    # What is known before anything is played: that less than `known` is not enough.

    def fewest(self, name: str) -> float:
        return self.known / self.kinds[name].capacity

    def allows(self, counts: Mapping[str, int]) -> bool:
        found = sum(self.kinds[name].capacity * count for name, count in counts.items())
        return found >= self.known * (1.0 - 1e-9)

    def least(self, weights: Mapping[str, float]) -> float:
        each = (weight / self.kinds[name].capacity for name, weight in weights.items())
        return self.known * min(each)


KIND = st.builds(
    Kind,
    name=st.uuids().map(str),
    chips=st.sampled_from([1.0, 2.0, 4.0, 8.0]),
    capacity=st.floats(0.5, 20.0),
    price=st.floats(0.5, 40.0),
)


@given(st.lists(KIND, min_size=1, max_size=4), st.floats(1.0, 80.0), st.floats(0.0, 1.0))
def test_the_fewest_of_each_kind_are_found_and_nothing_cheaper_of_one_kind_would_do(
    kinds: list[Kind], needs: float, known: float
) -> None:
    world = World(kinds, needs, known * needs)
    found = search(kinds, world, (0.99, 1000), world.check)
    assert found.best is not None
    for kind in kinds:
        count = found.pure[kind.name].mix[0][1]
        assert count * kind.capacity >= needs > (count - 1) * kind.capacity
    assert found.best.weight <= min(tried.weight for tried in found.pure.values())
    assert world.work(found.best.mix) >= needs
    assert len(world.played) == len(found.tried)


SMALL = st.builds(
    Kind,
    name=st.uuids().map(str),
    chips=st.just(1.0),
    capacity=st.floats(1.0, 5.0),
    price=st.sampled_from([1.0, 1.5, 2.0, 4.0]),
)


@given(st.lists(SMALL, min_size=1, max_size=3), st.floats(1.0, 12.0), st.floats(0.0, 1.0))
def test_no_bound_is_above_what_brute_force_finds(
    kinds: list[Kind], needs: float, known: float
) -> None:
    world = World(kinds, needs, known * needs)
    found = search(kinds, world, (0.99, 1000), world.check)
    counts = product(range(13), repeat=len(kinds))
    mixes = [tuple(zip(kinds, some, strict=True)) for some in counts]
    cheapest = min(weight_of(mix) for mix in mixes if world.work(mix) >= needs)
    assert found.bound <= cheapest * (1 + 1e-9)
    if known == 1.0:
        assert found.bound == pytest.approx(cheapest)
    if len(kinds) <= 2 and not found.left:
        assert found.best is not None
        assert found.best.weight == pytest.approx(cheapest)
        assert found.gap == pytest.approx(0.0)


@given(st.lists(SMALL, min_size=2, max_size=3), st.floats(1.0, 12.0), st.integers(2, 9))
def test_what_is_found_does_not_depend_on_how_many_are_played_at_once(
    kinds: list[Kind], needs: float, at_once: int
) -> None:
    one, other = World(kinds, needs), World(kinds, needs)
    assert search(kinds, one, (0.99, 1000), one.check) == search(
        kinds, other, (0.99, 1000), other.check, at_once
    )


def test_a_mix_that_is_cheaper_than_any_one_kind_is_found() -> None:
    large = Kind("large", 8, 10.0, 10.0)
    small = Kind("small", 1, 1.0, 1.5)
    world = World([large, small], 11.0, 8.8)
    found = search([large, small], world, (0.99, 100), world.check)
    assert found.best is not None
    assert {kind.name: n for kind, n in found.best.mix} == {"large": 1, "small": 1}
    assert found.best.weight == 11.5
    assert found.gap == 0.0


def test_where_nothing_keeps_the_promise_nothing_is_answered() -> None:
    kinds = [Kind("a", 1, 1.0, None)]
    world = World(kinds, 1e9)
    found = search(kinds, world, (0.99, 8), world.check)
    assert found.best is None
    assert not found.pure
    assert weight_of(found.tried[-1].mix) == 8


def test_what_work_says_is_impossible_is_not_played() -> None:
    kinds = [Kind("a", 1, 1.0, None)]
    world = World(kinds, 50.0, 50.0)
    assert search(kinds, world, (0.99, 8), world.check).tried == []
    found = search(kinds, world, (0.99, 64), world.check)
    assert [tried.mix[0][1] for tried in found.tried] == [50]


def test_a_search_that_is_stopped_keeps_what_it_has() -> None:
    left = [3]
    kinds = [Kind("a", 1, 1.0, 1.0), Kind("b", 1, 1.0, 2.0)]
    world = World(kinds, 4.0, 1.6)

    def check(mixes: Sequence[Mix]) -> list[Tried | None]:
        found: list[Tried | None] = []
        for mix in mixes:
            left[0] -= 1
            found += world.check([mix]) if left[0] >= 0 else [None]
        return found

    found = search(kinds, world, (0.99, 64), check)
    assert found.best is not None
    assert len(found.tried) == 3


# --- parts of chips -----------------------------------------------------------------------------


def test_a_part_of_a_chip_is_a_chip_with_that_share_of_it() -> None:
    whole, part = chip("h100"), part_of(chip("h100"), MIG[2])
    assert part.memory[0].size == whole.memory[0].size // 2
    assert part.flops["bf16"] == pytest.approx(whole.flops["bf16"] * 3 / 7)
    assert part.domain == 1
    assert part_of(whole, WHOLE) is whole
    assert not set(MIG) & set(parts_of(chip("mi300x")))
    assert set(MIG) < set(parts_of(chip("h100")))


@given(st.lists(st.sampled_from([*MIG, *TURNS, WHOLE]), max_size=30))
def test_parts_are_packed_whole_and_no_chip_is_given_more_than_it_has(wanted: list) -> None:
    chips = packed(wanted)
    assert sorted(str(part) for held in chips for part in held) == sorted(map(str, wanted))
    for held in chips:
        assert sum((part.compute for part in held), Fraction(0)) <= 1
        assert sum((part.memory for part in held), Fraction(0)) <= 1
        assert len({part in MIG for part in held}) == 1


def test_models_are_placed_on_the_fewest_chips() -> None:
    half, quarter = TURNS[2], TURNS[0]
    options = {
        "a": [Option("a", WHOLE, 1, 1.0), Option("a", half, 1, 1.0)],
        "b": [Option("b", quarter, 2, 1.0), Option("b", half, 1, 0.99)],
    }
    placement = place("h100", options)
    assert placement is not None
    [parts] = placement.chips
    assert sorted(model for model, _ in parts) in (["a", "b"], ["a", "b", "b"])
    assert placement.combinations == 4
    assert place("h100", {**options, "c": []}) is None
