"""What a search for chips promises, whatever the engine model says."""

from fractions import Fraction

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

    def __init__(self, needs: float, share: float = 0.99) -> None:
        self.needs, self.share = needs, share
        self.played: list[Mix] = []

    def check(self, mix: Mix) -> Tried:
        self.played.append(mix)
        work = sum(kind.capacity * count for kind, count in mix)
        return Tried(mix, 1.0 if work >= self.needs else 0.5, NOTHING)


KIND = st.builds(
    Kind,
    name=st.uuids().map(str),
    chips=st.sampled_from([1.0, 2.0, 4.0, 8.0]),
    capacity=st.floats(0.5, 20.0),
    price=st.floats(0.5, 40.0),
)


@given(st.lists(KIND, min_size=1, max_size=4), st.floats(1.0, 80.0))
def test_the_fewest_of_each_kind_are_found_and_nothing_cheaper_of_one_kind_would_do(
    kinds: list[Kind], needs: float
) -> None:
    world = World(needs)
    # The engine model knows less than what is needed: it is asked for a bound, not for the answer.
    found = search(kinds, needs / 2.0, 0.99, 1000, world.check)
    assert found.best is not None
    for kind in kinds:
        count = found.pure[kind.name].mix[0][1]
        assert count * kind.capacity >= needs > (count - 1) * kind.capacity
    assert found.best.weight <= min(tried.weight for tried in found.pure.values())
    assert found.best.weight >= found.bound * (1 - 1e-9)
    assert sum(kind.capacity * n for kind, n in found.best.mix) >= needs
    assert len(world.played) == len(found.tried)


def test_a_mix_that_is_cheaper_than_any_one_kind_is_found() -> None:
    large = Kind("large", 8, 10.0, 10.0)
    small = Kind("small", 1, 1.0, 1.5)
    found = search([large, small], 11.0, 0.99, 100, World(11.0).check)
    assert found.best is not None
    assert {kind.name: n for kind, n in found.best.mix} == {"large": 1, "small": 1}
    assert found.best.weight == 11.5
    assert found.gap == pytest.approx(11.5 / (0.8 * 11.0) - 1.0)


def test_where_nothing_keeps_the_promise_nothing_is_answered() -> None:
    found = search([Kind("a", 1, 1.0, None)], 5.0, 0.99, 8, World(1e9).check)
    assert found.best is None
    assert not found.pure
    assert weight_of(found.tried[-1].mix) == 8


def test_a_search_that_is_stopped_keeps_what_it_has() -> None:
    left = [3]
    world = World(4.0)

    def check(mix: Mix) -> Tried | None:
        left[0] -= 1
        return world.check(mix) if left[0] >= 0 else None

    found = search([Kind("a", 1, 1.0, 1.0), Kind("b", 1, 1.0, 2.0)], 2.0, 0.99, 64, check)
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
