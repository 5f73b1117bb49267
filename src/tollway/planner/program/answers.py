"""What a solved problem can be asked: what a clause, a contingency or a signing is worth.

Rules
1. Every amount is an interval made from both problems' bounds, never from two incumbents.
2. Where one problem only allows less than the other, it is not the cheaper one: the interval ends
   at 0. An incumbent of the narrower problem is one of the wider, and a bound of the wider one is
   one of the narrower.
3. What is not told apart is said so (`Between.told`), and no winner is named.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tollway.planner.program import variants
from tollway.planner.program.answer import Answer, Between, Conflict, Plan, difference
from tollway.planner.program.instance import ALREADY, Instance

Solve = Callable[[Instance], Answer | Conflict]
"""Solves a problem, within whatever time and gap its maker gave it."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What it costs that something is as it is, in pico-dollars of the objective: `amount` is the
    problem as it stands less the other one, or the other way round where the question is what
    something is worth. None: the other problem has no plan at all, and `conflict` says why."""

    name: str
    amount: Between | None
    instead: Answer | None
    conflict: Conflict | None = None

    @property
    def gap(self) -> Fraction | None:
        """How far the other problem's plan may be from its best."""
        return None if self.instead is None else self.instead.gap


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an offer is signed now: what it would cost to sign it later only (`later`), and to do
    without it for good (`never`)."""

    offer: str
    units: Fraction
    later: Worth
    never: Worth


@dataclass(frozen=True, slots=True)
class Stay:
    """An offer that is left by notice in `period` (None: never) in all scenarios, and what it costs
    more than leaving it one possible period earlier."""

    period: int | None
    answer: Answer | Conflict
    more: Between | None


@dataclass(frozen=True, slots=True)
class Bridge:
    """When a contract stops paying. `best` are the periods of notice (None: never) that cannot be
    told from the cheapest; `deciding` is what it is worth to decide by scenario instead."""

    offer: str
    stays: tuple[Stay, ...]
    best: tuple[int | None, ...]
    deciding: Between | None


@dataclass(frozen=True, slots=True)
class Life:
    """Building against leasing if a chip lives so many years: `amount` is what the best plan
    without builds costs more than the best one without leases."""

    years: Fraction
    amount: Between | None
    built: Answer | Conflict
    leased: Answer | Conflict


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From which life on building is cheaper. It is above `above` years (leasing is told to be
    cheaper there) and at most `at_most` (building is); None where no life was told."""

    lives: tuple[Life, ...]
    above: Fraction | None
    at_most: Fraction | None


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """A plan of the cost-CVaR frontier. No plan has a lower (1 - weight) x expected + weight x CVaR
    than `bound`; `slack` is by how much this one may be above it."""

    weight: Fraction
    answer: Answer
    expected: Fraction
    cvar: Fraction
    bound: Fraction
    slack: Fraction


def contingency_prices(
    problem: Instance, base: Answer, solve: Solve, names: Iterable[str] | None = None
) -> tuple[Worth, ...]:
    """What it costs to be ready for each contingency (of `names`, or all): with it less without."""
    wanted = [one.name for one in problem.contingencies] if names is None else list(names)
    return tuple(
        _less(name, base, solve(variants.without_contingency(problem, name))) for name in wanted
    )


def exits_worth(
    problem: Instance, base: Answer, solve: Solve, names: Iterable[str] | None = None
) -> tuple[Worth, ...]:
    """What our own notice is worth, of each offer that has any and then of all of them: without it
    less with it. The sum of the parts is not the whole."""
    has = [one.name for one in problem.offers if one.exits]
    wanted = has if names is None else [name for name in has if name in frozenset(names)]
    groups: list[tuple[str, tuple[str, ...]]] = [(name, (name,)) for name in wanted]
    if len(wanted) > 1:
        groups.append(("all", tuple(wanted)))
    return tuple(
        _more(name, solve(variants.without_exits(problem, some)), base) for name, some in groups
    )


def signing_reasons(problem: Instance, base: Answer, solve: Solve) -> tuple[Reason, ...]:
    """Why each offer that the plan signs at the start is signed then."""
    found: list[Reason] = []
    for name, units in signed_now(problem, base.plan).items():
        later = solve(variants.without_signing(problem, (name,), until=1))
        never = solve(variants.without_signing(problem, (name,)))
        found.append(Reason(name, units, _more(name, later, base), _more(name, never, base)))
    return tuple(found)


