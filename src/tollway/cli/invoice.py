"""`tollway invoice`: what a tenant owes for a month, by its price book.

Rules
1. The rows add up to the total, which is in whole cents: those that are not a price times a count
   (the fee, what it covers, the rounding) are rows as well.
2. Cost is the house's own affair: it is printed with --cost only, at the first row of each line,
   and adds up to what the ledger settled.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.running import fleet_path
from tollway.cli.table import Column, print_table
from tollway.errors import Fault, FaultsFound, TollwayError, unknown
from tollway.fleet.books import PriceBook, Terms
from tollway.fleet.objects import Fleet
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.charging import Account, accounts, book_of, next_month
from tollway.ledger.moments import month as month_of
from tollway.ledger.query import UsageReport
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.policy.charge import Item, Line, bill
from tollway.units import TOKENS_PER_PRICE, usd

_NAMES = {
    "input": "input tokens",
    "cached_input": "cached input tokens",
    "cache_write": "cache write tokens",
    "output": "output tokens",
    "request": "requests",
    None: "usage",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an invoice. `line` counts lines from 1; the fee, what it covers and the rounding are
    of none. Prices are USD for `per` units; money is pico-dollars."""

    line: int | None
    model: str | None
    item: str
    above: int | None
    count: int | None
    price: str | None
    per: int | None
    charged: int
    cost: int


