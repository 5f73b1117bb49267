"""By when notice is to be given, and what binds whoever does not: of what a plan has at its start.

Rules
1. A call is the last day on which notice leads out by the same day as notice in its period does.
2. Whoever misses it is bound until the next way out, or to the end of the term.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from tollway.fleet.contract import Clauses
from tollway.fleet.objects import Fleet
from tollway.planner.agreements import signings_of
from tollway.planner.exits import last_day, last_notice
from tollway.planner.problem import Problem
from tollway.planner.program.answer import Plan
from tollway.planner.program.instance import ALREADY, Instance
from tollway.planner.streams import notice_day, runs_to


@dataclass(frozen=True, slots=True)
class Call:
    """Give notice to an `offer` by a day, and service ends on `out`; later, on `until` at the
    earliest (None: nothing is stated). `period` is that of the notice; `given` says that the plan
    gives it there, whatever happens."""

    offer: str
    period: int
    by: date
    out: date
    until: date | None
    given: bool


def calls(fleet: Fleet, problem: Problem, plan: Plan) -> tuple[Call, ...]:
    """The next call of each contract that is in force, or is signed at the start."""
    found: list[Call] = []
    signed = {one.offer for one in plan.signed if problem.instance.nodes[one.node].parent is None}
    for offer in problem.instance.offers:
        if offer.name not in fleet.contracts or not (offer.signed or offer.name in signed):
            continue
        since = ALREADY if offer.signed else 0
        terms, said = fleet.contracts[offer.name].offer, problem.clauses[offer.name]
        clauses = dict(signings_of(terms, said, problem.instance.periods)).get(since)
        if clauses is not None:
            found += list(_calls(problem.instance, plan, offer.name, clauses))[:1]
    return tuple(sorted(found, key=lambda one: (one.by, one.offer)))


def _calls(instance: Instance, plan: Plan, name: str, clauses: Clauses) -> Iterator[Call]:
    ways: list[tuple[int, date]] = []
    for at, period in enumerate(instance.periods):
        on = notice_day(clauses, period, instance.periods)
        if on is not None:
            ways.append((at, on))
    outs = [last_day(clauses, on, "us")[1] for _, on in ways]
    for index, (at, on) in enumerate(ways):
        out = outs[index]
        until = next((one for one in outs[index:] if one > out), runs_to(clauses))
        if until == out:  # it ends by itself
            continue
        by = last_notice(clauses, out) or on
        same = [when for (when, _), one in zip(ways, outs, strict=True) if one == out]
        given = any(_given(instance, plan, name, when) for when in same)
        yield Call(name, at, by, out, until, given)


def _given(instance: Instance, plan: Plan, name: str, period: int) -> bool:
    """Whether notice is given in a period in every scenario."""
    noticed = {one.node for one in plan.noticed if one.offer == name}
    nodes = [at for at, node in enumerate(instance.nodes) if node.period == period]
    return bool(nodes) and noticed >= set(nodes)