def signed_now(problem: Instance, plan: Plan) -> dict[str, Fraction]:
    """Units of each offer that are signed at the start."""
    roots = {at for at, node in enumerate(problem.nodes) if node.parent is None}
    found: dict[str, Fraction] = {}
    for one in plan.signed:
        if one.node in roots:
            found[one.offer] = found.get(one.offer, Fraction(0)) + one.units
    return found


def bridge(problem: Instance, base: Answer, solve: Solve, name: str) -> Bridge:
    """Leave an offer in each period in which all of it can be left, and never; compare.

    Raises:
        KeyError: there is no such offer.
    """
    stays: list[Stay] = []
    before: Answer | Conflict | None = None
    for period in [*_exit_periods(problem, name), None]:
        found = solve(variants.left_in(problem, name, period))
        more = None
        if isinstance(found, Answer) and isinstance(before, Answer):
            more = difference(found, before)
        stays.append(Stay(period, found, more))
        before = found
    solved = [(one.period, one.answer) for one in stays if isinstance(one.answer, Answer)]
    if not solved:
        return Bridge(name, tuple(stays), (), None)
    least = min(answer.costs.objective for _, answer in solved)
    floor = min(answer.bound for _, answer in solved)
    best = tuple(period for period, answer in solved if answer.bound <= least)
    low = max(Fraction(0), floor - min(least, base.costs.objective))
    return Bridge(name, tuple(stays), best, Between(low, max(low, least - base.bound)))


def break_even(by_life: Mapping[Fraction, Instance], solve: Solve) -> BreakEven:
    """Own against leased silicon, in the same problem stated for several lives of a build's chips.
    Both sides keep every offer of other kinds."""
    lives: list[Life] = []
    for years in sorted(by_life):
        problem = by_life[years]
        leases = _of_kind(problem, "contract", "block")
        built = solve(variants.without_signing(problem, leases))
        leased = solve(variants.without_signing(problem, _of_kind(problem, "build")))
        amount = None
        if isinstance(built, Answer) and isinstance(leased, Answer):
            amount = difference(leased, built)
        lives.append(Life(years, amount, built, leased))
    lease = [one.years for one in lives if one.amount is not None and one.amount.high < 0]
    own = [one.years for one in lives if one.amount is not None and one.amount.low > 0]
    return BreakEven(tuple(lives), max(lease) if lease else None, min(own) if own else None)


def frontier(
    problem: Instance, weights: Sequence[Fraction], solve: Solve
) -> tuple[FrontierPoint, ...]:
    """Expected cost against CVaR, by the weight of CVaR; weights without a plan are left out."""
    points: list[FrontierPoint] = []
    for weight in sorted(weights):
        found = solve(variants.weighted(problem, weight))
        if not isinstance(found, Answer):
            continue
        costs = found.costs
        slack = costs.objective - found.bound
        points.append(FrontierPoint(weight, found, costs.expected, costs.cvar, found.bound, slack))
    return tuple(points)


def narrowed(narrow: Answer, wide: Answer) -> Between:
    """By how much the narrower problem's best costs more than the wider one's (rule 2)."""
    best = min(wide.costs.objective, narrow.costs.objective)
    floor = max(wide.bound, narrow.bound)
    low = max(Fraction(0), floor - best)
    return Between(low, max(low, narrow.costs.objective - wide.bound))


def _less(name: str, base: Answer, wider: Answer | Conflict) -> Worth:
    if isinstance(wider, Conflict):
        return Worth(name, None, None, wider)
    return Worth(name, narrowed(base, wider), wider)


def _more(name: str, narrower: Answer | Conflict, base: Answer) -> Worth:
    if isinstance(narrower, Conflict):
        return Worth(name, None, None, narrower)
    return Worth(name, narrowed(narrower, base), narrower)


def _of_kind(problem: Instance, *kinds: str) -> list[str]:
    return [one.name for one in problem.offers if one.kind in kinds]


def _exit_periods(problem: Instance, name: str) -> list[int]:
    for offer in problem.offers:
        if offer.name == name:
            left = {when for _, when in offer.exits}
            if offer.signed:
                left = {when for signed, when in offer.exits if signed == ALREADY}
            return sorted(left)
    raise KeyError(name)
