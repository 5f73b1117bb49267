"""What is owed for each month of service: fees by ramp, rate, tier and escalator.

Rules
1. A fee a month is for a month of the calendar, or of the contract where billing says so; part of
   one is owed by its days.
2. Amounts are exact fractions until they are owed: each month's fee is then rounded once, half to
   even, to whole cents.
3. A fee whose amount is not stated is None, never zero.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from tollway.fleet.contract import CapacityStep, Clauses, FeeStep
from tollway.fleet.contract_dates import DAY, Step, add_months, latest_end, steps_by_day
from tollway.planner.stated import end, start
from tollway.units import PicoDollars

CENT = 10**10
"""Pico-dollars."""

MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Usage:
    """What was, or will be, used by month (its first day): tokens, and chip-hours."""

    tokens: Mapping[date, int] = field(default_factory=lambda: MappingProxyType({}))
    chip_hours: Mapping[date, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Period:
    """A month that a fee is for: its whole length, and the days of it that are served."""

    first: date
    last: date
    days: int

    @property
    def served(self) -> int:
        """Days of service in it."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Fee:
    """What is owed for a period. `amount` None: not stated. `at_least`: metered use is not known,
    and this is the minimum."""

    period: Period
    amount: PicoDollars | None
    metered: bool = False
    at_least: bool = False


def periods(clauses: Clauses, until: date | None = None) -> Iterator[Period]:
    """The months of service up to `until`, or up to the end of the term.

    Raises:
        NotStatedError: the start, or the end where it is needed.
    """
    first, last = start(clauses), served_until(clauses, until)
    ours = clauses.billing is not None and clauses.billing.months == "contract"
    origin = first if ours else first.replace(day=1)
    count = 0
    begin = origin
    while begin <= last and begin < date.max:
        count += 1
        following = add_months(origin, count)
        inside = max(begin, first)
        yield Period(inside, min(following - DAY, last), (following - begin).days)
        begin = following


def served_until(clauses: Clauses, until: date | None) -> date:
    """The last day of service: the end of the term, or `until`, where extensions lead so far.

    Raises:
        NotStatedError: the end, where `until` is None.
    """
    if until is None:
        return end(clauses)
    return min(until, latest_end(clauses) or until)


def cents(amount: Fraction) -> PicoDollars:
    """Rounded to whole cents (rule 2)."""
    return PicoDollars(round(amount / CENT) * CENT)


def fees(clauses: Clauses, until: date | None = None, usage: Usage | None = None) -> list[Fee]:
    """The fee of each month of service, in order."""
    return [_fee(clauses, period, usage) for period in periods(clauses, until)]


def _fee(clauses: Clauses, period: Period, usage: Usage | None) -> Fee:
    total: Fraction | None = Fraction(0)
    metered = False
    for first, last, step in _stretches(clauses, period):
        if step is None:  # what the first step comes before is not stated
            total = None
        elif step.metered or step.per == "Mtok":
            metered = True
        else:
            one = _flat(clauses, period, first, last, step)
            total = None if one is None or total is None else total + one
    if not metered:
        return Fee(period, None if total is None else cents(total))
    used = None if usage is None else _used(clauses, period, usage)
    least = _minimum(clauses, period)
    if total is None or (used is None and least is None):
        return Fee(period, None, metered=True)
    owed = max(used or Fraction(0), least or Fraction(0))
    return Fee(period, cents(total + owed), metered=True, at_least=used is None)


def _stretches(clauses: Clauses, period: Period) -> Iterator[tuple[date, date, FeeStep | None]]:
    """The period cut wherever a fee, a capacity or an escalation begins."""
    days = cuts_of(clauses, period)
    for index, first in enumerate(days):
        last = days[index + 1] - DAY if index + 1 < len(days) else period.last
        yield first, last, fee_on(clauses, first)


def fee_on(clauses: Clauses, day: date) -> FeeStep | None:
    """The step whose fee holds on a day; None: not stated, or before the first."""
    index = _step_on(clauses, clauses.fee, day)
    return None if index is None else clauses.fee[index]


def capacity_on(clauses: Clauses, day: date) -> CapacityStep | None:
    """The step whose capacity is there on a day; None: not stated, or before the first."""
    index = _step_on(clauses, clauses.capacity, day)
    return None if index is None else clauses.capacity[index]


