"""From a problem to a plan: the program is stated, solved, rounded, and its plan counted anew."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tollway.planner.program.answer import Answer, Conflict
from tollway.planner.program.instance import Instance


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
    raise NotImplementedError
