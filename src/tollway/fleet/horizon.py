"""The months that a plan is for."""

from dataclasses import dataclass
from datetime import date

from tollway.fleet.contract_dates import add_months
from tollway.fleet.declared import Declared


@dataclass(frozen=True, slots=True)
class Horizon:
    """From the month `start`, so many months, in periods of `step` months."""

    start: date
    months: int
    step: int

    @property
    def last(self) -> date:
        """Its last month."""
        return add_months(self.start, self.months - 1)

    @property
    def last_period(self) -> date:
        """The first month of its last period."""
        return add_months(self.start, (self.months - 1) // self.step * self.step)

    def holds(self, month: date) -> bool:
        """Whether a month is one of it."""
        return self.start <= month <= self.last

    def __str__(self) -> str:
        return f"{self.start:%Y-%m} to {self.last:%Y-%m}"


def horizon_of(declared: Declared) -> Horizon | None:
    """The horizon of the plan that is declared; None where there is none that can be read."""
    plan = declared.plan.table
    if plan is None or declared.undated:
        return None
    return Horizon(plan.start, plan.months, 3 if plan.period == "quarter" else 1)
