"""A model serves from its port until its withdrawal, in a plan, after a loss, and when checked."""

from dataclasses import replace
from fractions import Fraction
from time import monotonic

from planner_instances import periods, usd
from planner_problems import API, LEASE, PLAN, problem

from tollway.planner.program.answer import Answer, Served
from tollway.planner.program.check import faults
from tollway.planner.program.instance import (
    ALREADY,
    Block,
    Contingency,
    Instance,
    Line,
    Node,
    Offer,
    Risk,
    Stream,
    Workload,
)
from tollway.planner.program.solve import Options, solve

M = 10**6
EXACT = Options(gap=Fraction(1, 10**6), threads=1, integers="all")
FREE = Stream((Fraction(1),) * 2, (usd(0),) * 2)


def line(model: str, tokens: int, *, first: int = 0, last: int | None = None) -> Line:
    return Line("chat", model, tokens * M, (usd(1),) * 2, first=first, last=last)


def offer(name: str, *lines: Line) -> Offer:
    """One unit in force, paid for by use alone."""
    return Offer(name, "contract", {"vendor": name}, lines, {ALREADY: FREE}, signed=Fraction(1))


def wanting(tokens: int, *offers: Offer, feared: Contingency | None = None) -> Instance:
    """Two quarters of one chat, served by either of two models."""
    demand = ((tokens * M,),)
    return Instance(
        periods(2),
        (Block("all", Fraction(1)),),
        (Workload("chat", True, ("m", "n"), usd(20)),),
        (Node(0, None, Fraction(1), demand), Node(1, 0, Fraction(1), demand)),
        offers,
        Risk(Fraction(0), Fraction(9, 10)),
        () if feared is None else (feared,),
    )


def leaving(name: str) -> Contingency:
    return Contingency("gone", "vendor", frozenset((name,)), frozenset(), 0, Fraction(1), usd(3))


def best(instance: Instance) -> Answer:
    found = solve(instance, EXACT, lambda _: True, monotonic)
    assert isinstance(found, Answer)
    assert faults(instance, found.plan) == []
    return found


def serving(instance: Instance) -> list[tuple[int, str, int]]:
    """Node, model and millions of tokens an hour."""
    return [(it.node, it.model, it.tokens // M) for it in best(instance).plan.served]


def test_a_withdrawn_model_serves_no_more_and_the_slower_one_that_outlasts_it_does() -> None:
    x = offer("x", line("m", 10, last=0), line("n", 4))
    assert serving(wanting(5, x)) == [(0, "m", 5), (1, "n", 4)]


def test_a_model_serves_nothing_before_it_is_ported() -> None:
    x = offer("x", line("m", 10, first=1))
    assert serving(wanting(5, x)) == [(1, "m", 5)]
    assert best(wanting(5, x)).plan.unserved == {(0, "chat"): 5 * M * 90 * 24}


def test_what_is_not_ported_yet_covers_no_loss() -> None:
    x, y, z = offer("x", line("m", 10)), offer("y", line("m", 3, first=1)), offer("z", line("n", 1))
    found = best(wanting(5, x, y, z, feared=leaving("x")))
    assert found.plan.short == {("gone", 0): 4 * M, ("gone", 1): 1 * M}


def test_a_contingency_counts_where_something_on_offer_could_survive_it() -> None:
    x, y = offer("x", line("m", 10)), offer("y", line("m", 3, first=1))
    found = best(wanting(5, x, y, feared=leaving("x")))
    assert found.plan.short == {("gone", 1): 2 * M}


def test_serving_with_a_model_when_it_does_not_run_is_a_fault() -> None:
    instance = wanting(5, offer("x", line("m", 10, last=0)))
    plan = best(instance).plan
    late = replace(plan, served=(*plan.served, Served(1, 0, "x", "chat", "m", M)))
    assert faults(instance, late) == ["x: serves with m at node 1, where it does not run"]


def test_periods_in_which_nothing_on_offer_survives_a_loss_are_told() -> None:
    said = '[plan.software."llama-3.3-70b"]\nruns_on = ["cuda"]\nport_months = { rocm = 9 }\n'
    made = problem(PLAN + said + API + LEASE.replace("h200", "mi355x"))
    assert "acme leaves / region north fails" in {it.name for it in made.instance.contingencies}
    (note,) = (it for it in made.notes if it.startswith("acme leaves"))
    assert "from 2027-01, 2027-04, 2027-07, nothing on offer" in note
