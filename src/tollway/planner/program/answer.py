"""What a solver found: a plan, what it costs exactly, and how far it may be from the best.

Rules
1. A plan's cost is counted anew from its decisions, in exact arithmetic; the solver's own objective
   is kept beside it.
2. Nothing is below `bound`. Two plans are called different only where their bounds are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tollway.units import PicoDollars


@dataclass(frozen=True, slots=True)
class Signed:
    """So many units of an offer signed at a node."""

    offer: str
    node: int
    units: Fraction


@dataclass(frozen=True, slots=True)
class Noticed:
    """Notice given at a node for so many of the units that were signed at another (None: before the
    horizon)."""

    offer: str
    signed: int | None
    node: int
    units: Fraction


@dataclass(frozen=True, slots=True)
class Served:
    """Tokens an hour that an offer makes of a workload with a model, in a block of a node."""

    node: int
    block: int
    offer: str
    workload: str
    model: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of a node's metered use of an offer counts towards its minimum of periods `first` to
    `last`; told only where several are open at once, for else all of it does."""

    offer: str
    node: int
    first: int
    last: int
    amount: PicoDollars


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions. `unserved[node, workload]` is tokens of the whole period; `short[contingency,
    node]` tokens an hour, in the worst block, that would not be covered."""

    signed: tuple[Signed, ...]
    noticed: tuple[Noticed, ...]
    served: tuple[Served, ...]
    unserved: Mapping[tuple[int, str], int]
    short: Mapping[tuple[str, int], int]
    counted: tuple[Counted, ...] = ()


@dataclass(frozen=True, slots=True)
class Costs:
    """Exact, discounted pico-dollars. `cash` is each node's own payments, undiscounted, by offer;
    `objective` is what was minimised: risk-weighted cost with what was not served and not covered.
    """

    objective: Fraction
    expected: Fraction
    cvar: Fraction
    cash: Mapping[tuple[int, str], PicoDollars]
    unserved: Mapping[int, PicoDollars]
    short: Mapping[int, PicoDollars]
    scenarios: Mapping[int, Fraction]
    """Each last node's cost from the start, discounted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An incumbent and its bound, in pico-dollars like `costs.objective`. "good enough": within the
    gap that was asked; "interrupted": stopped by time or by hand."""

    plan: Plan
    costs: Costs
    bound: Fraction
    status: Literal["optimal", "good enough", "interrupted"]
    seconds: float

    @property
    def gap(self) -> Fraction:
        """How far the plan is above the bound at most, as a share of the plan's objective; of the
        bound where the plan costs nothing."""
        share_of = abs(self.costs.objective or self.bound)
        return (self.costs.objective - self.bound) / share_of if share_of else Fraction(0)


@dataclass(frozen=True, slots=True)
class Between:
    """An amount that is known up to the gaps of the answers it is a difference of."""

    low: Fraction
    high: Fraction

    @property
    def told(self) -> bool:
        """Whether its sign is known: the two plans do differ."""
        return self.low > 0 or self.high < 0


def difference(one: Answer, other: Answer) -> Between:
    """By how much the best of `one`'s problem costs more than the best of `other`'s."""
    return Between(one.bound - other.costs.objective, one.costs.objective - other.bound)


@dataclass(frozen=True, slots=True)
class Conflict:
    """No plan is feasible: the smallest set of demands, by their names, of which any one may be
    dropped for the others to hold."""

    demands: tuple[str, ...]
