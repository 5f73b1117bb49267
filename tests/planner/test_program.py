"""A plan against oracles: enumeration, and the same problem stated in linopy."""

import sys
import warnings
from dataclasses import replace
from fractions import Fraction
from time import monotonic

import pytest
from planner_instances import periods, small, usd

from tollway.errors import TollwayError
from tollway.planner.program.answer import Answer, Conflict
from tollway.planner.program.check import faults
from tollway.planner.program.costs import costs, cvar
from tollway.planner.program.instance import (
    Block,
    Budget,
    Contingency,
    Instance,
    Line,
    Node,
    Offer,
    Risk,
    Stream,
    Workload,
)
from tollway.planner.program.solve import Options, Progress, solve

EXACT = Options(gap=Fraction(1, 10**6), threads=1, integers="all")
CLOSE = 1 + Fraction(1, 10**5)


def best(instance: Instance, options: Options = EXACT) -> Answer:
    found = solve(instance, options, lambda _: True, monotonic)
    assert isinstance(found, Answer)
    return found


def dollars(answer: Answer) -> float:
    return float(answer.costs.objective) / 1e12


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2))
def test_the_same_problem_stated_in_linopy_has_the_same_objective(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from planner_linopy import Stated

        other = Stated(small(seed, 3)).best()
    assert dollars(best(small(seed, 3))) == pytest.approx(other, rel=1e-5)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("when", [(1, None), (0, 1)])
def test_it_has_where_models_are_ported_and_withdrawn(when: tuple[int, int | None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from planner_linopy import Stated

        timed = at_times(small(0, 3), *when)
        other = Stated(timed).best()
    found = best(timed)
    assert faults(timed, found.plan) == []
    assert dollars(found) == pytest.approx(other, rel=1e-5)
    assert dollars(found) > dollars(best(small(0, 3)))


def at_times(instance: Instance, first: int, last: int | None) -> Instance:
    """Whatever is no API serves with the large model from `first` to `last`."""
    offers = tuple(
        replace(
            offer,
            lines=tuple(
                replace(one, first=first, last=last) if one.model == "large" else one
                for one in offer.lines
            ),
        )
        if offer.kind == "contract"
        else offer
        for offer in instance.offers
    )
    return replace(instance, offers=offers)


def test_more_offers_never_cost_more() -> None:
    instance = small(3, 3)
    fewer = replace(instance, offers=instance.offers[:3], resources=instance.resources)
    fewer = replace(fewer, contingencies=known(instance.contingencies, fewer))
    rich = replace(instance, contingencies=fewer.contingencies)
    assert best(rich).costs.objective <= best(fewer).costs.objective * CLOSE


def known(several: tuple[Contingency, ...], instance: Instance) -> tuple[Contingency, ...]:
    """Contingencies of the offers that there are."""
    names = frozenset(offer.name for offer in instance.offers)
    return tuple(replace(one, offers=one.offers & names) for one in several)


@pytest.mark.parametrize("seed", [2, 7])
def test_a_contingency_never_lowers_the_cost(seed: int) -> None:
    instance = small(seed, 3)
    without = replace(instance, contingencies=())
    one = replace(instance, contingencies=instance.contingencies[:1])
    costs = [best(it).costs.objective for it in (without, one, instance)]
    assert costs[0] <= costs[1] * CLOSE
    assert costs[1] <= costs[2] * CLOSE


def test_an_exit_that_costs_nothing_more_is_worth_something_or_nothing() -> None:
    instance = small(5, 3)
    bound = tuple(replace(offer, exits={}) for offer in instance.offers)
    free = best(instance)
    assert free.costs.objective <= best(replace(instance, offers=bound)).costs.objective * CLOSE


def test_a_plan_whole_in_all_years_is_above_the_bound_of_the_first() -> None:
    instance = small(4, 5)
    found = best(instance, Options(gap=Fraction(1, 100), threads=1))
    exact = best(instance)
    assert found.bound <= exact.costs.objective * CLOSE
    assert exact.bound <= found.costs.objective
    assert faults(instance, found.plan) == []
    assert all(one.units.denominator == 1 for one in found.plan.signed if one.offer != "committed")


def test_what_is_told_is_what_the_plan_costs_and_breaks_nothing() -> None:
    instance = small(2, 3)
    found = best(instance)
    assert faults(instance, found.plan) == []
    assert costs(instance, found.plan) == found.costs
    assert found.gap <= Fraction(1, 10**5)


def test_a_plan_that_serves_more_than_its_units_make_is_a_fault() -> None:
    instance = small(2, 3)
    plan = best(instance).plan
    one = max(plan.served, key=lambda it: it.tokens)
    more = tuple(replace(it, tokens=it.tokens * 9) if it is one else it for it in plan.served)
    found = faults(instance, replace(plan, served=more))
    assert any("serves more than it can" in fault for fault in found)
    assert any("more is served than wanted" in fault for fault in found)


def test_a_search_that_is_stopped_tells_its_plan_and_gap() -> None:
    stops: list[Progress] = []

    def on(progress: Progress) -> bool:
        stops.append(progress)
        return progress.objective is None

    found = solve(small(0), Options(gap=Fraction(0), threads=1), on, monotonic)
    assert isinstance(found, Answer)
    assert found.costs.objective >= found.bound
    assert faults(small(0), found.plan) == []
    assert stops


def test_an_error_of_who_watches_is_not_swallowed() -> None:
    def on(_: Progress) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(small(0), Options(threads=1), on, monotonic)


def test_the_smallest_set_of_demands_that_conflict_is_named() -> None:
    instance = small(1, 3)
    chat = replace(instance.workloads[0], unserved=None)
    poor = Budget("poor", 0, 0, usd(1))
    rich = Budget("rich", 0, 2, usd(10**9))
    offers = tuple(replace(it, signed=it.signed * (it.kind == "api")) for it in instance.offers)
    works = (chat, instance.workloads[1])
    harder = replace(instance, offers=offers, workloads=works, budgets=(poor, rich))
    found = solve(harder, EXACT, lambda _: True, monotonic)
    assert found == Conflict(("budget poor", "workload chat"))


def test_a_budget_below_what_is_in_force_is_a_conflict_by_itself() -> None:
    instance = small(2, 3)
    offer = replace(instance.offers[1], signed=Fraction(1), exits={})
    tight = replace(
        instance,
        offers=(instance.offers[0], offer, *instance.offers[2:]),
        budgets=(Budget("tight", 0, 1, usd(1000)),),
    )
    assert solve(tight, EXACT, lambda _: True, monotonic) == Conflict(("budget tight",))


def test_cvar_takes_its_part_of_the_scenario_at_the_edge() -> None:
    cost = {0: Fraction(10), 1: Fraction(20), 2: Fraction(40)}
    chance = {0: Fraction(1, 2), 1: Fraction(3, 10), 2: Fraction(1, 5)}
    assert cvar(cost, chance, Risk(Fraction(1), Fraction(7, 10))) == Fraction(100, 3)
    assert cvar(cost, chance, Risk(Fraction(1), Fraction(1))) == 40
    assert cvar(cost, chance, Risk(Fraction(1), Fraction(0))) == 19


def test_with_no_time_at_all_there_is_still_a_plan_and_a_bound() -> None:
    found = best(small(2, 3), Options(seconds=0.0, threads=1))
    assert found.bound <= best(small(2, 3)).costs.objective * CLOSE
    assert faults(small(2, 3), found.plan) == []


def test_no_bound_that_is_told_is_above_the_best_plan() -> None:
    instance, bounds = small(4, 5), list[float]()

    def on(progress: Progress) -> bool:
        bounds.extend(() if progress.bound is None else (progress.bound,))
        return True

    solve(instance, Options(gap=Fraction(0), seconds=20, threads=1), on, monotonic)
    assert max(bounds) <= dollars(best(instance)) * float(CLOSE)


def with_leases(*terms: tuple[str, Fraction]) -> Instance:
    """One workload, and leases of one group: one unit of each is on offer, so many are in force."""
    lines = (Line("chat", "large", 100, (usd(0),) * 2),)
    there = Stream((Fraction(1),) * 2, (usd(1000),) * 2)
    offers = tuple(
        Offer(name, "contract", {}, lines, {-1: there, 0: there}, signed=signed, group="g")
        for name, signed in terms
    )
    nodes = tuple(Node(at, at - 1 if at else None, Fraction(1), ((50,),)) for at in range(2))
    return Instance(
        periods(2), (Block("all", Fraction(1)),),
        (Workload("chat", True, ("large",), usd(20)),), nodes, offers,
        Risk(Fraction(0), Fraction(9, 10)),
    )  # fmt: skip


def test_more_in_force_than_is_on_offer_stays_and_its_rivals_are_not_signed() -> None:
    found = best(with_leases(("lease", Fraction(2)), ("rival", Fraction(0))))
    assert not found.plan.signed


def test_without_highs_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(TollwayError, match=r'pip install "tollway\[plan\]"'):
        best(small(2, 3))
