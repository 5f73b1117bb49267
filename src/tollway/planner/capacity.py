"""What a contract provides by month: chips, megawatts, tokens a minute, and what of it is firm."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from tollway.fleet.contract import Clauses
from tollway.fleet.contract_dates import DAY
from tollway.planner.fees import MILLION, Period, capacity_on, cuts_of, periods

Amount = TypeVar("Amount", int, Decimal)


@dataclass(frozen=True, slots=True)
class Provided:
    """What is there in a month of service. Chips, megawatts and tokens a minute are the least of
    its days (a ramp counts from the month after); `firm_chips` are those that nobody may reclaim;
    `chip_hours` is the exact sum over its days. None: not stated."""

    first: date
    last: date
    chip: str | None
    chips: int | None
    firm_chips: int | None
    chip_hours: int | None
    mw: Decimal | None
    tokens_per_minute: int | None


def capacity_by_month(clauses: Clauses, until: date | None = None) -> list[Provided]:
    """What is there in each month of service, up to `until` or the end of the term.

    Raises:
        NotStatedError: the start, or the end where it is needed.
    """
    return [_provided(clauses, period) for period in periods(clauses, until)]


def _provided(clauses: Clauses, period: Period) -> Provided:
    days = cuts_of(clauses, period)
    steps = [capacity_on(clauses, day) for day in days]
    chips = [None if step is None else step.chips for step in steps]
    spans = [
        (after - day).days for day, after in zip(days, [*days[1:], period.last + DAY], strict=True)
    ]
    hours = [None if it is None else it * span * 24 for it, span in zip(chips, spans, strict=True)]
    known = [it for it in hours if it is not None]
    least = _least(chips)
    share = 0 if clauses.reclaim is None else clauses.reclaim.share
    return Provided(
        first=period.first,
        last=period.last,
        chip=None if steps[-1] is None else steps[-1].chip,
        chips=least,
        firm_chips=None if least is None else least * (MILLION - share) // MILLION,
        chip_hours=sum(known) if len(known) == len(hours) else None,
        mw=_least([None if step is None else step.mw for step in steps]),
        tokens_per_minute=_least(
            [None if step is None else step.tokens_per_minute for step in steps]
        )
        or provisioned(clauses)
        or None,
    )


def provisioned(clauses: Clauses) -> int:
    """Tokens a minute of provisioned throughput; 0 where none is stated."""
    return sum(one.tokens_per_minute or 0 for one in clauses.provisioned)


def _least(values: list[Amount | None]) -> Amount | None:
    known = [value for value in values if value is not None]
    return min(known) if len(known) == len(values) else None