def _step_on(clauses: Clauses, steps: Sequence[Step], day: date) -> int | None:
    """The place of the step that holds on a day. From the earliest day on which a step of unknown
    day may have begun, nothing is known."""
    dated = dict(steps_by_day(clauses, steps))
    found: int | None = None
    for index, step in enumerate(steps):
        since = dated.get(index)
        if since is None:
            return found if step.since is not None and step.since.first > day else None
        if since <= day:
            found = index
    return found


def cuts_of(clauses: Clauses, period: Period) -> list[date]:
    """The first day of a period, and those days of it on which a fee, a capacity or an escalation
    begins."""
    cuts = {period.first, *_anniversaries(clauses, period.last)}
    for steps in (clauses.fee, clauses.capacity):
        cuts |= {day for _, day in steps_by_day(clauses, steps)}
        cuts |= {step.since.first for step in steps if step.since is not None}
    return sorted(day for day in cuts if period.first <= day <= period.last)


def _flat(
    clauses: Clauses, period: Period, first: date, last: date, step: FeeStep
) -> Fraction | None:
    days = (last - first).days + 1
    share = Fraction(days, period.days)
    growth = growth_on(clauses, first)
    if step.monthly is not None:
        return step.monthly * share * growth
    there = capacity_on(clauses, first)
    if step.rate is None or there is None:
        return None
    if step.per in ("chip-hour", "chip-month"):
        if there.chips is None:
            return None
        units = there.chips * (days * 24 if step.per == "chip-hour" else share)
        return step.rate * units * growth
    if there.mw is None:
        return None
    mw = Fraction(there.mw) * (1000 if step.per == "kw-month" else 1)
    return step.rate * mw * share * growth


def _anniversaries(clauses: Clauses, until: date) -> Iterator[date]:
    rule = clauses.escalator
    if rule is None:
        return
    day, count = add_months(start(clauses), rule.every_months), 1
    while day <= until and day < date.max:
        yield day
        count += 1
        day = add_months(start(clauses), rule.every_months * count)


def growth_on(clauses: Clauses, day: date) -> Fraction:
    """What every fee is multiplied with on a day, by the escalator."""
    rule = clauses.escalator
    if rule is None:
        return Fraction(1)
    times = sum(1 for _ in _anniversaries(clauses, day))
    return Fraction(MILLION + rule.share, MILLION) ** times


def _used(clauses: Clauses, period: Period, usage: Usage) -> Fraction:
    """What metered use costs; use is known by months of the calendar, and billed in the period that
    begins in them."""
    month = period.first.replace(day=1)
    step = fee_on(clauses, period.first) or fee_on(clauses, period.last)
    growth = growth_on(clauses, period.first)
    if step is None:
        return Fraction(0)
    if step.per == "chip-hour":
        return Fraction(usage.chip_hours.get(month, 0)) * (step.rate or 0) * growth
    tokens = usage.tokens.get(month, 0)
    if clauses.tiers:
        return Fraction(_tiered(clauses, tokens)) * growth
    return Fraction(tokens, MILLION) * (step.rate or 0) * growth


def _tiered(clauses: Clauses, tokens: int) -> int:
    """Pico-dollars of a month's tokens, tier by tier."""
    total, below = 0, 0
    for tier in clauses.tiers:
        top = tokens if tier.up_to is None else min(tokens, tier.up_to)
        total += max(0, top - below) * tier.price
        below = top
    return total


def _minimum(clauses: Clauses, period: Period) -> Fraction | None:
    """The least that metered use costs in a period; None where none is stated."""
    rule = clauses.minimum
    if rule is None:
        return None
    served = Fraction(period.served, period.days)
    if rule.amount is not None:
        return rule.amount * served
    step, there = fee_on(clauses, period.first), capacity_on(clauses, period.first)
    if step is None or step.rate is None or there is None or rule.share is None:
        return None
    whole: Fraction | None = None
    if step.per == "chip-hour" and there.chips is not None:
        whole = Fraction(there.chips * 24 * period.served) * step.rate
    elif step.per == "Mtok" and there.tokens_per_minute is not None:
        whole = Fraction(there.tokens_per_minute * 1440 * period.served, MILLION) * step.rate
    return None if whole is None else whole * Fraction(rule.share, MILLION)


def total(amounts: Sequence[PicoDollars | None]) -> PicoDollars | None:
    """The exact sum; None where one of them is not stated."""
    known = [amount for amount in amounts if amount is not None]
    return PicoDollars(sum(known)) if len(known) == len(amounts) else None
