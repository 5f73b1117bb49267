"""How commitments are drawn down, by the ledger's own count of what their sources cost.

Rules
1. What a request cost at a source of the contract draws its commitment down on the UTC day on which
   it was settled; where the commitment names models, only theirs does.
"""

from datetime import UTC, date, datetime

from tollway.fleet.readings import Read
from tollway.ledger.query import UsageQuery
from tollway.ledger.store import Ledger
from tollway.planner.burndown import Burn, burn, period_on
from tollway.units import PicoDollars


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
