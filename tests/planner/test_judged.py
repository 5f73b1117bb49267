"""The judge of plans is fair: what is signed is paid and kept, and scores are what they say."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from bench.plans.judge import compared, score
from bench.plans.market import QUARTERS, market
from bench.plans.process import draw, initial, tree
from bench.plans.standing import Cohort, decided, stream_of, to_dispatch, to_plan

from tollway.planner.program.answer import Noticed, Plan, Signed
from tollway.planner.program.instance import ALREADY, Node, Risk

RISK = Risk(Fraction(3, 10), Fraction(9, 10))
CHAIN = tuple(
    Node(at, at - 1 if at else None, Fraction(1), ((1, 1), (1, 1))) for at in range(QUARTERS)
)


def test_a_market_is_its_seed() -> None:
    assert market(3) == market(3)
    assert market(3) != market(4)


def test_a_tree_keeps_the_mean_of_the_paths_that_it_is_made_of() -> None:
    one = market(0)
    paths = draw(one.process, initial(one.process), 600, np.random.default_rng(1))
    nodes = tree(one.process, paths, {1: 3, 3: 2})
    last = [node for node in nodes if node.period == QUARTERS - 1]
    assert sum(node.probability for node in last) == 1
    mean = sum(float(node.probability) * node.demand[1][0] for node in last)
    assert mean == pytest.approx(paths.wanted[:, -1, 1].mean(), rel=1e-6)


def test_one_group_all_through_is_demand_at_its_mean() -> None:
    one = market(0)
    paths = draw(one.process, initial(one.process), 60, np.random.default_rng(1))
    assert [node.parent for node in tree(one.process, paths, {})] == [None, *range(QUARTERS - 1)]


def test_what_is_signed_stays_signed_when_it_is_planned_again() -> None:
    one = market(0)
    held = (Cohort("lease-long", 1, Fraction(3)), Cohort("lease-free", 0, Fraction(2), left=2))
    left = {offer.name: offer for offer in to_plan(one, 4, held, CHAIN[:4]).offers}
    by_name = {offer.name: offer for offer in one.offers}
    kept = left["lease-long@1"]
    assert kept.signed == 3
    assert kept.runs[ALREADY].cash == by_name["lease-long"].runs[1].cash[4:]
    assert {when for _, when in kept.exits} == {
        when - 4 for signed, when in by_name["lease-long"].exits if signed == 1 and when >= 4
    }
    assert not any(name.startswith("lease-free@") for name in left)
    assert left["lease-long"].most == by_name["lease-long"].most - 3


def test_a_contingency_takes_what_is_in_force_too() -> None:
    one = market(0)
    again = to_plan(one, 4, (Cohort("lease-long", 1, Fraction(3)),), CHAIN[:4])
    hit = [it.offers for it in again.contingencies if "lease-long" in it.offers]
    assert hit
    assert all("lease-long@1" in offers for offers in hit)


def test_what_is_dispatched_costs_what_was_signed() -> None:
    one = market(0)
    held = (Cohort("lease-long", 1, Fraction(3)), Cohort("lease-long", 0, Fraction(1), left=5))
    (bundle,) = (it for it in to_dispatch(one, held, CHAIN).offers if it.name == "lease-long")
    offer = next(it for it in one.offers if it.name == "lease-long")
    streams = [stream_of(offer, cohort) for cohort in held]
    assert bundle.runs[ALREADY].cash == tuple(
        3 * a + b for a, b in zip(streams[0].cash, streams[1].cash, strict=True)
    )


def test_notice_takes_no_more_units_than_there_are() -> None:
    plan = Plan((), (Noticed("lease-long@1", None, 0, Fraction(2)),), (), {}, {})
    (rest, gone) = sorted(
        decided((Cohort("lease-long", 1, Fraction(3)),), plan, CHAIN[:4], 0, 4),
        key=lambda it: it.left or 0,
    )
    assert (rest.units, rest.left) == (1, None)
    assert (gone.units, gone.left) == (2, 4)
    with pytest.raises(ValueError, match="not there"):
        decided((Cohort("lease-long", 1, Fraction(1)),), plan, CHAIN[:4], 0, 4)


def test_what_a_plan_signs_at_a_node_is_signed_in_its_period() -> None:
    plan = Plan((Signed("build", 2, Fraction(1)),), (), (), {}, {})
    assert decided((), plan, CHAIN, 1, 0) == ()
    assert decided((), plan, CHAIN, 2, 0) == (Cohort("build", 2, Fraction(1)),)


def test_a_score_weighs_the_mean_and_the_worst_tenth() -> None:
    paid = np.array([1.0] * 9 + [11.0])
    assert score(paid, RISK) == pytest.approx(0.7 * 2 + 0.3 * 11)
    part = np.array([0.0] * 14 + [8.0])
    assert score(part, replace(RISK, weight=Fraction(1))) == pytest.approx(8 / 1.5)


def test_the_same_costs_are_not_told_apart() -> None:
    paid = np.arange(1.0, 17.0)
    pair = compared(paid, paid, RISK, 0)
    assert (pair.low, pair.saved, pair.high) == (0, 0, 0)
    assert compared(paid, paid * 2, RISK, 0).low == pytest.approx(0.5)
