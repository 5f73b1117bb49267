"""How exposed a plan is: every figure worked by hand."""

from dataclasses import replace
from fractions import Fraction

import pytest
from planner_plans import COSTS, INSTANCE, LEASE, OWN, PLAN, M, stream

from tollway.planner.holdings import bound, holdings, there
from tollway.planner.program.answer import Between, Plan
from tollway.planner.program.instance import ALREADY, Minimum, Resource, Risk
from tollway.planner.recovery import recoveries
from tollway.planner.risk import (
    attributes_of,
    concentrations,
    cvar,
    expected_unserved,
    lock,
    tails,
)
from tollway.units import PicoDollars

USD = 10**12


def test_a_node_has_what_its_past_signed_and_not_what_another_future_signs() -> None:
    held = holdings(INSTANCE, PLAN)
    units = [there(each, node) for each, node in zip(held, INSTANCE.nodes, strict=True)]
    assert units == [
        {"api": 1000},
        {"api": 1000, "lease": 1},
        {"api": 1000, "lease": 1},
        {"api": 1000, "lease": 1, "own": 1},
        {"api": 1000, "lease": 2, "own": 1},
    ]


def test_what_was_noticed_runs_by_its_exit() -> None:
    courses = [(it.offer.name, it.signed, it.noticed) for it in holdings(INSTANCE, PLAN)[3]]
    assert courses == [("api", -1, None), ("lease", 0, 2), ("own", 0, None)]


def test_an_offer_whose_supplier_left_is_not_held() -> None:
    gone = replace(INSTANCE.nodes[3], without=frozenset({"lease"}))
    instance = replace(INSTANCE, nodes=(*INSTANCE.nodes[:3], gone, INSTANCE.nodes[4]))
    assert [it.offer.name for it in holdings(instance, PLAN)[3]] == ["api", "own"]


def test_concentration_is_of_expected_tokens() -> None:
    # From the second quarter on, in 728 million tokens: api 3/4 x 600 + 1/4 x 2,200 = 1,000, lease
    # 1,500; in the third, in 736 million: own 1,200, lease 1,200, api 225.
    now, second, third = concentrations(INSTANCE, PLAN, "vendor")
    assert now.hhi == Between(Fraction(1), Fraction(1))
    assert second.shares == {"beta": Fraction(3, 5), "alpha": Fraction(2, 5)}
    assert second.hhi == Between(Fraction(13, 25), Fraction(13, 25))
    assert third.shares == {
        "beta": Fraction(1200, 2625), "us": Fraction(1200, 2625), "alpha": Fraction(225, 2625)
    }  # fmt: skip


def test_an_unstated_attribute_widens_the_index() -> None:
    second = concentrations(INSTANCE, PLAN, "chip")[1]
    assert second.unstated == Fraction(2, 5)
    assert second.hhi == Between(Fraction(13, 25), Fraction(1))


def test_attributes_are_those_that_offers_state() -> None:
    assert attributes_of(INSTANCE) == ("vendor", "region", "chip", "software")


def test_the_exposure_tail_is_what_notice_today_would_leave() -> None:
    # Today: the lease is left from the second quarter on, at one quarter's fee; the chips of one's
    # own are bought, and 200,000 more is bound for them.
    now, second, _ = tails(INSTANCE, PLAN)
    assert [it / USD for it in now.by_period] == [1_000_000, 300_000, 50_000]
    assert (now.after / USD, now.total / USD) == (150_000, 1_500_000)
    assert now.all_of / USD == 2_100_000
    # A quarter later the boom has signed a second lease: 1/4 x 300,000 in the third quarter.
    assert [it / USD for it in second.by_period] == [0, 300_000, 125_000]
    assert second.all_of / USD == 1_325_000


def test_money_is_bound_until_the_notice_that_costs_least() -> None:
    lease = next(it for it in holdings(INSTANCE, PLAN)[0] if it.offer is LEASE)
    owed = bound(lease, 0)
    assert (owed.leave, owed.total / USD) == (1, 300_000)
    own = next(it for it in holdings(INSTANCE, PLAN)[0] if it.offer is OWN)
    assert (bound(own, 1).leave, bound(own, 1).total / USD) == (None, 200_000)


