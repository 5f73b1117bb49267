"""Which demands conflict, where no plan is feasible: the smallest set of them.

Rules
1. A demand is named rows: a budget, a limit, a resource, a group, work that must be served, cover
   that must hold. What is in force already, and what an offer is, is never dropped.
2. The smallest set is the one that hits every set of demands without which the rest does hold; such
   sets are found one at a time until the least that hits them all is itself infeasible.
"""

from collections.abc import Iterator
from itertools import combinations

from tollway.errors import TollwayError
from tollway.planner.program.answer import Conflict
from tollway.planner.program.model import INFINITE
from tollway.planner.program.program import Program
from tollway.planner.program.solver import Solver

SECONDS = 30.0
"""For one question whether some demands hold together."""


def conflict(program: Program, solver: Solver) -> Conflict:
    """The smallest set of demands of an infeasible program that are infeasible together.

    Raises:
        TollwayError: what is no demand is infeasible by itself.
    """
    demands = sorted(program.model.demanded)
    asked = _Asked(program, solver)
    if not asked.holds(frozenset()):
        raise TollwayError("What is in force already cannot hold: its units, ends or groups.")
    without: list[frozenset[str]] = []
    while True:
        kept = next(_hitting(demands, without))
        if not asked.holds(kept):
            return Conflict(tuple(sorted(kept)))
        for one in demands:
            if one not in kept and asked.holds(kept | {one}):
                kept |= {one}
        without.append(frozenset(demands) - kept)


def _hitting(demands: list[str], sets: list[frozenset[str]]) -> Iterator[frozenset[str]]:
    """Sets of demands that have one of each set, the smallest first."""
    for size in range(len(demands) + 1):
        for some in combinations(demands, size):
            if all(one.intersection(some) for one in sets):
                yield frozenset(some)


class _Asked:
    """The program with some of its demands only, and no objective that matters."""

    def __init__(self, program: Program, solver: Solver) -> None:
        self._model = program.model
        self._solver = solver

    def holds(self, demands: frozenset[str]) -> bool:
        model = self._model
        for name, rows in model.demanded.items():
            for row in rows:
                if name in demands:
                    self._solver.row_bounds(row, model.row_low[row], model.row_high[row])
                else:
                    self._solver.row_bounds(row, -INFINITE, INFINITE)
        found = self._solver.run(1.0, SECONDS, lambda _, __: True)
        if found.status == "stopped" and found.values is None:
            raise TollwayError("Whether the demands conflict was not found out in time.")
        return found.status != "infeasible"
