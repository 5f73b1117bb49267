"""Studies: their pages take their results, and their questions can be put to what ships."""

from fractions import Fraction

import pytest
from bench.studies import bridge, capacity
from bench.studies.page import ROOT, table, with_results

from tollway.planner.program.answer import Between


@pytest.mark.parametrize("name", ["bridge", "capacity"])
def test_a_study_has_its_results_and_room_for_new_ones(name: str) -> None:
    page = (ROOT / f"docs/studies/{name}.md").read_text()
    again = with_results(page, ["first of all", "second of all"])
    assert "first of all" in again
    assert "second of all" in again
    assert "| --- |" in page
    assert "| --- |" not in again
    with pytest.raises(ValueError, match="2 marks for 1 blocks"):
        with_results(page, ["one"])


def test_the_bridge_can_be_asked_with_another_lead_time() -> None:
    late = bridge.problem({"lead_months = 10": "lead_months = 24"})
    halls = next(one for one in late.offers if one.name == "halls")
    assert not any(halls.runs[0].capacity[:8])
    assert all(halls.runs[0].capacity[8:])
    lease = next(one for one in late.offers if one.name == bridge.LEASE)
    assert min(left for _, left in lease.exits) == 1
    with pytest.raises(ValueError, match="0 times"):
        bridge.problem({"lead_months = 11": ""})


def test_what_is_not_told_apart_is_said_so() -> None:
    assert (
        bridge.between(Between(Fraction(-(10**18)), Fraction(10**18)))
        == "$-1.0M to $1.0M (not told apart)"
    )
    assert bridge.between(None) == "no plan without it"


def test_room_is_worth_the_same_at_any_bandwidth_and_streams_are_not() -> None:
    parked, busy = capacity.WORKS[0], capacity.WORKS[4]
    slow, fast = (capacity.assumed(capacity.SUBJECTS[1], gb_s, 200) for gb_s in (684, 1500))
    rooms = [capacity.held(chip, parked) for chip in (slow, fast)]
    streams = [capacity.held(chip, busy) for chip in (slow, fast)]
    assert rooms[0] is not None
    assert rooms[1] is not None
    assert rooms[0].room
    assert rooms[0].sessions == rooms[1].sessions
    assert streams[0] is not None
    assert streams[1] is not None
    assert streams[0].sessions < streams[1].sessions


def test_the_break_even_price_is_where_sessions_cost_the_same() -> None:
    mine = capacity.Held(10, 5, 20, 1, room=False, origin="spec sheet")
    other = capacity.Held(20, 20, 20, 1, room=True, origin="measured")
    price = capacity.break_even(mine, [("h200", other)])
    assert price is not None
    assert price.usd == pytest.approx(1.74 / 2)
    assert (price.low, price.high) == (pytest.approx(1.74 / 4), pytest.approx(1.74))
    assert capacity.break_even(None, [("h200", other)]) is None


def test_a_table_is_a_table() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
