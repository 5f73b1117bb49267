"""Margins: what tenants are charged beside what they cost, by what is asked for.

Rules
1. Charges are reckoned by month: a period is widened to the whole months that it lies in.
2. Each grouping adds up to the same total; fees are no key's, model's or source's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tollway.console.desk import Desk, desk_of
from tollway.console.money.asked import MARGINS, Asked, asked_of
from tollway.console.money.exported import margins_csv
from tollway.console.rendering import render
from tollway.errors import TollwayError
from tollway.ledger.charging import Months, accounts, next_month
from tollway.ledger.margins import Group, Money, grouped, total
from tollway.ledger.sqlite import SqliteLedger
from tollway.units import Seconds, exact_usd
from tollway.web.amounts import percent

MOST = 200
"""Groups on the page; the file has all."""
_PATIENCE = Seconds(8.0)


@dataclass(frozen=True, slots=True)
class Margins:
    """Cost and charge by group, over whole months. `names` are what keys are called, by id."""

    months: Months
    groups: Mapping[Group, Money]
    total: Money
    names: Mapping[str, str]


def share(part: int, whole: int) -> str:
    """A part of a whole in percent; nothing where there is no whole."""
    return percent(part / whole) if whole else ""


async def page(request: Request) -> Response:
    """A page that `/money` takes in."""
    desk = desk_of(request)
    asked = asked_of(request.query_params, desk.utc())
    found, trouble = None, None
    if desk.fleet.price_books and not asked.faults:
        try:
            found = await _margins(desk, asked)
        except TollwayError as error:
            trouble = f"{error} `tollway margin` answers in its own time."
    context = {
        "asked": asked,
        "margin": found,
        "by": MARGINS[asked.margin],
        "ways": {name: " and ".join(by) for name, by in MARGINS.items()},
        "most": MOST,
        "trouble": trouble,
        "books": bool(desk.fleet.price_books),
        "exact": exact_usd,
        "share": share,
    }
    return render(request, "money/margin.html", context)


async def as_csv(request: Request) -> Response:
    """The same as a file, with every group."""
    desk = desk_of(request)
    asked = asked_of(request.query_params, desk.utc())
    if asked.faults:
        return PlainTextResponse(
            "".join(f"{name}: {it}\n" for name, it in asked.faults.items()), 400
        )
    found = await _margins(desk, asked)
    by = MARGINS[asked.margin]
    first, until = found.months
    name = f"tollway-margin-{'-'.join(by)}-{first or 'begin'}-{until}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    kind = "text/csv; charset=utf-8"
    return Response(margins_csv(by, found.groups), media_type=kind, headers=headers)


async def _margins(desk: Desk, asked: Asked) -> Margins:
    """By what is asked for.

    Raises:
        TollwayError: the ledger cannot be read.
    """
    by = MARGINS[asked.margin]
    tenant = asked.texts["tenant"] or None
    months = _months(asked, datetime.fromtimestamp(desk.utc(), UTC).date())

    def ask(ledger: SqliteLedger) -> Margins:
        by_key = "key" in by
        found = accounts(desk.fleet, ledger, months, tenant=tenant, by_key=by_key)
        groups = grouped(found.accounts, by)
        keys = ledger.keys() if by_key else ()
        names = {it.id: it.name for it in keys}
        return Margins(months, groups, total(groups), names)

    return await desk.books.read(ask, _PATIENCE)


def _months(asked: Asked, today: date) -> Months:
    first = None if asked.first is None else asked.first.replace(day=1)
    last = today if asked.after is None else date.fromordinal(asked.after.toordinal() - 1)
    return first, next_month(last.replace(day=1))
