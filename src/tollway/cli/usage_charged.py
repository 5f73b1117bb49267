"""What `tollway usage --charged` adds: charges in the groups of a usage report.

Rules
1. Charges are reckoned by month, tenant and model (steps are climbed by a month's sum): beside
   tokens they are split by nothing finer, and every split adds up to the same. `tollway margin`
   shares them among keys and sources.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from tollway.errors import Fault, FaultsFound
from tollway.fleet.objects import Fleet
from tollway.ledger.charging import accounts
from tollway.ledger.moments import stamp
from tollway.ledger.query import Totals, UsageQuery, UsageReport, UsageRow, month_start
from tollway.ledger.sqlite import SqliteLedger

Group = tuple[str | None, ...]
DIMENSIONS = ("tenant", "model", "month")
_NOT_FINER = ("key", "source", "route", "tag")


def charges(fleet: Fleet, store: SqliteLedger, query: UsageQuery) -> Mapping[Group, int]:
    """Pico-dollars charged, by the groups of the query.

    Raises:
        FaultsFound: the query asks for something finer than a month, a tenant and a model.
    """
    _check(query)
    months = (_day(query.since), _day(query.until))
    found = accounts(fleet, store, months, tenant=query.tenant)
    sums: dict[Group, int] = defaultdict(int)
    for account in found.accounts:
        for part in account.parts:
            if query.model in (None, part.model):
                values = {"tenant": account.tenant, "model": part.model}
                values["month"] = f"{account.month:%Y-%m}"
                sums[tuple(values[name] for name in query.by)] += part.charged
    return sums


def with_charged(report: UsageReport, sums: Mapping[Group, int]) -> UsageReport:
    """The report, with a row too for what is charged of no usage: a fee."""
    there = {row.group for row in report.rows}
    more = [UsageRow(group, Totals()) for group in sums if group not in there and sums[group]]
    return replace(report, rows=(*report.rows, *more))


def _check(query: UsageQuery) -> None:
    faults: list[Fault] = []
    mend = "Leave it out, or ask without --charged."
    for name in query.by:
        if name not in DIMENSIONS:
            problem = f"is {name}; charges are reckoned by {', '.join(DIMENSIONS)}"
            faults.append(Fault("--by", problem, mend))
    faults += [
        Fault(f"--{name}", "is finer than what charges are reckoned by", mend)
        for name in _NOT_FINER
        if getattr(query, name) is not None
    ]
    for name in ("since", "until"):
        moment: float | None = getattr(query, name)
        if moment is not None and moment != month_start(moment):
            problem = f"is {stamp(moment)}; charges are reckoned by whole months"
            faults.append(Fault(f"--{name}", problem, "Name the first of a month."))
    if faults:
        raise FaultsFound(faults)


def _day(moment: float | None) -> date | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).date()
