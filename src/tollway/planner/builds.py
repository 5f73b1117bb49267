"""Own silicon as streams: what a module that is ordered in a period gives and costs in each.

Rules
1. A module is ordered on the first day of a period and delivered its lead time later; it counts
   from the first period that it serves whole, and costs from its delivery on.
2. Chips and what houses them are written off evenly over their lives. A module that is sold brings
   its resale's share of what is left, and pays back its loan; at the horizon's end it is sold.
3. At the end of their life chips are gone, and with them what they cost to run.
4. Every payment is in whole cents. Power that is drawn is not among them: it is a price of tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tollway.fleet.contract_dates import add_months
from tollway.fleet.planning import Build, How, Site
from tollway.planner.fees import MILLION, cents
from tollway.planner.horizon import months_of
from tollway.planner.loan import Loan, loan
from tollway.planner.program.instance import Period, Stream
from tollway.planner.sites import charge_of, generation_of
from tollway.units import PicoDollars

LEAD_MONTHS: Mapping[How, int] = {"grid": 48, "shell": 24, "modular": 10, "tents": 3}
"""From order to service, the longer end of what is reported. Grid: a wait of four years in the US
mean, seven in Northern Virginia; shell: 18 to 24 months (JLL's outlook of 2026, as told on
constructionowners.com, "How long it actually takes to power a data center in 2026"). Modular: 6 to
10 months from order to powered rack (datacentres.com, "Modular data centre guide"). Tents: three
months (Tom's Hardware on Meta's, as told on thecontinuumbrief.com). All read 2026-11-22."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module from its order to its sale: months of both and of what lies between. `sold` is the
    first month without it, and `worn` the first in which its chips no longer serve."""

    build: Build
    site: Site
    ordered: date
    delivered: date
    worn: date
    sold: date


def lead_months(build: Build) -> int:
    """Months from order to service."""
    return LEAD_MONTHS[build.how] if build.lead_months is None else build.lead_months


def runs(
    build: Build, site: Site, periods: Sequence[Period], life_months: int | None = None
) -> Mapping[int, Stream]:
    """The stream of a module for each period in which it may be ordered and still serve a whole
    one; chips live `life_months`, or as long as the build says."""
    found: dict[int, Stream] = {}
    for index, period in enumerate(periods):
        if (build.since or period.first) <= period.first <= (build.until or period.first):
            made = stream(_module(build, site, period.first, _after(periods), life_months), periods)
            if any(made.capacity):
                found[index] = made
    return found


def sales(
    build: Build, site: Site, periods: Sequence[Period], life_months: int | None = None
) -> Mapping[tuple[int, int], Stream]:
    """The stream of a module that is ordered in a period and sold when a later one begins, for each
    such pair in which it has served a whole period before."""
    found: dict[tuple[int, int], Stream] = {}
    for ordered in runs(build, site, periods, life_months):
        for sold in range(ordered + 1, len(periods)):
            when = periods[sold].first
            module = _module(build, site, periods[ordered].first, when, life_months)
            made = stream(module, periods)
            if any(made.capacity):
                found[ordered, sold] = made
    return found


def _after(periods: Sequence[Period]) -> date:
    """The first month after the horizon."""
    return add_months(periods[-1].last.replace(day=1), 1)


def _module(build: Build, site: Site, ordered: date, sold: date, life: int | None) -> Module:
    delivered = add_months(ordered, lead_months(build))
    worn = add_months(delivered, build.life_months if life is None else life)
    return Module(build, site, ordered, delivered, worn, sold)


def stream(module: Module, periods: Sequence[Period]) -> Stream:
    """What a module gives and costs in each period. It is sold when a period begins, or after the
    last one; what that brings is in the period of the sale, or in the last one."""
    cash = [0] * len(periods)
    by_month = {month: index for index, period in enumerate(periods) for month in months_of(period)}
    for month, amount in _payments(module):
        cash[by_month.get(month, len(periods) - 1)] += amount
    end = min(module.worn, module.sold)
    capacity = [
        Fraction(module.delivered <= period.first and period.last < end) for period in periods
    ]
    return Stream(tuple(capacity), tuple(map(PicoDollars, cash)))


def _payments(module: Module) -> Iterator[tuple[date, int]]:
    """Month and pico-dollars of everything that is paid, until the sale and with it."""
    build = module.build
    whole = build.capex + _facility(module)
    deposit = cents(Fraction(whole * build.deposit, MILLION))
    yield module.ordered, deposit
    if module.delivered >= module.sold:  # it is no longer wanted, and what was paid is lost
        return
    yield module.delivered, whole - deposit
    month = module.delivered
    while month < min(module.worn, module.sold):
        yield month, cents(build.opex + charge_of(build, module.site, month))
        month = add_months(month, 1)
    served = _months(module.delivered, module.sold)
    debt = _loan(module)
    if debt is not None:
        yield module.delivered, -debt.owed[0]
        for count, paid in enumerate(debt.paid[: served - 1], 1):
            yield add_months(module.delivered, count), paid
        yield module.sold, _left(debt, served)
    yield module.sold, -_brings(module, served)


def _left(debt: Loan, served: int) -> int:
    """What is paid at the sale: the part that is due then, and all that is still owed."""
    paid = min(served, len(debt.paid))
    due = debt.paid[served - 1] if served == paid else 0
    return due + debt.owed[paid]


def _loan(module: Module) -> Loan | None:
    debt = module.build.debt
    if debt is None:
        return None
    return loan(cents(Fraction(module.build.capex * debt.share, MILLION)), debt)


def _facility(module: Module) -> PicoDollars:
    """What houses the module, with the generation that is built for it."""
    generation = generation_of(module.build, module.site, module.delivered)
    return cents(module.build.facility + generation)


def _brings(module: Module, served: int) -> PicoDollars:
    """What the sale of a module brings that has been there for so many months."""
    build = module.build
    life = _months(module.delivered, module.worn)
    chips = build.capex * _unworn(served, life)
    housing = _facility(module) * _unworn(served, build.facility_months)
    return cents((chips + housing) * Fraction(build.resale, MILLION))


def _unworn(served: int, life: int) -> Fraction:
    return Fraction(max(0, life - served), life)


def _months(first: date, after: date) -> int:
    return (after.year - first.year) * 12 + after.month - first.month
