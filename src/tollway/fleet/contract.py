"""What a compute contract says, as frozen objects: clauses, each with its evidence, and readings.

Rules
1. What a contract does not say is None or empty, and stays so: nobody fills in what is customary.
2. Money is pico-dollars, shares are millionths, capacity is whole chips or exact megawatts.
3. A reading names only what it reads otherwise; what it does not name is the contract's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from tollway.fleet.evidence import Evidence
from tollway.fleet.offers import Offer, Yield
from tollway.units import PartsPerMillion, PicoDollars

Side = Literal["us", "them", "either"]
"""Us is the buyer, them the supplier."""

Per = Literal["chip-hour", "chip-month", "mw-month", "kw-month", "Mtok"]


@dataclass(frozen=True, slots=True)
class When:
    """A day, or a stretch of days where no more is known: both ends included."""

    first: date
    last: date

    @property
    def exact(self) -> bool:
        """Whether it is one day."""
        return self.first == self.last

    @property
    def within_a_month(self) -> bool:
        """Whether at least the month is known."""
        return (self.first.year, self.first.month) == (self.last.year, self.last.month)

    def __str__(self) -> str:
        """As it is written: 2026-05-01, 2026-05, 2026-Q2, 2026-H1, 2026."""
        first, months = self.first, self.last.month - self.first.month + 1
        if first == self.last:
            return first.isoformat()
        year = f"{first.year:04}"
        if months == 1:
            return f"{year}-{first.month:02}"
        if months == 12:
            return year
        return f"{year}-{'Q' if months == 3 else 'H'}{(first.month - 1) // months + 1}"


@dataclass(frozen=True, slots=True)
class Party:
    """Someone who signs, guarantees or owns."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Term:
    """From when to when; the end is its last day. `months` is the length where no end is given."""

    evidence: Evidence
    start: When | None
    end: When | None
    months: int | None


@dataclass(frozen=True, slots=True)
class Extension:
    """`times` further stretches of `months`. Automatic ones come unless notice is given
    `notice_days` before the end; the others have to be asked for so long before it."""

    evidence: Evidence
    months: int
    times: int
    by: Literal["us", "them", "both", "automatic"]
    notice_days: int | None


@dataclass(frozen=True, slots=True)
class CapacityStep:
    """What is there from a date, or from the N-th month of the term on, counted from 1."""

    evidence: Evidence
    since: When | None
    month: int | None
    chips: int | None
    chip: str | None
    mw: Decimal | None
    tokens_per_minute: int | None


@dataclass(frozen=True, slots=True)
class FeeStep:
    """What is owed from a date, or from the N-th month on. With neither `monthly` nor `rate`, a fee
    is owed and its amount is not stated. `metered` is by what is used, not by what is there."""

    evidence: Evidence
    since: When | None
    month: int | None
    monthly: PicoDollars | None
    rate: PicoDollars | None
    per: Per | None
    metered: bool


@dataclass(frozen=True, slots=True)
class PriceTier:
    """A price a token for a month's tokens up to `up_to`; None is without end."""

    evidence: Evidence
    up_to: int | None
    price: PicoDollars


@dataclass(frozen=True, slots=True)
class Billing:
    """Months that a fee is for (of the calendar, or counted from the start), and when it is due:
    `days` after the start or the end of such a month."""

    evidence: Evidence
    months: Literal["calendar", "contract"]
    due: Literal["start", "end"]
    days: int


@dataclass(frozen=True, slots=True)
class Escalator:
    """Every fee grows by `share`, compounding, each `every_months` from the start."""

    evidence: Evidence
    share: PartsPerMillion
    every_months: int


