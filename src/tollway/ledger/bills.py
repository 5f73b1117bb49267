"""A provider's bill beside the ledger, by day and model: what matches, and what is left over.

Rules
1. A difference stays where it arose. What the bill has and the ledger has not, and the other way
   round, is named; nothing is spread over other lines.
2. Models are matched by the names that the source knows them by; letters' case, dots, a date at the
   end and a prefix before a slash do not tell two models apart.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

_DATE = re.compile(r"[-@]?(20[0-9]{2}-?[01][0-9]-?[0-3][0-9])$")
_BETWEEN = re.compile(r"[ ._]+")


@dataclass(frozen=True, slots=True)
class Amount:
    """Money of one day for one model, in pico-dollars. `model` is as it is named there; empty where
    the charge is of no model."""

    day: date
    model: str
    amount: int


@dataclass(frozen=True, slots=True)
class Matched:
    """A day and model of the bill beside the ledger's; None where one of them has none."""

    day: date
    model: str
    billed: int | None
    booked: int | None

    @property
    def difference(self) -> int:
        """Billed less booked."""
        return (self.billed or 0) - (self.booked or 0)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every day and model of either side, by day and model."""

    lines: tuple[Matched, ...]

    @property
    def billed(self) -> int:
        """The bill's sum."""
        return sum(line.billed or 0 for line in self.lines)

    @property
    def booked(self) -> int:
        """The ledger's sum."""
        return sum(line.booked or 0 for line in self.lines)

    @property
    def residual(self) -> int:
        """Billed less booked."""
        return self.billed - self.booked


def reconcile(
    billed: Iterable[Amount], booked: Iterable[Amount], names: Mapping[str, str]
) -> Reconciliation:
    """The bill beside the ledger. `names` are our models by the names that a source knows them by;
    a name of the bill that is none of them, or could be two, stands as it is."""
    alike: dict[str, set[str]] = defaultdict(set)
    for name, model in names.items():
        alike[plain(name)].add(model)
    ours = {name: next(iter(models)) for name, models in alike.items() if len(models) == 1}
    sides: dict[tuple[date, str], list[int | None]] = defaultdict(lambda: [None, None])
    for side, amounts in enumerate((billed, booked)):
        for one in amounts:
            model = one.model
            if side == 0:
                model = names.get(model) or ours.get(plain(model), model)
            line = sides[one.day, model]
            line[side] = (line[side] or 0) + one.amount
    order = sorted(sides)
    return Reconciliation(tuple(Matched(day, model, *sides[day, model]) for day, model in order))


def plain(name: str) -> str:
    """A model's name without what does not tell it apart (rule 2)."""
    short = _BETWEEN.sub("-", name.strip().lower().rpartition("/")[2])
    return _DATE.sub("", short).strip("-")
