"""A contract as a planner sees it: what a unit gives and costs in each period, kept or left.

Rules
1. A payment is in the period in which it is due. What is owed for service within the horizon and
   due after it is in the last period, so that nothing is free for being billed late.
2. Of a contract in force, what is due before the horizon is spent: it is in no stream. Of one on
   offer, what is due before the period in which it is signed is due in that period.
3. Capacity of a period is what is there on every day of it, without what its owner may reclaim.
4. Notice of a period is given on its first day, or on that later day of it after which service runs
   to the end of a period: a day more of fees is worth a period of capacity.
5. Of a metered contract, the fees that are owed anyway are cash; its minimum and its commitment are
   minimums on the metered use of its lines. A period belongs to the stretch of a commitment in
   which it begins, or where none does, within which it is; of a stretch that ends beyond the
   horizon, the days within it count.
6. What is needed and not stated is refused, never taken to be customary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from tollway.fleet.contract import Clauses
from tollway.fleet.contract_dates import end_of, latest_end
from tollway.planner.capacity import Provided, capacity_by_month, provisioned
from tollway.planner.cash import Payment, payments
from tollway.planner.exits import Exit, give_notice, last_day, last_notice
from tollway.planner.fees import Usage, fees
from tollway.planner.metered import is_metered, spend_minimums
from tollway.planner.program.instance import ALREADY, Minimum, Period, Stream
from tollway.planner.stated import NotStatedError
from tollway.units import PicoDollars


@dataclass(frozen=True, slots=True)
class Size:
    """What a whole contract provides at its fullest, one of them stated."""

    chips: int | None
    tokens_per_minute: int | None
    chip: str | None


def size_of(clauses: Clauses) -> Size:
    """What is a unit of a contract.

    Raises:
        NotStatedError: neither chips nor tokens a minute are stated, or several kinds of chip are.
    """
    steps = clauses.capacity
    tokens = [one.tokens_per_minute for one in steps if one.tokens_per_minute is not None]
    tokens = tokens or [provisioned(clauses)]
    if tokens[0]:
        return Size(None, max(tokens), None)
    chips = [one.chips for one in steps if one.chips is not None]
    kinds = sorted({one.chip for one in steps if one.chip is not None})
    if not chips:
        raise NotStatedError("capacity is not stated in chips or in tokens a minute")
    if len(kinds) > 1:
        raise NotStatedError(f"what a unit of {' and '.join(kinds)} together is, is not stated")
    return Size(max(chips), None, kinds[0] if kinds else None)


def runs_to(clauses: Clauses) -> date | None:
    """The last day of service without notice: that of the term and its automatic extensions. None:
    not stated."""
    more = clauses.extension
    if more is not None and more.by == "automatic":
        return latest_end(clauses)
    return end_of(clauses)


def kept(clauses: Clauses, periods: Sequence[Period], signed: int = ALREADY) -> Stream:
    """The stream of a contract, signed in a period, that we never leave before its term and its
    automatic extensions end.

    Raises:
        NotStatedError: what of it is not stated.
    """
    last = runs_to(clauses) or periods[-1].last
    cash, _ = _booked(_fixed(clauses, last), periods, signed)
    bound = give_notice_after(clauses, periods[-1].last)
    return Stream(
        capacity=capacity_shares(clauses, last, periods),
        cash=cash,
        minimums=minimums(clauses, last, periods),
        after=bound,
    )


def left(clauses: Clauses, on: date, periods: Sequence[Period], signed: int = ALREADY) -> Stream:
    """The stream of a contract, signed in a period, for which we give notice on a day.

    Raises:
        NotStatedError: what leaving takes, or costs, is not stated.
    """
    found = give_notice(clauses, on, "us", Usage())
    if found.unsaid:
        raise NotStatedError(f"{found.unsaid[0]} is not stated")
    paid = [*_fixed(clauses, found.leaves), *_for_leaving(found)]
    cash, after = _booked(paid, periods, signed)
    return Stream(
        capacity=capacity_shares(clauses, found.leaves, periods),
        cash=cash,
        minimums=minimums(clauses, found.leaves, periods),
        after=after,
    )


def notice_day(clauses: Clauses, period: Period, periods: Sequence[Period]) -> date | None:
    """The day of a period on which notice is given (rule 4); None where notice in it is none, or
    changes nothing.

    Raises:
        NotStatedError: what notice would take is not stated.
    """
    counts, leaves = last_day(clauses, period.first, "us")
    closes = runs_to(clauses)
    if counts > period.last or (closes is not None and leaves >= closes):
        return None
    ends = next((one.last for one in periods if one.first <= leaves <= one.last), None)
    if ends is None or leaves == ends:
        return max(period.first, counts)
    later = last_notice(clauses, ends)
    if later is None or not counts < later <= period.last:
        return max(period.first, counts)
    if last_day(clauses, later, "us")[1] == ends:
        return later
    return max(period.first, counts)


def capacity_shares(
    clauses: Clauses, last: date, periods: Sequence[Period]
) -> tuple[Fraction, ...]:
    """The share of a whole unit that is there all through each period (rule 3)."""
    whole = size_of(clauses)
    months = capacity_by_month(clauses, last)
    return tuple(_share(one, months, whole) for one in periods)


def _share(period: Period, months: Sequence[Provided], whole: Size) -> Fraction:
    inside = [one for one in months if one.last >= period.first and one.first <= period.last]
    if not inside or inside[0].first > period.first or inside[-1].last < period.last:
        return Fraction(0)
    return min(_part(one, whole) for one in inside)


def _part(there: Provided, whole: Size) -> Fraction:
    if whole.tokens_per_minute is not None:
        return Fraction(there.tokens_per_minute or 0, whole.tokens_per_minute)
    return Fraction(there.firm_chips or 0, whole.chips or 1)


def give_notice_after(clauses: Clauses, day: date) -> PicoDollars:
    """What is still bound to be paid after a day, where notice is given on it, for months of
    service that begin after it: of one that begins before, all is owed by then (rule 1)."""
    last = end_of(clauses)
    if last is not None and (latest_end(clauses) or last) <= day:
        return PicoDollars(0)
    found = give_notice(clauses, day, "us", Usage())
    paid = [*payments(clauses, found.leaves, Usage()), *_for_leaving(found)]
    later = (one for one in paid if one.due > day and one.served > day)
    return PicoDollars(sum(one.amount or 0 for one in later))


def _fixed(clauses: Clauses, last: date) -> list[Payment]:
    """What is owed whether it is used or not, apart from minimums on metered use (rule 5)."""
    if is_metered(clauses):
        if clauses.prepay is not None:
            raise NotStatedError("how metered use draws the prepayment down is not stated")
        bare = replace(clauses, minimum=None, commitment=None)
        return payments(bare, last, Usage())
    return payments(clauses, last)


def _for_leaving(found: Exit) -> Iterator[Payment]:
    return (one for one in found.owed if one.item == "termination fee")


def _booked(
    paid: Sequence[Payment], periods: Sequence[Period], signed: int
) -> tuple[tuple[PicoDollars, ...], PicoDollars]:
    """Payments by period, and what is due after all of them (rules 1 and 2)."""
    cash, after = [0] * len(periods), 0
    final = periods[-1].last
    for one in paid:
        if signed == ALREADY and one.due < periods[0].first:
            continue
        if one.amount is None:
            raise NotStatedError(f"the {one.item} due on {one.due} is not stated")
        if one.due > final:
            if one.served <= final:
                cash[-1] += one.amount
            else:
                after += one.amount
            continue
        at = next(at for at, period in enumerate(periods) if one.due <= period.last)
        cash[max(at, signed)] += one.amount
    return tuple(map(PicoDollars, cash)), PicoDollars(after)


def minimums(clauses: Clauses, last: date, periods: Sequence[Period]) -> tuple[Minimum, ...]:
    """The least that metered use costs (rule 5)."""
    if not is_metered(clauses):
        return ()
    bare = replace(clauses, minimum=None)
    sums = [0] * len(periods)
    for least, flat in zip(fees(clauses, last, Usage()), fees(bare, last, Usage()), strict=True):
        if least.amount is None or flat.amount is None:
            raise NotStatedError(f"the fee for {least.period.first} is not stated")
        for at, one in enumerate(periods):
            if one.first <= least.period.first <= one.last:
                sums[at] += least.amount - flat.amount
    monthly = [Minimum(at, at, PicoDollars(amount)) for at, amount in enumerate(sums) if amount]
    return (*monthly, *spend_minimums(clauses, last, periods))
