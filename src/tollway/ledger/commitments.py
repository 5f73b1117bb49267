"""How commitments are drawn down, by the ledger's own count of what their sources cost.

Rules
1. What a request cost at a source of the contract draws its commitment down on the UTC day on which
   it was settled; where the commitment names models, only theirs does.
2. Days are whole ones: today counts once it is over.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import accumulate

from tollway.fleet.readings import Read
from tollway.ledger.query import UsageQuery
from tollway.ledger.store import Ledger
from tollway.planner.burndown import PACE_DAYS, Burn, burn, period_on
from tollway.units import PicoDollars

_LONGEST = 36_500
"""Days from now after which nobody plans."""


@dataclass(frozen=True, slots=True)
class Course:
    """A draw-down day by day. `used` is what was spent of it by the end of each whole day of its
    period so far. Paces are pico-dollars a day: that of its last days, and that which would use it
    up at its end; None where no day is over, or none is left. `used_up` is the day on which it is
    used up at this pace, also after its end; None: it is not."""

    burn: Burn
    used: tuple[tuple[date, PicoDollars], ...]
    pace: Fraction | None
    needed: Fraction | None
    used_up: date | None

    def even(self, on: date) -> Fraction:
        """What an even pace from the first day on uses by the end of a day."""
        first, last = self.burn.first, self.burn.last
        return Fraction(self.burn.committed * ((on - first).days + 1), (last - first).days + 1)


def course(store: Ledger, one: Read, today: date) -> Course:
    """The draw-down of the period that `today` lies in, day by day.

    Raises:
        NotStatedError: as `drawn_down`.
    """
    first, last = period_on(one.clauses, today)
    spent = _spent(store, one, first, today)
    whole = burn(one.clauses, today, spent)
    days = [first + timedelta(at) for at in range((today - first).days)]
    sums = accumulate(spent.get(day, 0) for day in days)
    used = tuple((day, PicoDollars(it)) for day, it in zip(days, sums, strict=True))
    paced = days[-PACE_DAYS:]
    pace = Fraction(sum(spent.get(day, 0) for day in paced), len(paced)) if paced else None
    left = whole.committed - whole.spent
    needed = Fraction(max(left, 0), (last - today).days + 1)
    return Course(whole, used, pace, needed, _used_up(whole, used, pace, today))


def _used_up(
    whole: Burn, used: tuple[tuple[date, PicoDollars], ...], pace: Fraction | None, today: date
) -> date | None:
    over = [day for day, amount in used if amount >= whole.committed]
    if over or not pace:
        return over[0] if over else None
    days = -(-(whole.committed - whole.spent) // pace) - 1
    return today + timedelta(int(days)) if days <= _LONGEST else None


def drawn_down(store: Ledger, one: Read, today: date) -> Burn:
    """The draw-down of the commitment's period that `today` lies in.

    Raises:
        NotStatedError: no commitment is stated, or not its days, or the day lies outside.
    """
    first, _ = period_on(one.clauses, today)
    return burn(one.clauses, today, _spent(store, one, first, today))


def _spent(store: Ledger, one: Read, first: date, today: date) -> dict[date, PicoDollars]:
    spent: dict[date, PicoDollars] = {}
    terms = one.clauses.commitment
    models = terms.models if terms is not None else ()
    for source in one.contract.sources:
        query = UsageQuery(("day", "model"), since=_utc(first), until=_utc(today), source=source)
        for row in store.usage(query).rows:
            settled, model = row.group
            if settled is not None and (not models or model in models):
                on = date.fromisoformat(settled)
                spent[on] = PicoDollars(spent.get(on, 0) + row.totals.cost)
    return spent


def _utc(on: date) -> float:
    return datetime(on.year, on.month, on.day, tzinfo=UTC).timestamp()