def invoice(
    tenant: str,
    /,
    *,
    month: str = "month",
    csv: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    cost: Annotated[bool, Parameter(negative="")] = False,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
) -> int:
    """Say what a tenant owes for a month by its price book; the rows add up to whole cents.

    Parameters
    ----------
    tenant
        The tenant, as the fleet file names it.
    month
        A UTC month, by time of settling: 2026-11. Default: this month so far.
    csv
        Print comma-separated values with a heading.
    json
        Print one JSON object.
    cost
        Print what it cost you too: not for the tenant's eyes.
    fleet
        The fleet file. Default: the running gateway's, else fleet.toml.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    if csv and json:
        raise TollwayError("tollway invoice: prints --csv or --json. Give one of them.")
    now = time.time()
    first = month_of(month, "--month", now)
    file = fleet_path(fleet, state_folder(state, os.environ))
    declared = read_fleet(file)
    book, terms = _charged_by(declared, tenant, first, str(file))
    with closing(open_reader(ledger_path(ledger, state, os.environ))) as store:
        found = accounts(declared, store, (first, next_month(first)), tenant=tenant)
    nothing = Account(tenant, first, book, terms, bill(terms, ()), ())
    account = found.accounts[0] if found.accounts else nothing
    if csv:
        _print_csv(account, cost=cost)
    elif json:
        _print_json(account, cost=cost)
    else:
        _print_rows(account, cost=cost)
    _say(found.used, over=datetime.fromtimestamp(now, UTC).date() >= next_month(first))
    return 0


def _charged_by(fleet: Fleet, tenant: str, month: date, file: str) -> tuple[PriceBook, Terms]:
    if tenant not in fleet.tenants:
        raise FaultsFound([unknown(tenant, fleet.tenants, "TENANT")])
    book, place = book_of(fleet, tenant), f"{file}: tenants.{tenant}"
    if book is None:
        mend = "Write price_book, and [[price_books.NAME]] with what it charges."
        raise FaultsFound([Fault(place, "names no price book: it is charged nothing", mend)])
    terms = book.at(month)
    if terms is None:
        problem = f"holds from {book.terms[0].since:%Y-%m} on, after {month:%Y-%m}"
        mend = "Name a later month, or write the terms that held then."
        raise FaultsFound([Fault(f"{file}: price_books.{book.name}", problem, mend)])
    return book, terms


def rows_of(account: Account) -> Iterator[Row]:
    """The rows of an invoice, which add up to what is due."""
    bill = account.bill
    for number, line in enumerate(bill.lines, 1):
        for index, item in enumerate(line.items):
            yield _row(number, line.model, item, 0 if index else line.cost)
        if not line.items:  # nothing was counted, and yet it may have cost something
            yield Row(number, line.model, "usage", None, 0, None, None, 0, line.cost)
    rest = {
        "monthly fee": bill.fee,
        "covered by the fee": -bill.covered,
        "rounding to cents": bill.due - bill.charged,
    }
    for item, amount in rest.items():
        if amount:
            yield Row(None, None, item, None, None, None, None, amount, 0)


def _row(line: int, model: str | None, item: Item, cost: int) -> Row:
    per = None if item.price is None else 1 if item.kind == "request" else TOKENS_PER_PRICE
    price = None if item.price is None or per is None else f"{usd(item.price * per).normalize():f}"
    name = _NAMES[item.kind]
    return Row(line, model, name, item.above, item.count, price, per, item.charged, cost)


def _print_rows(account: Account, *, cost: bool) -> None:
    rows = list(rows_of(account))
    columns = [Column("model"), Column("item")]
    columns += [Column(name, number=True) for name in ("above", "count", "USD", "per", "charged")]
    columns += [Column("cost", number=True)] if cost else []
    # Every amount to the last digit that any of them has, so that they add up on paper.
    amounts = [amount for row in rows for amount in (row.charged, row.cost if cost else 0)]
    places = max(map(_places, amounts), default=2)

    def money(amount: int) -> str:
        return f"{'-' if amount < 0 else ''}${abs(usd(amount)):,.{places}f}"

    def cells(row: Row) -> list[str]:
        counts = ["" if it is None else f"{it:,}" for it in (row.above, row.count)]
        price = [row.price or "", "" if row.per is None else f"{row.per:,}"]
        spent = [money(row.cost) if row.cost else ""] if cost else []
        model = "" if row.line is None else row.model or "-"
        return [model, row.item, *counts, *price, money(row.charged), *spent]

    total = ["due", *[""] * 5, money(sum(row.charged for row in rows))]
    spent = [money(sum(row.cost for row in rows))] if cost else []
    print_table(columns, [cells(row) for row in rows], [*total, *spent])


def _places(amount: int) -> int:
    return max(2, len(f"{abs(amount) % 10**12:012d}".rstrip("0")))


def _print_csv(account: Account, *, cost: bool) -> None:
    import csv

    head = ["tenant", "month", "line", "model", "item", "above", "count", "price_usd", "per"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*head, "charged_usd", *(["cost_usd"] if cost else [])])
    for row in rows_of(account):
        facts = [row.line, row.model, row.item, row.above, row.count, row.price, row.per]
        spent = [_exact(row.cost)] if cost else []
        writer.writerow(
            [account.tenant, f"{account.month:%Y-%m}", *facts, _exact(row.charged), *spent]
        )


def _exact(amount: int) -> str:
    return f"{usd(amount):f}"


def _print_json(account: Account, *, cost: bool) -> None:
    import json

    bill = account.bill
    whole: dict[str, object] = {
        "tenant": account.tenant,
        "month": f"{account.month:%Y-%m}",
        "price_book": account.book and account.book.name,
        "terms_since": account.terms and account.terms.since.isoformat(),
        "lines": [_line(number, line, cost=cost) for number, line in enumerate(bill.lines, 1)],
        "fee_usd": _exact(bill.fee),
        "covered_usd": _exact(bill.covered),
        "charged_usd": _exact(bill.charged),
        "rounding_usd": _exact(bill.due - bill.charged),
        "due_usd": f"{usd(bill.due):.2f}",
    }
    if cost:
        whole["cost_usd"] = _exact(bill.cost)
    sys.stdout.write(json.dumps(whole, indent=2) + "\n")


def _line(number: int, line: Line, *, cost: bool) -> dict[str, object]:
    rows = [_row(number, line.model, item, 0) for item in line.items]
    items = [
        {
            "item": row.item,
            "above": row.above,
            "count": row.count,
            "price_usd": row.price,
            "per": row.per,
            "charged_usd": _exact(row.charged),
        }
        for row in rows
    ]
    whole: dict[str, object] = {"line": number, "model": line.model, "items": items}
    whole["charged_usd"] = _exact(line.charged)
    if cost:
        whole["cost_usd"] = _exact(line.cost)
    return whole


def _say(used: UsageReport, *, over: bool) -> None:
    total = used.total
    notes: list[str] = []
    if not over:
        notes.append("The month is not over: this is what it holds so far.")
        if used.open_count:
            notes.append(f"Not settled yet, and not in it: {used.open_count:,} requests.")
    if not total.requests:
        notes.append("Nothing was asked for in that month.")
    if total.estimated:
        notes.append(
            f"{total.estimated:,} of {total.requests:,} requests had their tokens counted by "
            "Tollway, because the source stated none."
        )
    for note in notes:
        sys.stderr.write(note + "\n")