def test_a_minimum_of_metered_use_is_bound() -> None:
    least = Minimum(0, 2, PicoDollars(70_000 * USD))
    runs = {0: replace(stream((0, 1, 1), (0, 0, 0)), minimums=(least,))}
    offers = (INSTANCE.offers[0], replace(LEASE, runs=runs, exits={}))
    plan = replace(PLAN, signed=PLAN.signed[:1], noticed=(), served=())
    tail = tails(replace(INSTANCE, offers=offers), plan)[0]
    assert [it / USD for it in tail.by_period] == [0, 0, 70_000]
    assert tail.all_of == tail.total


def test_what_runs_on_cuda_and_what_could_run_nowhere_else() -> None:
    # Of 1,296,000 + 1,820,000 + 1,932,000 million tokens, 1,092,000 + 883,200 are on the lease;
    # one's own chips run another software and serve both workloads.
    found = lock(INSTANCE, PLAN)
    assert found.share == Fraction(1_975_200, 5_048_000)
    assert found.only == Between(Fraction(0), Fraction(0))
    # Without them only the API might, which does not say what it runs on.
    plan = replace(PLAN, served=tuple(it for it in PLAN.served if it.offer != "own"))
    found = lock(replace(INSTANCE, offers=INSTANCE.offers[:2]), plan)
    total = 5_048_000 - 1200 * 736
    assert found.only == Between(Fraction(0), Fraction(1_975_200, total))


def test_unserved_tokens_are_expected_ones() -> None:
    assert expected_unserved(INSTANCE, PLAN) == {"chat": 91_000 * M, "jobs": 0}


@pytest.mark.parametrize(
    ("beta", "worst"), [("0.9", "6"), ("0.6", "5.25"), ("0", "4.5"), ("1", "6")]
)
def test_cvar_takes_of_the_scenario_at_the_edge_only_its_part(beta: str, worst: str) -> None:
    instance = replace(INSTANCE, risk=Risk(Fraction(0), Fraction(beta)))
    assert cvar(COSTS.scenarios, instance) / (USD * M) == Fraction(worst)


def months(name: str, node: int, instance: object = INSTANCE) -> int | None:
    assert isinstance(instance, type(INSTANCE))
    found = recoveries(instance, PLAN)
    return next(it.months for it in found if (it.contingency, it.node) == (name, node))


def test_recovery_takes_until_what_can_be_signed_serves() -> None:
    # Without the API three more leases serve from the second quarter on: 2,000 for 2,000.
    assert months("alpha gives notice", 0) == 3
    # Without the lease, 1,200 of the API and two builds serve the 2,000 of the boom, in the third.
    assert months("us-west fails", 0) == 6
    assert months("us-west fails", 1) == 0
    assert months("m is withdrawn", 0) is None


def test_recovery_signs_no_more_than_there_is_and_a_site_has_room_for() -> None:
    own = replace(OWN, uses={"mw": Fraction(10)})
    room = (Resource("mw", (Fraction(0), Fraction(0), Fraction(15))),)
    instance = replace(INSTANCE, offers=(*INSTANCE.offers[:2], own), resources=room)
    # One and a half builds: 1,200 + 600 for 2,000.
    assert months("us-west fails", 0, instance) is None


def test_recovery_signs_one_of_a_group() -> None:
    """The lease in force excludes the other of its group."""
    other = replace(LEASE, name="other", most=Fraction(9), group="g", attributes={})
    lease = replace(LEASE, group="g", most=Fraction(2))
    instance = replace(INSTANCE, offers=(INSTANCE.offers[0], lease, OWN, other))
    assert months("alpha gives notice", 0, instance) is None


def test_recovery_is_never_slower_for_what_more_can_be_signed() -> None:
    """What comes in an emergency is beside what is signed, and not of it."""
    bound_to_run = stream((1, 1, 1), (0, 0, 0))
    lease = replace(
        LEASE, runs={ALREADY: bound_to_run}, exits={}, signed=Fraction(1), most=Fraction(2),
        emergency=Fraction(3), emergency_days=0,
    )  # fmt: skip
    none_more = replace(INSTANCE, offers=(INSTANCE.offers[0], lease))
    one_more = replace(lease, runs=dict.fromkeys((ALREADY, 0, 1, 2), bound_to_run))
    bare = Plan((), (), (), {}, {})
    for instance in (none_more, replace(none_more, offers=(INSTANCE.offers[0], one_more))):
        found = recoveries(instance, bare)
        assert {it.months for it in found if it.contingency == "alpha gives notice"} == {0}
