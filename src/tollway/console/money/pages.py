"""The page of money: spend, margin, budgets, commitments, and what of it a program can have.

Rules
1. Each amount is the ledger's, shown with every digit that it has; sums are those of `tollway
   usage`.
2. A part that cannot be answered says why, and the others are shown.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tollway.console.desk import Desk, desk_of
from tollway.console.money import budgets, margins, promised
from tollway.console.money.asked import BY, FILTERS, PERIODS, Asked, asked_of, utc_of
from tollway.console.money.exported import DAYS_BY, days_csv, lines_csv
from tollway.console.rendering import render
from tollway.errors import TollwayError
from tollway.ledger.sqlite import SqliteLedger
from tollway.ledger.sqlite_spend import Spend, spend, total
from tollway.ledger.sqlite_usage import reserved
from tollway.units import exact_usd, usd

T = TypeVar("T")

_MOST_ROWS = 200
_DUE_SHOWN = 40


async def page(request: Request) -> Response:
    """All of it."""
    desk = desk_of(request)
    now = desk.utc()
    asked = asked_of(request.query_params, now)
    today = datetime.fromtimestamp(now, UTC).date()
    (spent, trouble), (known, unknown), (drawn, _) = await asyncio.gather(
        _try(desk, lambda it: _spent(it, asked)),
        _try(desk, lambda it: budgets.read(it, now, desk.fleet)),
        _try(desk, lambda it: promised.drawn(desk.fleet, it, today)),
    )
    due = promised.calendar(desk.fleet, today)
    names = {} if known is None else {it.id: it.name for it in known.keys}
    context: dict[str, Any] = {
        "asked": asked,
        "periods": PERIODS,
        "dimensions": BY,
        "filters": FILTERS,
        "carried": _carried(asked),
        "trouble": trouble,
        "spent": spent,
        "names": names,
        "most": _MOST_ROWS,
        "island": None if spent is None else _chart(spent["days"], asked),
        "books": bool(desk.fleet.price_books),
        "standings": [] if known is None else budgets.standings(desk.fleet, known),
        "spells": None if known is None else known.spells,
        "no_budgets": unknown,
        "drawn": drawn or [],
        "due": due[:_DUE_SHOWN],
        "due_left": max(len(due) - _DUE_SHOWN, 0),
        "exact": exact_usd,
        "share": margins.share,
        "lasted": _lasted,
    }
    return render(request, "money/page.html", context)


async def _try(desk: Desk, ask: Callable[[SqliteLedger], T]) -> tuple[T | None, str | None]:
    try:
        return await desk.books.read(ask), None
    except TollwayError as error:
        return None, str(error)


def _spent(ledger: SqliteLedger, asked: Asked) -> dict[str, Any]:
    """By what is asked for, and by day, from one state of the ledger."""

    def ask(db: sqlite3.Connection) -> dict[str, Any]:
        db.execute("BEGIN")
        try:
            rows = spend(db, asked.query((asked.by,)))
            days = spend(db, asked.query(("day",)))
            count, amount = reserved(db, asked.query())
        finally:
            db.execute("COMMIT")
        open_ = {"open_count": count, "open_amount": amount}
        return {"rows": rows, "days": days, "total": total(rows), **open_}

    return ledger.ask(ask)


def _chart(report: list[Spend], asked: Asked) -> dict[str, Any] | None:
    """Days, dollars (for drawing alone), how each is written, and the first and last day."""
    days = [(row.group[0] or "", row.cost) for row in report]
    if not days:
        return None
    starts = [datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() for day, _ in days]
    first, after = utc_of(asked.first), utc_of(asked.after)
    return {
        "first": starts[0] if first is None else first,
        "last": starts[-1] if after is None else after - 86_400,
        "days": starts,
        "usd": [float(usd(cost)) for _, cost in days],
        "shown": [exact_usd(cost) for _, cost in days],
    }


def _lasted(seconds: float) -> str:
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h"


async def as_json(request: Request) -> Response:
    """The same sums as JSON: exact decimal text, in USD."""
    desk = desk_of(request)
    asked = asked_of(request.query_params, desk.utc())
    if asked.faults:
        return _faulty(asked)
    found = await desk.books.read(lambda it: _spent(it, asked))

    def facts(row: Spend) -> dict[str, Any]:
        return {"requests": row.requests, "cost_usd": f"{usd(row.cost):f}"}

    rows = [{"name": row.group[0], **facts(row)} for row in found["rows"]]
    days = [{"day": row.group[0], **facts(row)} for row in found["days"]]
    whole = {
        "first": None if asked.first is None else str(asked.first),
        "before": None if asked.after is None else str(asked.after),
        "filters": {name: it for name, it in asked.texts.items() if it and name in FILTERS},
        "by": asked.by,
        "rows": rows,
        "days": days,
        "total": facts(found["total"]),
    }
    return JSONResponse(whole)


async def export(request: Request) -> Response:
    """The CSV file: by request, or by day."""
    desk = desk_of(request)
    asked = asked_of(request.query_params, desk.utc())
    if asked.faults:
        return _faulty(asked)
    by_day = request.query_params.get("lines") == "days"
    # Before the head goes out: a ledger that is not there is an error page, not half a file.
    await desk.books.read(lambda it: it.keys_version())
    make = days_csv if by_day else lines_csv
    body = make(desk.books, asked.query(DAYS_BY if by_day else ()))
    name = _file_name(asked, ("days" if by_day else "requests"))
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(body, media_type="text/csv; charset=utf-8", headers=headers)


def _carried(asked: Asked) -> dict[str, str]:
    """The period and the filters, for the requests behind a row."""
    period = {"since": asked.first, "until": asked.after}
    texts = {name: it for name, it in asked.texts.items() if it and name in FILTERS}
    return {name: str(day) for name, day in period.items() if day is not None} | texts


def _faulty(asked: Asked) -> Response:
    """What cannot be read is never left out: all of the ledger would look like a part of it."""
    words = "".join(f"{name}: {it}\n" for name, it in asked.faults.items())
    return PlainTextResponse(words, 400)


def _file_name(asked: Asked, what: str) -> str:
    parts: Sequence[object] = (asked.first or "begin", asked.after or "now")
    return f"tollway-{what}-{'-'.join(map(str, parts))}.csv"


ROUTES = [
    Route("/money", page, methods=["GET"]),
    Route("/money/margin", margins.page, methods=["GET"]),
    Route("/money/margin.csv", margins.as_csv, methods=["GET"]),
    Route("/money/spend.json", as_json, methods=["GET"]),
    Route("/money/export.csv", export, methods=["GET"]),
]
