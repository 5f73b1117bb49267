"""A planning problem: when, what may happen, what is wanted, what can be signed, what must hold.

Rules
1. Money is pico-dollars, exact, in the period in which it is paid; discounts and probabilities are
   fractions. Only the solver knows floats.
2. Capacity is counted in an offer's own units (a cluster, a module, 1,000 chips, a token an hour of
   a quota); a line says how many tokens an hour one unit makes of a workload.
3. What an offer costs and gives is told as streams over the horizon's periods, made from the very
   clauses of its contract: one if it runs on, one for each period in which notice may be given.
4. A decision is made at the start of a node's period, and knows its past, not its future.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal

from tollway.units import PicoDollars

ALREADY = -1
"""The period in which that was signed which is in force when the horizon begins."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of whole months. `discount` is what a dollar of it is worth at the start."""

    first: date
    last: date
    hours: int
    discount: Fraction


@dataclass(frozen=True, slots=True)
class Block:
    """Hours of a day or a week that are alike: `share` of a period's hours (they sum to 1)."""

    name: str
    share: Fraction


@dataclass(frozen=True, slots=True)
class Workload:
    """Demand of one kind, in tokens in and out together. Interactive work is served in the block in
    which it comes; batch work in any block of its period. `unserved` is what a million tokens that
    are not served cost, in pico-dollars; None: all of it must be served."""

    name: str
    interactive: bool
    models: tuple[str, ...]
    unserved: PicoDollars | None


@dataclass(frozen=True, slots=True)
class Node:
    """A period as it is seen in one past. `demand[w][b]` is tokens an hour of workload `w` wanted
    in block `b`. `without` are offers that their suppliers have left: they give and cost nothing
    any more. `probability` is of being here, from the start."""

    period: int
    parent: int | None
    probability: Fraction
    demand: tuple[tuple[int, ...], ...]
    without: frozenset[str] = frozenset()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An offer serves a workload with a model: `tokens` an hour of one unit at the promised speed,
    between `low` and `high` (80%). `price[t]` is pico-dollars a million tokens in period `t`: a
    list price, or energy. `origin`: measured, interpolated, extrapolated or declared. It serves
    from period `first` to `last` (None: to the end): a model is ported by then, and withdrawn."""

    workload: str
    model: str
    tokens: int
    price: tuple[PicoDollars, ...]
    low: int = 0
    high: int = 0
    origin: str = "declared"
    first: int = 0
    last: int | None = None

    def serves(self, period: int) -> bool:
        """Whether the model is ported by then, and not withdrawn yet."""
        return self.first <= period and (self.last is None or period <= self.last)


@dataclass(frozen=True, slots=True)
class Minimum:
    """Metered use (the lines' prices) from period `first` to `last` costs at least `amount` a unit;
    what is missing is paid in the last of them."""

    first: int
    last: int
    amount: PicoDollars


@dataclass(frozen=True, slots=True)
class Stream:
    """What one unit gives and costs in each period of the horizon. `capacity[t]` is the part of a
    unit that is there all through period `t`; `cash[t]` what is paid in it, whether used or not,
    negative where it comes back; `after` what is still bound to be paid beyond the horizon (told,
    not part of the objective)."""

    capacity: tuple[Fraction, ...]
    cash: tuple[PicoDollars, ...]
    minimums: tuple[Minimum, ...] = ()
    after: PicoDollars = PicoDollars(0)


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that gives capacity: an API's quota, a contract, a block of a fixed term, a build.

    `runs[s]` is the stream of a unit signed in period `s` (`ALREADY`: before the horizon) and never
    left; `exits[s, t]` that of one for which we give notice in period `t`. What is not in `runs`
    cannot be signed then; what is not in `exits` cannot be left then. `signed` units are in force
    already, whatever `most` is. At most `most` units are signed in all, with those in force, and
    none or at least `least` at a time; `whole`: only whole units. Offers of one `group` exclude
    each other: at most one of them is ever signed. `attributes` name what it depends on: vendor,
    chip, region, power, guarantor, jurisdiction, software, site; the empty string is never a value.
    `uses` is what a unit takes of resources from the period of its service on (`Resource`).
    `emergency` units more can be had within `emergency_days` (more of a quota, a spot market).
    `guarantors` answer for it beside the one among its attributes."""

    name: str
    kind: Literal["api", "contract", "block", "build"]
    attributes: Mapping[str, str]
    lines: tuple[Line, ...]
    runs: Mapping[int, Stream]
    exits: Mapping[tuple[int, int], Stream] = field(default_factory=dict[tuple[int, int], Stream])
    signed: Fraction = Fraction(0)
    most: Fraction = Fraction(1)
    least: Fraction = Fraction(0)
    whole: bool = True
    group: str = ""
    uses: Mapping[str, Fraction] = field(default_factory=dict[str, Fraction])
    emergency: Fraction = Fraction(0)
    emergency_days: int = 0
    guarantors: tuple[str, ...] = ()

    def values(self, attribute: str) -> tuple[str, ...]:
        """All that it depends on by an attribute; of a guarantor there may be several."""
        one = self.attributes.get(attribute)
        found = () if one is None else (one,)
        return (*found, *self.guarantors) if attribute == "guarantor" else found


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that offers share, such as a site's megawatts: so much in each period."""

    name: str
    available: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """No more than `share` of a period's served tokens depends on one value of an attribute."""

    attribute: str
    share: Fraction


@dataclass(frozen=True, slots=True)
class Budget:
    """What is paid from period `first` to `last`, undiscounted, is at most `amount`, in any
    scenario."""

    name: str
    first: int
    last: int
    amount: PicoDollars


@dataclass(frozen=True, slots=True)
class Contingency:
    """Something that falls away: `offers`, and `models` wherever they run. What is left must still
    serve `cover` of the interactive demand in every block, with as many further units as can be
    had within the `notice_days` (an offer's `emergency`); a million tokens that it would not serve
    cost `short` in each node, as a price of the risk and not as cash: the tokens an hour of the
    worst block, in each hour of the period. None: nothing may be left uncovered. It counts from
    period `since` on."""

    name: str
    attribute: str
    offers: frozenset[str]
    models: frozenset[str]
    notice_days: int
    cover: Fraction
    short: PicoDollars | None
    since: int = 0


@dataclass(frozen=True, slots=True)
class Risk:
    """The objective is (1 - weight) x expected cost + weight x CVaR: the mean cost of the worst
    1 - beta of the scenarios."""

    weight: Fraction
    beta: Fraction


@dataclass(frozen=True, slots=True)
class Instance:
    """A whole problem. Nodes come after their parents; those of the last period are the scenarios.
    The lines' workloads, contingencies' offers and uses' resources are among those named here."""

    periods: tuple[Period, ...]
    blocks: tuple[Block, ...]
    workloads: tuple[Workload, ...]
    nodes: tuple[Node, ...]
    offers: tuple[Offer, ...]
    risk: Risk
    contingencies: tuple[Contingency, ...] = ()
    limits: tuple[Limit, ...] = ()
    budgets: tuple[Budget, ...] = ()
    resources: tuple[Resource, ...] = ()
