"""HiGHS behind one call: a model goes in, the best point and the bound come out.

Rules
1. A solve ends by its gap, its time, or a callback that says so; the best point so far stays.
2. What is neither solved, stopped nor infeasible is an error, never an answer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tollway.errors import TollwayError
from tollway.planner.program.model import Model

if TYPE_CHECKING:
    import highspy

MISSING = 'tollway plan needs HiGHS. Install it with pip install "tollway[plan]".'
Told = Callable[[float | None, float | None], bool]
"""Called with the best objective and the bound, None where there is none; False stops."""


@dataclass(frozen=True, slots=True)
class Found:
    """`values` by column, and the objective: None where no point was found. Nothing is below
    `bound`."""

    status: Literal["optimal", "stopped", "infeasible"]
    values: list[float] | None
    objective: float | None
    bound: float


class Solver:
    """A model in HiGHS, whose bounds and whole columns can be changed between solves."""

    def __init__(self, model: Model, threads: int) -> None:
        """Raises TollwayError where highspy or numpy is missing."""
        try:
            import highspy
            import numpy as np
        except ImportError as error:
            raise TollwayError(MISSING) from error
        self.model = model
        self._highs = highspy.Highs()
        self._highs.silent()
        self._highs.setOptionValue("threads", threads)
        self._highs.passModel(
            model.columns,
            model.rows,
            len(model.index),
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            np.asarray(model.cost, np.float64),
            np.asarray(model.low, np.float64),
            np.asarray(model.high, np.float64),
            np.asarray(model.row_low, np.float64),
            np.asarray(model.row_high, np.float64),
            np.asarray(model.start[:-1], np.int32),
            np.asarray(model.index, np.int32),
            np.asarray(model.value, np.float64),
            np.zeros(model.columns, np.int32),
        )

    def whole(self, columns: Iterable[int]) -> None:
        """From now on these columns are whole, and no others."""
        import numpy as np

        kinds = np.zeros(self.model.columns, np.uint8)
        kinds[list(columns)] = 1
        every = np.arange(self.model.columns, dtype=np.int32)
        self._highs.changeColsIntegrality(len(every), every, kinds)

    def bounds(self, column: int, low: float, high: float) -> None:
        """A column's bounds from now on."""
        unit = self.model.unit[column]
        self._highs.changeColBounds(column, low / unit, high / unit)

    def row_bounds(self, row: int, low: float, high: float) -> None:
        """A row's bounds from now on."""
        self._highs.changeRowBounds(row, low, high)

    def start(self, values: list[float]) -> None:
        """Begin the next solve from this point."""
        import highspy

        point = highspy.HighsSolution()
        point.col_value = [at / unit for at, unit in zip(values, self.model.unit, strict=True)]
        self._highs.setSolution(point)

    def options(self, **values: Any) -> None:
        """HiGHS' own options."""
        for name, value in values.items():
            self._highs.setOptionValue(name, value)

    def run(self, gap: float, seconds: float, told: Told) -> Found:
        """Raises TollwayError where the solver fails, or finds the model unbounded."""
        if seconds <= 0:
            return Found("stopped", None, None, float("-inf"))
        self.options(mip_rel_gap=gap, time_limit=seconds)
        watching = _Watching(self._highs, told)
        with watching:
            self._highs.run()
        if watching.raised is not None:
            raise watching.raised
        found = _found(self._highs)
        if found.values is None:
            return found
        natural = [at * unit for at, unit in zip(found.values, self.model.unit, strict=True)]
        return replace(found, values=natural)


class _Watching:
    """Passes on what HiGHS tells, and stops it. An exception must not go through its C++."""

    def __init__(self, highs: "highspy.Highs", told: Told) -> None:
        self.raised: BaseException | None = None
        self._told = told
        self._on = True
        asking = (highs.cbMipInterrupt, highs.cbSimplexInterrupt, highs.cbIpmInterrupt)
        self._events = (
            (highs.cbMipImprovingSolution, self._heard),
            (highs.cbMipLogging, self._heard),
            *((event, self._asked) for event in asking),
        )

    def __enter__(self) -> None:
        for event, call in self._events:
            event.subscribe(call)

    def __exit__(self, *_: object) -> None:
        for event, call in self._events:
            event.unsubscribe(call)

    def _heard(self, event: Any) -> None:
        best, bound = event.data_out.mip_primal_bound, event.data_out.mip_dual_bound
        try:
            self._on = self._on and self._told(_known(best), _known(bound))
        except BaseException as error:  # noqa: BLE001 - raised again when HiGHS has returned
            self.raised, self._on = error, False

    def _asked(self, event: Any) -> None:
        self._heard(event)
        event.data_in.user_interrupt = not self._on  # HiGHS keeps it from one solve to the next


def _known(value: float) -> float | None:
    return value if -1e30 < value < 1e30 else None


def _found(highs: "highspy.Highs") -> Found:
    import highspy

    status, info = highs.getModelStatus(), highs.getInfo()
    kinds = highspy.HighsModelStatus
    if status in {kinds.kInfeasible, kinds.kUnboundedOrInfeasible}:
        if status == kinds.kUnboundedOrInfeasible:
            highs.setOptionValue("presolve", "off")
            highs.run()
            highs.setOptionValue("presolve", "choose")
            return _found(highs)
        return Found("infeasible", None, None, float("inf"))
    stopped = {kinds.kTimeLimit, kinds.kInterrupt, kinds.kSolutionLimit}
    whole = any(kind != highspy.HighsVarType.kContinuous for kind in highs.getLp().integrality_)
    solution = highs.getSolution()
    # HiGHS calls a point whose rows are off by twice its tolerance an error of the whole solve, or
    # infeasible. The bound holds all the same, and a point of whole numbers only says which to fix
    # for the linear program that follows, where there is no such leniency.
    near = whole and solution.value_valid and abs(info.objective_function_value) < 1e30
    if status not in {kinds.kOptimal, *stopped} and not near:
        words = highs.modelStatusToString(status)
        raise TollwayError(f"The plan's solver ended with: {words}. Please report the instance.")
    feasible = near or info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    bound = info.mip_dual_bound if whole else float("-inf")
    if status == kinds.kOptimal and not whole:
        bound = info.objective_function_value
    return Found(
        "stopped" if status in stopped else "optimal",
        list(solution.col_value) if feasible else None,
        info.objective_function_value if feasible else None,
        bound,
    )
