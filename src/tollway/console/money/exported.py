"""Costs as CSV, piece by piece.

Rules
1. The column `cost_usd` adds up to the ledger's total for the same filters, to the pico-dollar:
   there is no row of sums in the file.
2. Each piece is read by itself and is short, the first one shortest: no ledger is too long for an
   export, and none keeps its reader waiting. Days are read one by one; what is booked on a day
   after it was read is left out.
3. A cell of words that a spreadsheet would take for a formula begins with an apostrophe: tags and
   names are what others wrote. So does what stands behind a character at which a spreadsheet in
   another country parts cells.
"""

import csv
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from io import StringIO

from tollway.console.books import Books
from tollway.ledger.margins import Group, Money
from tollway.ledger.query import TOTALS, UsageQuery
from tollway.ledger.sqlite_lines import AT_ONCE, CostLine, begin, piece
from tollway.units import usd

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠")
_FIRST = 200
"""Settlements of the first piece."""
_PARTED = re.compile(r"([;\t\r\n|])(?=[ \"]*[=+\-@＝＋－＠])")
LINES = tuple(
    {"utc": "settled", "cost": "cost_usd"}.get(it.name, it.name) for it in fields(CostLine)
)
DAYS_BY = ("day", "tenant", "key", "route", "source", "model")
DAYS = (*DAYS_BY, *("cost_usd" if name == "cost" else name for name in TOTALS))


def safe(text: str | None) -> str:
    """A cell of words (rule 3)."""
    if text is None:
        return ""
    text = _PARTED.sub(r"\1'", text)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


async def lines_csv(books: Books, wanted: UsageQuery) -> AsyncIterator[str]:
    """A row for each request and source."""
    yield _rows([LINES])
    reading, count = begin(wanted), _FIRST
    while not reading.over:
        found = await books.read(
            lambda ledger, count=count: ledger.ask(lambda db: piece(db, wanted, reading, count))
        )
        yield _rows(_line(it) for it in found)
        count = AT_ONCE


async def days_csv(books: Books, wanted: UsageQuery) -> AsyncIterator[str]:
    """A row for each UTC day, tenant, key, route, source and model."""
    yield _rows([DAYS])
    days = replace(wanted, by=("day",))
    for (day,) in await books.read(lambda ledger: [it.group for it in ledger.usage(days).rows]):
        first = datetime.fromisoformat(day or "").replace(tzinfo=UTC).timestamp()
        one = replace(wanted, since=first, until=first + 86_400)
        report = await books.read(lambda ledger, one=one: ledger.usage(one))
        yield _rows(
            [
                *map(safe, row.group),
                *(str(getattr(row.totals, name)) for name in TOTALS if name != "cost"),
                f"{usd(row.totals.cost):f}",
            ]
            for row in report.rows
        )


def margins_csv(by: Sequence[str], groups: Mapping[Group, Money]) -> str:
    """A row for each group."""
    amounts = ("cost_usd", "charged_usd", "margin_usd")
    rows = [
        [*map(safe, group), *(f"{usd(it):f}" for it in (money.cost, money.charged, money.margin))]
        for group, money in groups.items()
    ]
    return _rows([[*by, *amounts], *rows])


def _line(it: CostLine) -> list[str]:
    words = (it.tenant, it.key, it.route, it.operation, it.tag, it.source, it.model, it.tier)
    counts = (it.input, it.cached_input, it.cache_write, it.output, it.reasoning)
    return [
        datetime.fromtimestamp(it.utc, UTC).isoformat(timespec="microseconds"),
        safe(it.request),
        "" if it.attempt is None else str(it.attempt),
        *map(safe, (*words, it.outcome)),
        *map(str, counts),
        "1" if it.estimated else "0",
        f"{usd(it.cost):f}",
    ]


def _rows(rows: Iterable[Iterable[str]]) -> str:
    held = StringIO()
    csv.writer(held).writerows(rows)
    return held.getvalue()
