"""Metered contracts as a planner sees them: the price of use, and what is to be spent anyway.

Rules
1. Where tiers price a month's tokens, the dearest of them does: what a plan costs is at most what
   it says.
2. An escalator counts from the first day of service.
3. What is committed and lapses is not owed. What rolls is owed once, at the last stretch's end.
4. Of a commitment, the fees and the monthly minimums that are owed anyway are spent already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tollway.fleet.contract import Clauses, Commitment
from tollway.fleet.contract_dates import DAY, add_months
from tollway.planner.fees import MILLION, Fee, Usage, cents, fee_on, fees, growth_on
from tollway.planner.program.instance import Minimum, Period
from tollway.planner.stated import NotStatedError, end, start
from tollway.units import PicoDollars


def is_metered(clauses: Clauses) -> bool:
    """Whether part of it is owed by use."""
    return any(one.metered or one.per == "Mtok" for one in clauses.fee)


def price_on(clauses: Clauses, day: date, tokens_a_chip_hour: Fraction) -> Fraction:
    """Pico-dollars a million tokens of metered use on a day; 0 where use is not metered.
    `tokens_a_chip_hour` is what a chip makes, where chips are charged by the hour.

    Raises:
        NotStatedError: the rate is not stated.
    """
    step = fee_on(clauses, day)
    if step is None or not (step.metered or step.per == "Mtok"):
        return Fraction(0)
    growth = growth_on(clauses, day)
    if step.per == "chip-hour":
        if step.rate is None:
            raise NotStatedError(f"the rate of metered chips on {day} is not stated")
        return Fraction(step.rate) * MILLION / tokens_a_chip_hour * growth
    if clauses.tiers:
        return max(one.price for one in clauses.tiers) * MILLION * growth
    if step.rate is None:
        raise NotStatedError(f"the price of tokens on {day} is not stated")
    return step.rate * growth


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Days that a sum is to be spent in; the last of them is cut by an exit where `cut`."""

    first: date
    last: date
    amount: Fraction
    cut: bool


def spend_minimums(clauses: Clauses, last: date, periods: Sequence[Period]) -> tuple[Minimum, ...]:
    """What a commitment, or a prepayment, asks of metered use up to the last day of service.

    Raises:
        NotStatedError: what becomes of what is not spent is not stated.
    """
    terms = clauses.commitment
    if terms is None or terms.true_up == "lapse":
        return ()
    if terms.true_up is None:
        raise NotStatedError("what becomes of what is not spent of the commitment is not stated")
    owed = fees(clauses, last, Usage())
    found = list(_stretches(clauses, terms, last))
    if terms.true_up == "roll" and found:
        whole = sum((one.amount for one in found), Fraction(0))
        found = [_Stretch(found[0].first, found[-1].last, whole, found[-1].cut)]
    minimums = (_minimum(one, owed, periods) for one in found)
    return tuple(one for one in minimums if one is not None)


def _stretches(clauses: Clauses, terms: Commitment, last: date) -> Iterator[_Stretch]:
    first, index = start(clauses), 0
    while first <= min(last, end(clauses)):
        index += 1
        close = end(clauses)
        if terms.months is not None:
            close = min(close, add_months(start(clauses), terms.months * index) - DAY)
        cut, amount = last < close, Fraction(terms.amount)
        if cut and terms.on_exit is None:
            raise NotStatedError(
                "what is due of a commitment that an exit cuts short is not stated"
            )
        if cut and terms.on_exit == "released":
            return
        if cut and terms.on_exit == "prorated":
            amount *= Fraction((last - first).days + 1, (close - first).days + 1)
        yield _Stretch(first, min(close, last), amount, cut)
        first = close + DAY


def _minimum(one: _Stretch, owed: Sequence[Fee], periods: Sequence[Period]) -> Minimum | None:
    """The stretch's part within the horizon, less the fees that are owed in it anyway (rule 4). Of
    one in which no period begins, it is in the one in which it begins."""
    inside = [at for at, period in enumerate(periods) if one.first <= period.first <= one.last]
    if not inside:
        inside = [at for at, it in enumerate(periods) if it.first <= one.first <= it.last]
    if not inside:
        return None
    amount = one.amount - sum(
        fee.amount or 0 for fee in owed if one.first <= fee.period.first <= one.last
    )
    begins = max(one.first, periods[0].first)
    ends = min(one.last, periods[-1].last)
    amount *= Fraction((ends - begins).days + 1, (one.last - one.first).days + 1)
    if amount <= 0:
        return None
    return Minimum(inside[0], inside[-1], PicoDollars(cents(amount)))