@dataclass(frozen=True, slots=True)
class LockIn:
    """For so long no notice may be given (`holds` "notice"), or none may take effect ("exit")."""

    evidence: Evidence
    months: int | None
    days: int | None
    until: When | None
    holds: Literal["notice", "exit"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A side's right to end the contract without a reason. `none`: it has no such right.
    `not_before` is the first day on which it may be given."""

    evidence: Evidence
    by: Side
    days: int | None
    months: int | None
    none: bool
    not_before: date | None
    ends: Literal["any day", "month end"]


@dataclass(frozen=True, slots=True)
class Termination:
    """What a side pays that ends the contract early: an amount, so many monthly fees, or a share of
    the fees that were left."""

    evidence: Evidence
    by: Side
    fee: PicoDollars | None
    months_of_fee: int | None
    remaining: PartsPerMillion | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Minimum:
    """Take or pay: the least that a month of metered use costs, as an amount, or as a share of what
    the whole capacity would cost."""

    evidence: Evidence
    amount: PicoDollars | None
    share: PartsPerMillion | None


@dataclass(frozen=True, slots=True)
class Prepay:
    """Paid ahead, as an amount or as a share of the term's fees, and credited against fees once
    `credit_after` months of service are over: in `credit_over` equal parts, or as fast as fees
    allow. `refunded`: whether what is not credited comes back at an early exit."""

    evidence: Evidence
    amount: PicoDollars | None
    share: PartsPerMillion | None
    on: When | None
    credit_after: int | None
    credit_over: int | None
    refunded: bool | None


@dataclass(frozen=True, slots=True)
class Commitment:
    """A sum to be spent in each `months` (None: in the whole term), drawn down by use of `models`
    (empty: of anything). `true_up` says what becomes of the rest; `on_exit` what is due of a period
    that an exit cuts short."""

    evidence: Evidence
    amount: PicoDollars
    months: int | None
    true_up: Literal["pay", "lapse", "roll"] | None
    on_exit: Literal["due", "prorated", "released"] | None
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sla:
    """The share of a month's fee that comes back where availability was below a share."""

    evidence: Evidence
    below: PartsPerMillion
    credit: PartsPerMillion


@dataclass(frozen=True, slots=True)
class Delivery:
    """Capacity promised by a date, and what a miss allows once the grace is over. `discount` is the
    share of the monthly fee that comes off while it is late."""

    evidence: Evidence
    by: When | None
    chips: int | None
    mw: Decimal | None
    grace_days: int | None
    grace_months: int | None
    rights: tuple[Literal["terminate", "terminate tranche", "accept fewer", "discount"], ...]
    discount: PartsPerMillion | None


@dataclass(frozen=True, slots=True)
class Backstop:
    """Who answers for a side's obligations, and up to how much."""

    evidence: Evidence
    guarantor: str
    of: Side
    amount: PicoDollars | None


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Provisioned throughput, and what it does and does not guarantee."""

    evidence: Evidence
    unit: str
    units: int | None
    model: str | None
    tokens_per_minute: int | None
    guarantees: tuple[str, ...]
    not_guaranteed: tuple[str, ...]
    unused: Literal["lapses", "rolls"] | None


@dataclass(frozen=True, slots=True)
class Retirement:
    """A model that the supplier withdraws: notice for the part of the contract that used it."""

    evidence: Evidence
    model: str
    on: When
    replacement: str | None


@dataclass(frozen=True, slots=True)
class Reclaim:
    """A share of the capacity that its owner may take back for use of its own."""

    evidence: Evidence
    by: str
    share: PartsPerMillion
    notice_days: int | None


@dataclass(frozen=True, slots=True)
class Total:
    """What the whole contract was said to be worth. No cash is counted from it."""

    evidence: Evidence
    amount: PicoDollars
    bound: Literal["about", "up to", "at least", "exactly"]


@dataclass(frozen=True, slots=True)
class Remark:
    """A fact that nothing is computed from."""

    evidence: Evidence
    text: str


@dataclass(frozen=True, slots=True)
class Clauses:
    """All that a contract, or a reading of it, says. Steps are in the order of the file."""

    term: Term | None = None
    extension: Extension | None = None
    capacity: tuple[CapacityStep, ...] = ()
    fee: tuple[FeeStep, ...] = ()
    tiers: tuple[PriceTier, ...] = ()
    billing: Billing | None = None
    escalator: Escalator | None = None
    minimum: Minimum | None = None
    prepay: Prepay | None = None
    commitment: Commitment | None = None
    lock_in: LockIn | None = None
    notice: tuple[Notice, ...] = ()
    termination: tuple[Termination, ...] = ()
    sla: tuple[Sla, ...] = ()
    delivery: tuple[Delivery, ...] = ()
    backstop: tuple[Backstop, ...] = ()
    provisioned: tuple[Provisioned, ...] = ()
    retirement: tuple[Retirement, ...] = ()
    reclaim: Reclaim | None = None
    total: Total | None = None
    remarks: tuple[Remark, ...] = ()

    def under(self, other: "Clauses") -> "Clauses":
        """These clauses, with those that `other` has in their place."""
        said = {it.name: getattr(other, it.name) for it in fields(other)}
        return replace(self, **{name: value for name, value in said.items() if value})


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read what others read otherwise."""

    name: str
    title: str | None
    evidence: Evidence
    clauses: Clauses


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract. `sources` are the fleet's sources that run on it. `offer` None: it is in force.
    `depends` names by attribute (region, power, jurisdiction, software) what it depends on besides
    what its clauses say."""

    name: str
    title: str | None
    kind: str | None
    buyer: str
    supplier: str
    sources: tuple[str, ...]
    evidence: Evidence
    clauses: Clauses
    readings: Mapping[str, Reading]
    offer: Offer | None = None
    depends: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    yields: tuple[Yield, ...] = ()

    def read(self, reading: str | None) -> Clauses:
        """What the contract says under one of its readings; None: what all of them share."""
        return (
            self.clauses if reading is None else self.clauses.under(self.readings[reading].clauses)
        )
