"""What a chip-hour of a contract costs in effect: fees over the chip-hours that they buy."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tollway.fleet.contract import Clauses
from tollway.planner.capacity import capacity_by_month
from tollway.planner.fees import Usage, fees
from tollway.planner.stated import NotStatedError
from tollway.units import PicoDollars


@dataclass(frozen=True, slots=True)
class Effective:
    """`amount` over `chip_hours`, from `first` to `last`: the months of service of which both are
    stated; `left_out` is how many are not. `chip` is the one chip of all of them, if it is stated.
    """

    amount: PicoDollars
    chip_hours: int
    first: date
    last: date
    left_out: int
    chip: str | None

    @property
    def usd_per_chip_hour(self) -> Fraction:
        """Exact."""
        return Fraction(self.amount, self.chip_hours * 10**12)


def effective(clauses: Clauses, until: date | None = None, usage: Usage | None = None) -> Effective:
    """The effective price of a chip-hour that is there, used or not.

    Raises:
        NotStatedError: there is no month whose fee and chips are both stated.
    """
    owed, provided = fees(clauses, until, usage), capacity_by_month(clauses, until)
    both = [
        (fee, there)
        for fee, there in zip(owed, provided, strict=True)
        if fee.amount is not None and there.chip_hours
    ]
    if not both:
        raise NotStatedError("no month states both its fee and its chips")
    chips = {there.chip for _, there in both}
    return Effective(
        amount=PicoDollars(sum(fee.amount or 0 for fee, _ in both)),
        chip_hours=sum(there.chip_hours or 0 for _, there in both),
        first=both[0][1].first,
        last=both[-1][1].last,
        left_out=len(owed) - len(both),
        chip=chips.pop() if len(chips) == 1 else None,
    )
