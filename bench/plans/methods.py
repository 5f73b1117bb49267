"""What each method signs as demand unfolds, from the same facts and by the same routine.

Rules
1. A method sees a path up to now: its demand and its regime. A plan is made at the start and once
   a year, from where demand and contracts then stand; in between, its own node nearest to what is
   seen says what to sign and to leave.
2. The two planners differ in one thing, the tree that they plan on: scenarios, or their mean.
3. The rules of thumb are tuned on the very scenarios that the first plan is made on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bench.plans.market import Market
from bench.plans.process import Paths, State, demand, draw, initial, tree
from bench.plans.standing import Cohort, decided, to_dispatch, to_plan
from tollway.planner.program.answer import Answer, Conflict
from tollway.planner.program.instance import Instance, Node, Stream

Solve = Callable[[Instance], Answer | Conflict]
Cohorts = tuple[Cohort, ...]

DRAWS = 600
SCENARIOS = {0: {1: 3, 3: 2, 5: 2}, 4: {1: 2, 2: 2}}
"""Branchings of the tree, by the period in which it is planned: 12 scenarios, later 4."""
MEAN: dict[int, dict[int, int]] = {0: {}, 4: {}}


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan on its tree; its horizon began in period `start`."""

    start: int
    nodes: tuple[Node, ...]
    answer: Answer


class Failed(Exception):  # noqa: N818
    """A problem that always has a plan had none."""


def training(market: Market, state: State, cut: dict[int, int]) -> tuple[Node, ...]:
    """The tree of a state, from draws that are the same for every method."""
    rng = np.random.default_rng([11, market.seed, state.period])
    return tree(market.process, draw(market.process, state, DRAWS, rng), cut)


def planned(
    market: Market, state: State, cohorts: Cohorts, cuts: dict[int, dict[int, int]], solve: Solve
) -> Planned:
    """A method's plan from where things stand."""
    nodes = training(market, state, cuts[state.period])
    found = solve(to_plan(market, state.period, cohorts, nodes))
    return Planned(state.period, nodes, solved(found))


def followed(
    market: Market, first: Planned, paths: Paths, cuts: dict[int, dict[int, int]], solve: Solve
) -> list[Cohorts]:
    """What a planner holds at the end of each path (rule 1)."""
    return [_along(market, first, paths, path, (cuts, solve)) for path in range(len(paths.wanted))]


def _along(
    market: Market,
    plan: Planned,
    paths: Paths,
    path: int,
    how: tuple[dict[int, dict[int, int]], Solve],
) -> Cohorts:
    cuts, solve = how
    cohorts: Cohorts = ()
    at = 0
    for period in range(market.process.periods):
        if period and period in cuts:
            plan = planned(market, paths.state(path, period), cohorts, cuts, solve)
            at = 0
        elif period:
            at = _nearest(plan.nodes, at, float(paths.wanted[path, period].sum()))
        cohorts = decided(cohorts, plan.answer.plan, plan.nodes, at, plan.start)
    return cohorts


def _nearest(nodes: Sequence[Node], at: int, wanted: float) -> int:
    """The next node of a plan that is nearest in demand; the first of equals."""
    after = [number for number, node in enumerate(nodes) if node.parent == at]
    return min(after, key=lambda it: (abs(_mean(nodes[it]) - wanted), it))


def _mean(node: Node) -> float:
    """Tokens an hour, all workloads, a day's mean: a third of it is peak."""
    return sum(peak / 3 + rest * 2 / 3 for peak, rest in node.demand)


def one_lease(market: Market, solve: Solve) -> Cohorts:
    """One contract at the start or after half a year, kept as long as it runs: which one, and its
    size by mean or P90 demand or less, are what is best on the training scenarios."""
    state = initial(market.process)
    nodes = training(market, state, SCENARIOS[0])
    best: tuple[Fraction, int, Cohorts] | None = None
    for number, cohorts in enumerate(_leases(market, state)):
        cost = solved(solve(to_dispatch(market, cohorts, nodes))).costs.objective
        if best is None or (cost, number) < best[:2]:
            best = (cost, number, cohorts)
    if best is None:
        raise Failed(f"market {market.seed} has no contract")
    return best[2]


def _leases(market: Market, state: State) -> list[Cohorts]:
    """Candidates of the rule of thumb, without repeats."""
    rng = np.random.default_rng([11, market.seed, state.period])
    wanted = draw(market.process, state, DRAWS, rng).wanted.sum(axis=2)
    sizes = [float(wanted.mean()) * share for share in (0.5, 0.75, 1.0)]
    sizes.append(float(np.quantile(wanted, 0.9)))
    found: dict[Cohorts, None] = {}
    for offer in market.offers:
        if offer.kind not in ("contract", "block"):
            continue
        for size in sizes:
            units = Fraction(max(1, round(size / offer.lines[0].tokens)))
            units = min(offer.most, max(offer.least, units))
            for period in (0, 2):
                found[_renewed(offer.runs, Cohort(offer.name, period, units))] = None
    return list(found)


def _renewed(runs: Mapping[int, Stream], cohort: Cohort) -> Cohorts:
    """A block of a fixed term is signed again when it ends."""
    held = [cohort]
    periods = len(runs[cohort.signed].capacity)
    for period in range(cohort.signed + 1, periods):
        there = runs[held[-1].signed].capacity
        if not any(there[period:]) and period in runs and any(runs[period].capacity):
            held.append(Cohort(cohort.offer, period, cohort.units))
    return tuple(held)


def solved(found: Answer | Conflict) -> Answer:
    """The answer, which must be there: what is not served has a price."""
    if isinstance(found, Conflict):
        raise Failed(f"these conflict: {', '.join(found.demands)}")
    return found


def chain(market: Market, paths: Paths, path: int) -> tuple[Node, ...]:
    """One path as it came, as nodes."""
    return tuple(
        Node(at, at - 1 if at else None, Fraction(1), demand(market.process, wanted))
        for at, wanted in enumerate(paths.wanted[path])
    )
