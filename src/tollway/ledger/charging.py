"""The ledger's months beside the price books: each tenant's bill of each month.

Rules
1. A tenant without a price book, and a month before its first terms, are charged nothing: the cost
   stands there all the same, so that bills add up to the ledger.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tollway.fleet.books import PriceBook, Terms
from tollway.fleet.objects import Fleet
from tollway.ledger.query import UsageQuery, UsageReport, UsageRow
from tollway.ledger.sqlite import SqliteLedger
from tollway.policy.charge import Bill, Used, bill
from tollway.units import PartsPerMillion, PicoDollars

FEE = "(fee)"
"""Where a model would stand: the monthly fee, less what it covers."""

Who = tuple[str | None, date]
"""A tenant (None: unknown) and the first day of a month."""

_NOTHING = Terms(date.min, PicoDollars(0), PicoDollars(0), PartsPerMillion(-1_000_000), ())


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant's month: its price book and terms, None where nothing is charged, and its bill."""

    tenant: str | None
    month: date
    book: PriceBook | None
    terms: Terms | None
    bill: Bill


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts by month and tenant, and the usage that they are made of."""

    accounts: tuple[Account, ...]
    used: UsageReport


def accounts(
    fleet: Fleet,
    store: SqliteLedger,
    *,
    since: date | None,
    until: date | None,
    tenant: str | None = None,
) -> Accounts:
    """The accounts of the months from `since` to before `until`, both first days of a month."""
    tiers = any(
        rate.tier is not None
        for book in fleet.price_books.values()
        for terms in book.terms
        for rate in terms.rates
    )
    # Without a tier to tell apart, the daily sums answer; with one, every request is read.
    by = ("month", "tenant", "model", "source", *(["tier"] if tiers else []))
    used = store.usage(UsageQuery(by, since=_utc(since), until=_utc(until), tenant=tenant))
    months: dict[Who, list[Used]] = defaultdict(list)
    for row in used.rows:
        months[row.group[1], date.fromisoformat(f"{row.group[0]}-01")].append(_used(row))
    order = sorted(months, key=lambda who: (who[1], who[0] or ""))
    return Accounts(tuple(_account(fleet, who, months) for who in order), used)


def _account(fleet: Fleet, who: Who, months: Mapping[Who, list[Used]]) -> Account:
    name, month = who
    book = book_of(fleet, name)
    terms = None if book is None else book.at(month)
    return Account(name, month, book, terms, bill(terms or _NOTHING, months[who]))


def parts(account: Account) -> list[tuple[str | None, int, int]]:
    """Model, cost and charge: of each line, and of the fee. They add up to the bill."""
    bill = account.bill
    lines = [(line.model, line.cost, line.charged) for line in bill.lines]
    return [*lines, (FEE, 0, bill.fee - bill.covered)] if bill.fee or bill.covered else lines


def book_of(fleet: Fleet, tenant: str | None) -> PriceBook | None:
    """What a tenant is charged by; None where it is not, or the fleet does not declare it."""
    known = None if tenant is None else fleet.tenants.get(tenant)
    if known is None or known.price_book is None:
        return None
    return fleet.price_books[known.price_book]


def month_query(by: tuple[str, ...], month: date, tenant: str | None = None) -> UsageQuery:
    """The usage of the month that begins on `month`."""
    return UsageQuery(by, since=_utc(month), until=_utc(next_month(month)), tenant=tenant)


def next_month(month: date) -> date:
    """The first day of the month after the one that begins on `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _utc(day: date | None) -> float | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _used(row: UsageRow) -> Used:
    _, _, model, source, *tier = row.group
    totals = row.totals
    return Used(
        model=model,
        source=source,
        tier=tier[0] if tier else None,
        answered=totals.completed,
        input=totals.input,
        cached_input=totals.cached_input,
        cache_write=totals.cache_write,
        output=totals.output,
        cost=totals.cost,
    )
