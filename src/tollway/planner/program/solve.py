"""From a problem to a plan: the program is stated, solved, rounded, and its plan counted anew.

Rules
1. First the lumps of the first year alone are whole: what is proven there bounds every plan, for
   whatever is whole in all years is so in the first.
2. Then the first year is kept, and the later ones are made whole, a year at a time: the plan that
   is handed out is whole in all of them, and its gap is against the bound of rule 1.
3. Where that gap is more than was asked and time is left, all years are searched from that plan on;
   where there are few lumps, at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from math import floor
from typing import Literal

from tollway.errors import TollwayError
from tollway.planner.program.answer import Answer, Conflict, Plan
from tollway.planner.program.check import faults
from tollway.planner.program.claims import Decision, Leaving, Signing
from tollway.planner.program.conflict import conflict
from tollway.planner.program.costs import costs
from tollway.planner.program.instance import Instance
from tollway.planner.program.program import Program, state
from tollway.planner.program.rounding import rounded, units_of_point
from tollway.planner.program.signing import Begun, Some
from tollway.planner.program.solver import Found, Solver

LAST_SECONDS = 600.0
"""For the linear program that is left when all lumps are fixed; it takes one or two."""

BOUNDING = frozenset({"first year", "all years"})
"""Phases in which nothing is fixed: only their bounds hold for the whole problem."""

FEW = 250
"""Lumps that are decided all at once."""

LEAST_SECONDS = 5.0
"""With fewer left, no further search is begun."""


@dataclass(frozen=True, slots=True)
class Options:
    """`gap`: it stops once the plan is proven to be within this share of the best. `seconds`: or
    after this long. `integers`: whose lumps the bound respects: those of the "first year", or of
    "all" years. The plan is whole in all years either way."""

    gap: Fraction = Fraction(1, 100)
    seconds: float = 60.0
    threads: int = 2
    integers: Literal["first year", "all"] = "first year"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the solver stands: its best plan so far and the bound, in dollars of the objective, and
    the gap between them. None: there is none yet."""

    seconds: float
    phase: str
    objective: float | None
    bound: float | None
    gap: float | None


def solve(
    instance: Instance,
    options: Options,
    on: Callable[[Progress], bool],
    clock: Callable[[], float],
) -> Answer | Conflict:
    """The best plan that is found, with its bound; or which demands conflict. `on` is called as it
    goes on, and stops it by returning False: the best plan so far is then the answer. `clock` is
    `time.monotonic`, or like it.

    Raises:
        TollwayError: highspy is missing, or the solver found no plan in time, or failed.
    """
    began = clock()
    search = _Search(state(instance), options, on, lambda: clock() - began)
    return search.answer()


