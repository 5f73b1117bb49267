"""Demand and what may happen to it: exact probabilities, no looking ahead, a day's sum kept."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from planner_fleets import CHAT, PLAN, example, planned

from tollway.errors import FaultsFound, TollwayError
from tollway.fleet.events import chains, leaves
from tollway.fleet.objects import Fleet
from tollway.planner.blocks import blocks_of
from tollway.planner.horizon import periods_of
from tollway.planner.outlook import Measured, nodes_of, workloads_of
from tollway.planner.program.instance import Node

ONE_BLOCK = PLAN + "blocks = { day = 24 }\n"
LONG = ONE_BLOCK.replace("months = 12", "months = 36").replace('"month"', '"quarter"')


def tree(fleet: Fleet, **measured: Measured) -> tuple[Node, ...]:
    assert fleet.plan is not None
    return nodes_of(fleet.plan, fleet.workloads, measured)


def outlook(name: str, since: str, probability: str, more: str = "", of: str = "chat") -> str:
    head = f"[workloads.{of}.outlooks.{name}]\n"
    return f'{head}since = "{since}"\nprobability = "{probability}"\n{more}\n'


def wanted(nodes: Sequence[Node], workload: int = 0, block: int = 0) -> list[int]:
    return [node.demand[workload][block] for node in nodes]


def last(nodes: Sequence[Node]) -> list[Node]:
    return [node for node in nodes if node.period == nodes[-1].period]


def test_periods_are_calendar_months_with_their_hours_discounted_from_their_middle() -> None:
    fleet = planned(plan=PLAN + 'discount = "21%"\n'.replace("12", "13"))
    assert fleet.plan is not None
    periods = periods_of(fleet.plan)
    assert [it.hours for it in periods][:3] == [31 * 24, 28 * 24, 31 * 24]
    assert (periods[1].first, periods[1].last) == (date(2027, 2, 1), date(2027, 2, 28))
    quarters = planned(plan=LONG + 'discount = "21%"\n').plan
    assert quarters is not None
    found = periods_of(quarters)
    assert found[4].hours == (31 + 29 + 31) * 24  # 2028 is a leap year
    # The middle of the seventh quarter is after 19.5 months: 1.21^-1.625.
    assert float(found[6].discount) == pytest.approx(1.21**-1.625, abs=1e-11)


def test_demand_grows_by_month_and_has_its_seasons() -> None:
    more = 'growth = "100%"\nseasonality = { 1 = 2, 7 = 0.5 }\n'
    found = wanted(tree(planned(plan=ONE_BLOCK, demand=CHAT + more)))
    assert found[0] == 2000  # 24,000 a day, twice of it in January
    assert found[1] == round(1000 * 2 ** (1 / 12))
    assert found[6] == round(1000 * 2 ** (6 / 12) / 2)


def test_a_quarter_has_the_mean_of_its_days() -> None:
    more = "seasonality = { 1 = 2, 2 = 3, 3 = 1 }\n"
    found = wanted(tree(planned(plan=LONG, demand=CHAT + more)))
    assert found[0] == round(1000 * (31 * 2 + 28 * 3 + 31) / 90)


def test_a_profile_moves_demand_between_blocks_and_keeps_the_day() -> None:
    plan = PLAN + "blocks = { peak = 4, day = 12, night = 8 }\n"
    fleet = planned(plan=plan, demand=CHAT + "profile = { peak = 3, night = 0.5 }\n")
    assert fleet.plan is not None
    shares = [block.share for block in blocks_of(fleet.plan)]
    assert shares == [Fraction(1, 6), Fraction(1, 2), Fraction(1, 3)]
    # (4 x 3 + 12 x 1 + 8 x 0.5) / 24 = 7 / 6.
    assert tree(fleet)[0].demand[0] == (round(18000 / 7), round(6000 / 7), round(3000 / 7))


def test_the_busiest_hours_make_the_first_block_and_of_equal_ones_the_earlier() -> None:
    hours = [1] * 24
    hours[9] = hours[20] = 8
    hours[3] = 4
    plan = PLAN + "blocks = { peak = 2, day = 2, night = 20 }\n"
    fleet = planned(plan=plan, demand=CHAT + f"hours = {hours}\n")
    # 42 in all: a block's mean against 42 / 24. Of the hours of 1, midnight comes first.
    assert tree(fleet)[0].demand[0] == tuple(
        round(1000 * mean * Fraction(24, sum(hours))) for mean in (8, Fraction(5, 2), 1)
    )


def test_a_measured_workload_has_its_amount_and_its_hours_from_what_was_measured() -> None:
    text = CHAT.replace("tokens_per_day = 24_000", "ledger = {}")
    fleet = planned(plan=PLAN + "blocks = { peak = 12, night = 12 }\n", demand=text)
    measured = Measured(48_000, (*[3] * 12, *[1] * 12))
    assert tree(fleet, chat=measured)[0].demand[0] == (3000, 1000)
    with pytest.raises(TollwayError, match=r"workloads\.chat: the ledger has no tokens"):
        tree(fleet)


def test_an_outlook_changes_demand_from_the_first_period_that_begins_with_it() -> None:
    boom = outlook("boom", "2027-05", "25%", 'growth = "300%"\nfactor = 2')
    nodes = tree(planned(boom, plan=LONG))
    assert [node.period for node in nodes[:4]] == [0, 1, 2, 2]
    expected, happened = last(nodes)
    assert (expected.name, expected.probability) == ("", Fraction(3, 4))
    assert (happened.name, happened.probability) == ("boom", Fraction(1, 4))
    assert wanted([nodes[2]]) == [1000]
    assert wanted([nodes[3]]) == [round(2000 * sum(4 ** (k / 12) * d for k, d in JULY) / 92)]


JULY = ((0, 31), (1, 31), (2, 30))
"""Months since July, and their days."""


def test_an_outlook_may_follow_another() -> None:
    text = (
        outlook("boom", "2027-04", "40%", "factor = 3")
        + outlook("bust", "2027-10", "50%", 'after = "boom"\nfactor = 0.1')
        + outlook("slump", "2027-10", "30%", "factor = 0.5")
    )
    ends = {node.name: node for node in last(tree(planned(text, plan=LONG)))}
    assert {name: node.probability for name, node in ends.items()} == {
        "": Fraction(3, 10),
        "boom": Fraction(1, 5),
        "boom, bust": Fraction(1, 5),
        "slump": Fraction(3, 10),
    }
    assert wanted([ends["boom, bust"]]) == [300]


def test_outlooks_of_one_name_happen_together_and_others_independently() -> None:
    other = CHAT.replace("chat", "more")
    same = outlook("boom", "2027-04", "50%") + outlook("boom", "2027-07", "50%", of="more")
    assert len(last(tree(planned(other, same, plan=LONG)))) == 2
    apart = outlook("boom", "2027-04", "50%") + outlook("surge", "2027-07", "50%", of="more")
    found = last(tree(planned(other, apart, plan=LONG)))
    assert {node.name: node.probability for node in found} == dict.fromkeys(
        ("", "boom", "surge", "boom, surge"), Fraction(1, 4)
    )


def test_a_departure_is_known_its_notice_before_the_offer_is_gone() -> None:
    text = """
    [plan.departures.leaves]
    offers = ["api"]
    since = "2027-10"
    probability = "20%"
    notice_days = 92
    """
    nodes = tree(planned(text, plan=LONG))
    known = [node for node in nodes if node.name == "leaves"]
    assert [node.period for node in known][:2] == [2, 3]
    assert known[0].without == frozenset()
    assert known[1].without == frozenset(("api",))
    assert all(node.without == frozenset() for node in nodes if not node.name)


def test_the_example_has_four_scenarios() -> None:
    fleet = example()
    found = last(tree(fleet))
    assert {node.name for node in found} == {"", "boom", "slump", "archive"}
    assert [it.name for it in workloads_of(fleet.workloads)] == ["chat", "batch"]


MONTHS = st.sampled_from([f"20{year}-{month:02}" for year in (27, 28, 29) for month in (4, 6, 10)])
OUTLOOKS = st.lists(
    st.tuples(
        st.sampled_from(("chat", "more", "third")),
        st.sampled_from("abcdefg"),
        MONTHS,
        st.integers(0, 45),
        st.integers(0, 3),
    ),
    max_size=6,
    unique_by=lambda it: it[1],
)


def branched(drawn: Sequence[tuple[str, str, str, int, int]]) -> Fleet:
    text = [
        outlook(name, since, f"{chance}%", f"factor = {factor}", of=workload)
        for workload, name, since, chance, factor in drawn
    ]
    others = [CHAT.replace("chat", name) for name in ("more", "third")]
    try:
        return planned(*others, *text, plan=LONG)
    except FaultsFound:  # more than certain, or past the last period
        assume(False)
        raise


@settings(deadline=None)
@given(OUTLOOKS)
def test_the_probabilities_of_a_period_sum_to_one_exactly(
    drawn: list[tuple[str, str, str, int, int]],
) -> None:
    fleet = branched(drawn)
    nodes = tree(fleet)
    for period in range(12):
        assert sum(node.probability for node in nodes if node.period == period) == 1
    below: dict[int | None, Fraction] = {}
    for node in nodes:
        below[node.parent] = below.get(node.parent, Fraction(0)) + node.probability
        assert node.parent is None or nodes[node.parent].period == node.period - 1
        assert node.probability > 0
    assert all(it == nodes[at].probability for at, it in below.items() if at is not None)
    count = 1
    for chain in chains([it.outlooks for it in fleet.workloads.values()], {}):
        count *= leaves(chain)
    assert len(last(nodes)) == count


@settings(deadline=None)
@given(OUTLOOKS)
def test_nothing_that_is_known_later_changes_a_node(
    drawn: list[tuple[str, str, str, int, int]],
) -> None:
    nodes = tree(branched(drawn))
    plain = tree(branched([]))
    for node in nodes:
        if not node.name:
            assert node.demand == plain[node.period].demand
