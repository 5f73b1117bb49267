"""The ledger's months beside the price books: each tenant's bill of each month.

Rules
1. A tenant without a price book, and a month before its first terms, are charged nothing: the cost
   stands there all the same, so that bills add up to the ledger.
2. The parts of an account add up to its bill: those of its usage, and one for the fee less what it
   covers, which is no model's, key's or source's.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from operator import add

import msgspec

from tollway.fleet.books import PriceBook, Terms
from tollway.fleet.objects import Fleet
from tollway.ledger.query import UsageQuery, UsageReport
from tollway.ledger.rolled import summed
from tollway.ledger.rows import MICRO
from tollway.ledger.sqlite import SqliteLedger
from tollway.policy.charge import Bill, Used, bill
from tollway.policy.shares import shares
from tollway.units import PartsPerMillion, PicoDollars

FEE = "(fee)"
"""Where a model, a key or a source would stand: the monthly fee, less what it covers."""

Months = tuple[date | None, date | None]
"""The first month, and the month after the last, by their first days; None does not restrict."""

Who = tuple[str | None, date]
"""A tenant (None: unknown) and the first day of a month."""

_NOTHING = Terms(date.min, PicoDollars(0), PicoDollars(0), PartsPerMillion(-1_000_000), ())


_SUMS = ("completed", "input", "cached_input", "cache_write", "output", "cost_micro", "cost_rest")

Sums = tuple[str | None, str | None, str | None, str | None, list[int]]
"""What a model, source, key and tier add up to: `_SUMS`."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """What of a tenant's month a key used of a model at a source, in pico-dollars. `key` is None
    where it is unknown, and where it was not asked for."""

    model: str | None
    key: str | None
    source: str | None
    cost: int
    charged: int


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant's month: its price book and terms, None where nothing is charged, its bill, and what
    that is made of (rule 2)."""

    tenant: str | None
    month: date
    book: PriceBook | None
    terms: Terms | None
    bill: Bill
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts by month and tenant, and the usage that they are made of."""

    accounts: tuple[Account, ...]
    used: UsageReport


def accounts(
    fleet: Fleet,
    store: SqliteLedger,
    months: Months,
    *,
    tenant: str | None = None,
    by_key: bool = False,
) -> Accounts:
    """The accounts of these months; their parts are of each key where that is asked for."""
    tiers = any(
        rate.tier is not None
        for book in fleet.price_books.values()
        for terms in book.terms
        for rate in terms.rates
    )
    by = ("month", "tenant", "model", "source")
    by += (*(["key"] if by_key else []), *(["tier"] if tiers else []))
    since, until = map(_utc, months)
    whole = UsageQuery((), since=since, until=until, tenant=tenant)
    each: dict[Who, list[Sums]] = defaultdict(list)
    with store.one_state():
        used = store.usage(whole)
        found = store.ask(lambda db: summed(db, replace(whole, by=by), _SUMS)) or {}
    for (month, name, *words), sums in found.items():
        key, tier = words[2] if by_key else None, words[-1] if tiers else None
        each[name, date.fromisoformat(f"{month}-01")].append((words[0], words[1], key, tier, sums))
    order = sorted(each, key=lambda who: (who[1], who[0] or ""))
    return Accounts(tuple(_account(fleet, who, each[who]) for who in order), used)


def _account(fleet: Fleet, who: Who, rows: Sequence[Sums]) -> Account:
    name, month = who
    book = book_of(fleet, name)
    terms = None if book is None else book.at(month)
    if terms is None:
        whole, charged = bill(_NOTHING, _by_model(rows)), [0] * len(rows)
    else:
        # In an order of their own: what is left of a share goes to the same one every time.
        rows = sorted(rows, key=_words)
        used = [_used(row) for row in rows]
        whole, charged = bill(terms, used), shares(terms, used)
    parts = [
        Part(model, key, source, sums[-2] * MICRO + sums[-1], amount)
        for (model, source, key, _, sums), amount in zip(rows, charged, strict=True)
    ]
    if whole.fee or whole.covered:
        parts.append(Part(FEE, FEE, FEE, 0, whole.fee - whole.covered))
    return Account(name, month, book, terms, whole, tuple(parts))


def _words(row: Sums) -> tuple[str, str, str, str]:
    return row[0] or "", row[1] or "", row[2] or "", row[3] or ""


def _by_model(rows: Sequence[Sums]) -> list[Used]:
    """All that a bill which charges nothing tells apart."""
    sums: dict[str | None, list[int]] = {}
    for model, *_, some in rows:
        held = sums.get(model)
        sums[model] = some if held is None else list(map(add, held, some))
    return [_used((model, None, None, None, some)) for model, some in sums.items()]


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


def _used(row: Sums) -> Used:
    model, source, _, tier, (*counts, micro, rest) = row
    return Used(model, source, tier, *counts, cost=micro * MICRO + rest)
