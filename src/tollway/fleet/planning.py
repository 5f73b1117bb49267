"""What is declared for a plan, as frozen objects: horizon, demand, sites, builds, what may fail.

Rules
1. Money is pico-dollars; a price a million tokens is pico-dollars a million tokens. Shares and
   growth are millionths. Factors and megawatts are exact decimals.
2. A month is its first day. What is not said is None or empty.
3. What a plan depends on (`depends`) is named by attribute: vendor, chip, region, power, guarantor,
   jurisdiction, software, site. What an object says of itself elsewhere is not repeated here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from tollway.fleet.evidence import Evidence
from tollway.fleet.offers import Yield
from tollway.units import PartsPerMillion, PicoDollars, Seconds, TokensPerSecond

Attribute = Literal[
    "vendor", "chip", "region", "power", "guarantor", "jurisdiction", "software", "site", "model"
]
"""What offers may share, and so lose together. A model is shared by what serves it."""

How = Literal["grid", "shell", "modular", "tents"]
"""How a build comes to stand: with a connection to the grid of its own; in a shell that is built
for it; in modules from a factory; under tents."""


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """No more than `amount` is paid from the month `first` to the month `last`, undiscounted, in
    any scenario."""

    name: str
    amount: PicoDollars
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Fear:
    """What is said of contingencies. With an `attribute` and no `value`, of those that are made
    from each value of it; with a `value`, of that one; otherwise of one more, in which `offers` and
    `models` fall away. None: as the plan says. `off`: there are none."""

    name: str
    attribute: Attribute | None
    value: str | None
    offers: tuple[str, ...]
    models: tuple[str, ...]
    notice_days: int | None
    cover: PartsPerMillion | None
    short: PicoDollars | None
    since: date | None
    off: bool


@dataclass(frozen=True, slots=True)
class Quota:
    """What a plan may count on of a source of the fleet. `tokens_per_minute` None: without bound.
    `emergency` tokens a minute more can be had within `emergency_days`. Its list prices change by
    `price_growth` a year."""

    source: str
    tokens_per_minute: int | None
    emergency: int
    emergency_days: int
    price_growth: PartsPerMillion
    depends: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Departure:
    """A supplier may leave: `offers` give nothing from the month `since` on, which is known
    `notice_days` before. Of the name of an outlook: they happen together."""

    name: str
    offers: tuple[str, ...]
    since: date
    notice_days: int
    probability: PartsPerMillion


@dataclass(frozen=True, slots=True)
class Portability:
    """What software a model runs on, and the months that it takes to bring it to another."""

    model: str
    runs_on: tuple[str, ...]
    port_months: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Planning:
    """What is planned, and what must hold. `discount` is a year's. `cover` is the share of the
    interactive demand that survives each contingency; a million tokens short of it cost `short`
    (None: there may be none). `blocks` are hours of the day by name, the busiest first; they sum to
    24."""

    start: date
    months: int
    period: Literal["month", "quarter"]
    discount: PartsPerMillion
    weight: PartsPerMillion
    beta: PartsPerMillion
    cover: PartsPerMillion
    short: PicoDollars | None
    blocks: Mapping[str, int]
    limits: Mapping[Attribute, PartsPerMillion]
    budgets: Mapping[str, BudgetWindow]
    contingencies: Mapping[str, Fear]
    sources: Mapping[str, Quota]
    departures: Mapping[str, Departure]
    software: Mapping[str, Portability]


@dataclass(frozen=True, slots=True)
class Outlook:
    """How demand may go instead, from the first period on that begins at the month `since` or
    later: another growth, and `factor` times as much at once. `probability` is a share of what it
    branches from: the outlook `after`, or what is expected otherwise. Outlooks of one name happen
    together in every workload."""

    name: str
    since: date
    probability: PartsPerMillion
    growth: PartsPerMillion | None
    factor: Decimal
    after: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Demand as the ledger has it: of which route and which tenant; None is any."""

    route: str | None
    tenant: str | None


@dataclass(frozen=True, slots=True)
class Demand:
    """A workload. `input_tokens` and `output_tokens` are a request's mean. How much of it there is
    at the plan's start is in exactly one of `tokens_per_day` (in and out together), `trace` and
    `ledger`. `growth` is a year's, `seasonality` a factor by month (1 to 12). `profile` is the
    demand of a block against the day's mean, `hours` that of each UTC hour; at most one is given.
    `unserved` is what a million tokens cost that are not served; None: all of it must be."""

    name: str
    request_class: Literal["interactive", "batch"]
    models: tuple[str, ...]
    input_tokens: int
    output_tokens: int
    tokens_per_day: int | None
    trace: str | None
    ledger: Recorded | None
    growth: PartsPerMillion
    seasonality: Mapping[int, Decimal]
    profile: Mapping[str, Decimal]
    hours: tuple[Decimal, ...]
    ttft: Seconds | None
    speed: TokensPerSecond | None
    precision: str | None
    unserved: PicoDollars | None
    outlooks: Mapping[str, Outlook]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Supply:
    """Power of a site from a month on, up to the month `until`. `kwh` is the price of a kWh drawn.
    For each megawatt that a build takes, drawn or not, `mw_month` is paid a month (a demand charge,
    a take or pay), and `capex` once (on-site generation)."""

    evidence: Evidence
    kind: Literal["grid", "on-site", "contract"]
    since: date
    until: date | None
    mw: Decimal
    kwh: PicoDollars
    mw_month: PicoDollars
    capex: PicoDollars


@dataclass(frozen=True, slots=True)
class Site:
    """Where own silicon stands. `supply` is added up; its megawatts are at the meter, `pue` times
    what the machines draw. `power` names what the power depends on."""

    name: str
    title: str | None
    region: str | None
    power: str | None
    jurisdiction: str | None
    pue: Decimal
    supply: tuple[Supply, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Debt:
    """A loan of `share` of the chips' price from their delivery on, paid back in `months` equal
    parts at a yearly `rate`; the chips are its collateral."""

    evidence: Evidence
    share: PartsPerMillion
    rate: PartsPerMillion
    months: int


@dataclass(frozen=True, slots=True)
class Build:
    """Own silicon in modules of `chips` each, `mw` of IT load a module, `most` of them at most.
    `capex` is a module's chips with network and hosts, `facility` what houses it; `deposit` of both
    is due at the order, the rest at delivery, `lead_months` later (None: as `how` suggests). `opex`
    is a module's a month without power. Chips serve for `life_months`, the facility stands for
    `facility_months`; sold before, each brings `resale` of what is not written off. `lives` are
    other lives to be compared, by name. Orders may be given from `since` to `until`."""

    name: str
    title: str | None
    site: str
    how: How
    chip: str
    chips: int
    mw: Decimal
    most: int
    least: int
    since: date | None
    until: date | None
    lead_months: int | None
    capex: PicoDollars
    facility: PicoDollars
    deposit: PartsPerMillion
    opex: PicoDollars
    life_months: int
    facility_months: int
    resale: PartsPerMillion
    lives: Mapping[str, int]
    debt: Debt | None
    depends: Mapping[str, str]
    yields: tuple[Yield, ...]
    group: str | None
    evidence: Evidence
