"""A linear program with whole numbers as arrays: columns and rows by name, terms row by row.

Rules
1. A row that someone demanded carries the demand's name, so that a conflict can name it.
2. Coefficients of 0 are left out.
3. Bounds, terms and costs are told in a column's natural quantity; the arrays count it in `unit`s,
   so that a quota of a billion tokens is not beside a coefficient of a billionth. A row whose
   largest coefficient is far from 1 is divided by it.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

INFINITE = float("inf")
Term = tuple[int, float]


@dataclass(slots=True)
class Model:
    """Minimise `cost` x columns, rows within their bounds. Rows are held in compressed form."""

    cost: list[float] = field(default_factory=list[float])
    low: list[float] = field(default_factory=list[float])
    high: list[float] = field(default_factory=list[float])
    unit: list[float] = field(default_factory=list[float])
    whole: list[bool] = field(default_factory=list[bool])
    row_low: list[float] = field(default_factory=list[float])
    row_high: list[float] = field(default_factory=list[float])
    start: list[int] = field(default_factory=lambda: [0])
    index: list[int] = field(default_factory=list[int])
    value: list[float] = field(default_factory=list[float])
    named: dict[Hashable, int] = field(default_factory=dict[Hashable, int])
    demanded: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def column(
        self,
        name: Hashable,
        *,
        low: float = 0.0,
        high: float = INFINITE,
        whole: bool = False,
        unit: float = 1.0,
    ) -> int:
        """A new column, by its index; `name` is not taken yet."""
        index = self.named[name] = len(self.cost)
        self.cost.append(0.0)
        self.low.append(low / unit)
        self.high.append(high / unit)
        self.unit.append(unit)
        self.whole.append(whole)
        return index

    def price(self, column: int, cost: float) -> None:
        """What one of a column costs in the objective."""
        self.cost[column] = cost * self.unit[column]

    def row(
        self,
        terms: Iterable[Term],
        *,
        low: float = -INFINITE,
        high: float = INFINITE,
        demand: str = "",
    ) -> int:
        """A new row, low <= terms <= high, by its index. A column may come up several times."""
        summed: dict[int, float] = {}
        for column, value in terms:
            summed[column] = summed.get(column, 0.0) + value * self.unit[column]
        most = max(map(abs, summed.values()), default=0.0)
        by = most if most and not 0.01 <= most <= 100 else 1.0
        for column, value in summed.items():
            if value:
                self.index.append(column)
                self.value.append(value / by)
        self.start.append(len(self.index))
        self.row_low.append(low / by)
        self.row_high.append(high / by)
        row = len(self.row_low) - 1
        if demand:
            self.demanded.setdefault(demand, []).append(row)
        return row

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.cost)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.row_low)