class _Search:
    """One problem's solver, with the bound and the plan that it has come to."""

    def __init__(
        self,
        program: Program,
        options: Options,
        on: Callable[[Progress], bool],
        elapsed: Callable[[], float],
    ) -> None:
        self.program = program
        self.options = options
        self.solver = Solver(program.model, options.threads)
        self.years = whole_by_year(program)
        self.bound = float("-inf")
        self.stopped = False
        self._on = on
        self._elapsed = elapsed

    def answer(self) -> Answer | Conflict:
        every = [*chain(*self.years)]
        at_once = self.options.integers == "all" or len(every) <= FEW
        self.solver.whole(every if at_once else self.years[0])
        if at_once:
            found = self._run("all years", 1.0, 1.0)
        else:
            found = self._run("first year", 0.6, 0.5)
        if found.status == "infeasible":
            return conflict(self.program, self.solver)
        self.bound = found.bound
        if found.values is None:
            found = self._linear(found)
            values = self._settled(found.values or [0.0] * self.program.model.columns)
            return self._told(rounded(self.program, values), values)
        values = self._settled(found.values if at_once else self._whole_later(found.values))
        answer = self._told(rounded(self.program, values), values)
        if at_once:
            return answer
        if answer.gap > self.options.gap and not self.stopped and self._left() > LEAST_SECONDS:
            answer = self._better(answer, values)
        return answer

    def _left(self) -> float:
        """Seconds of those that were allowed."""
        return self.options.seconds - self._elapsed()

    def _better(self, answer: Answer, values: list[float]) -> Answer:
        """Rule 3."""
        model = self.program.model
        for column in chain(*self.years):
            self.solver.bounds(column, model.low[column], model.high[column])
        self.solver.whole(chain(*self.years))
        self.solver.start(values)
        found = self._run("all years", 1.0, 1.0)
        self.bound = max(self.bound, found.bound)
        if found.values is not None:
            settled = self._settled(found.values)
            other = self._told(rounded(self.program, settled), settled)
            if other.costs.objective < answer.costs.objective:
                return other
        return self._proven(answer)

    def _linear(self, found: Found) -> Found:
        """Where time was too short for any plan: nothing is whole, which is bound and plan enough
        to round, however long it takes."""
        self.solver.whole([])
        linear = self.solver.run(0.0, LAST_SECONDS, lambda _, __: True)
        if linear.status != "optimal":
            raise TollwayError(f"Nothing is known after {self._elapsed():.0f} s. Allow more time.")
        self.bound = max(found.bound, linear.bound)
        return linear

    def _whole_later(self, values: list[float]) -> list[float]:
        """Rule 2. A year that finds nothing in its time is rounded to the nearest."""
        for year, columns in enumerate(self.years[1:]):
            if self.stopped:
                break
            for column in self.years[year]:
                at = float(round(values[column]))
                self.solver.bounds(column, at, at)
            self.solver.whole(columns)
            left = len(self.years) - year
            values = self._run(f"year {year + 2}", 1 / left, 0.25).values or values
        return values

    def _settled(self, values: list[float]) -> list[float]:
        """Every lump fixed, the rest solved for once more: it is not stopped any more. Where the
        nearest whole numbers break something, for it was stopped early, the next below do not."""
        model = self.program.model
        below = [
            floor(at + 1e-6) if whole else at for at, whole in zip(values, model.whole, strict=True)
        ]
        self.solver.whole([])
        for point in (values, below):
            for name, at in lumps(self.program, point).items():
                self.solver.bounds(model.named[name], at, at)
            found = self.solver.run(0.0, LAST_SECONDS, lambda _, __: True)
            if found.status == "optimal" and found.values is not None:
                return found.values
        raise TollwayError("No whole plan was found near the divided one. Allow more time.")

    def _run(self, phase: str, time: float, gap: float) -> Found:
        """Solve within shares of the time that is left and of the gap that is asked."""
        seconds = max(1.0, self._left() * time)
        dollars = self.program.scale.money / 10**12

        def told(objective: float | None, bound: float | None) -> bool:
            proven = self.bound
            if bound is not None and phase in BOUNDING:
                proven = max(proven, bound)
            proven = None if proven == float("-inf") else proven
            gap = None
            if objective and proven is not None:
                gap = (objective - proven) / abs(objective)
            progress = Progress(
                self._elapsed(),
                phase,
                None if objective is None else objective * dollars,
                None if proven is None else proven * dollars,
                gap,
            )
            self.stopped = self.stopped or not self._on(progress)
            return not self.stopped

        return self.solver.run(float(self.options.gap) * gap, seconds, told)

    def _told(self, plan: Plan, values: list[float]) -> Answer:
        broken = faults(self.program.instance, plan)
        if broken:
            words = f"The plan that was solved for breaks {len(broken)} demands"
            raise TollwayError(f"{words}: {'; '.join(broken[:3])}. Please report it.")
        counted = costs(self.program.instance, plan)
        model, money = self.program.model, self.program.scale.money
        solved = sum(
            cost * value / unit
            for cost, value, unit in zip(model.cost, values, model.unit, strict=True)
        )
        off = abs(float(counted.objective / money) - solved)
        if off > 1e-5 * max(1.0, abs(solved)):
            words = f"The plan costs {float(counted.objective / money)}, the solver says {solved}"
            raise TollwayError(f"{words} (units of {money} pico-dollars). Please report it.")
        return self._proven(Answer(plan, counted, Fraction(0), "interrupted", 0.0))

    def _proven(self, answer: Answer) -> Answer:
        """A plan with the bound and the time as they are now."""
        bound = min(Fraction(self.bound) * self.program.scale.money, answer.costs.objective)
        found = replace(answer, bound=bound, seconds=self._elapsed(), status="interrupted")
        if found.gap <= Fraction(1, 10**6):
            return replace(found, status="optimal")
        return replace(found, status="good enough") if found.gap <= self.options.gap else found


Lump = Decision | Some | Begun


def lumps(program: Program, values: list[float]) -> dict[Lump, float]:
    """What a point's whole columns are, exactly and consistently: `rounding` decides of units, and
    whether something is signed or begun follows from them."""
    units = units_of_point(program, values)
    found: dict[Lump, float] = {}
    for name, column in program.model.named.items():
        if not program.model.whole[column]:
            continue
        if isinstance(name, Signing | Leaving):
            found[name] = float(units[name])
        elif isinstance(name, Some):
            found[name] = float(units[Signing(name.offer, name.node)] > 0)
        elif isinstance(name, Begun):
            before = () if name.node is None else (None, *program.tree.path[name.node][:-1])
            earlier = any(units.get(Signing(name.offer, node)) for node in before)
            found[name] = float(units[Signing(name.offer, name.node)] > 0 and not earlier)
    return found


def whole_by_year(program: Program) -> list[list[int]]:
    """The columns that must be whole, by the year of the horizon in which they are decided."""
    first = program.instance.periods[0].first
    years: dict[int, list[int]] = {0: []}
    for name, column in program.model.named.items():
        if program.model.whole[column] and isinstance(name, Signing | Leaving | Some | Begun):
            day = first
            if name.node is not None:
                day = program.instance.periods[program.tree.period(name.node)].first
            months = 12 * (day.year - first.year) + day.month - first.month
            years.setdefault(months // 12, []).append(column)
    return [years.get(year, []) for year in range(max(years) + 1)]
