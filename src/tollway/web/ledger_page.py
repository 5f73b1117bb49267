"""A period of the ledger as one page: what was spent, by day, source, model, tenant and outcome.

Rules
1. Money is written with every digit that it has; each table adds up to the page's own total.
2. Every value that a chart shows is in the table beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tollway.ledger.query import Totals, UsageRow
from tollway.units import exact_usd, format_usd, places_of, usd
from tollway.web.amounts import percent
from tollway.web.charts import Series, columns
from tollway.web.document import Fact, Head, Section, document, notes
from tollway.web.markup import behind, element, table, words

MOST_ROWS = 40
"""Of a table; what is beyond is one row of its own."""
_STACKED = 7
_UNKNOWN = {"outcome": "attempts that failed, of requests above"}


@dataclass(frozen=True, slots=True)
class LedgerShown:
    """What the page shows. `period` is in words; `by` are the groups of each dimension, `days` the
    groups by (day, source)."""

    period: str
    command: str
    made: str
    total: Totals
    by: Mapping[str, Sequence[UsageRow]]
    days: Sequence[UsageRow]


def ledger_page(shown: LedgerShown) -> str:
    """The whole file."""
    total = shown.total
    tokens = total.input + total.output
    facts = [
        Fact("Spent", exact_usd(total.cost), "booked by the ledger, exact"),
        Fact("Requests", f"{total.requests:,}", f"{total.completed:,} completed"),
        Fact("Tokens in, out", f"{total.input:,} / {total.output:,}",
             f"{_share(total.cached_input, total.input)} of the input from caches"),
        Fact("A million tokens", _each(total.cost * 10**6, tokens), "cost over tokens, in and out"),
        Fact("Counted here", _share(total.estimated, total.requests),
             "of the requests: their sources stated no usage"),
    ]  # fmt: skip
    sections = [Section("days", "By day", _days(shown))]
    sections += [
        Section(name, f"By {name}", _groups(name, rows, total)) for name, rows in shown.by.items()
    ]
    sections.append(Section("notes", "What it rests on", notes(_notes(total))))
    made = f"Made by tollway report on {shown.made}; the same figures: {shown.command}."
    head = Head(f"Spend, {shown.period}", f"What the ledger settled {shown.period}.", facts, made)
    return document(head, sections)


def _each(amount: int, count: int) -> str:
    return format_usd(amount // count) if count else "-"


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "-"


def _days(shown: LedgerShown) -> str:
    if not shown.days:
        return element("p", words("Nothing was settled."))
    names = list(dict.fromkeys(row.group[0] or "" for row in shown.days))
    sums: dict[str | None, dict[str, int]] = {}
    for row in shown.days:
        sums.setdefault(row.group[1], {})[row.group[0] or ""] = row.totals.cost
    order = sorted(sums, key=lambda it: (-sum(sums[it].values()), it or ""))
    series = [_series(source or "no source", [sums[source]], names) for source in order[:_STACKED]]
    if order[_STACKED:]:
        series.append(_series("others", [sums[source] for source in order[_STACKED:]], names))
    of_day = {name: Totals.of(r.totals for r in shown.days if r.group[0] == name) for name in names}
    places = max(places_of(it.cost) for it in of_day.values())
    rows = [
        [name, f"{it.requests:,}", f"{it.input:,}", f"{it.output:,}", format_usd(it.cost, places)]
        for name, it in of_day.items()
    ]
    head = ["day, UTC", "requests", "tokens in", "out", "cost"]
    return columns("Spend by day and source", names, series, "USD") + behind(
        "The days as a table", table("Spend by day of settling", head, rows)
    )


def _series(name: str, parts: Sequence[Mapping[str, int]], days: Sequence[str]) -> Series:
    costs = [sum(part.get(day, 0) for part in parts) for day in days]
    shown = [f"{exact_usd(cost)} on {day}" for cost, day in zip(costs, days, strict=True)]
    return Series(name, [float(usd(cost)) for cost in costs], shown)


def _groups(name: str, rows: Sequence[UsageRow], total: Totals) -> str:
    if not rows:
        return ""
    first, rest = list(rows[:MOST_ROWS]), rows[MOST_ROWS:]
    if rest:
        others = Totals.of(row.totals for row in rest)
        first.append(UsageRow((f"{len(rest):,} others",), others))
    first.append(UsageRow(("total",), total))
    places = max(places_of(row.totals.cost) for row in first)
    cells = [
        [row.group[0] or _UNKNOWN.get(name, "unknown"), f"{it.requests:,}", f"{it.input:,}",
         f"{it.output:,}", _share(it.cost, total.cost), format_usd(it.cost, places)]
        for row in first for it in [row.totals]
    ]  # fmt: skip
    head = [name, "requests", "tokens in", "out", "share", "cost"]
    return table(f"Spend by {name}", head, cells)


def _notes(total: Totals) -> list[str]:
    lines = [
        "Money is counted in whole pico-dollars, as the ledger settled it. A request that was "
        "tried at several sources counts once, at the one that answered or was last tried; what a "
        "failed attempt cost counts at its own source.",
        "Days are UTC days of settling.",
    ]
    if total.unbilled:
        lines.append(
            f"{total.unbilled:,} requests used tokens and cost nothing: they were prepaid, or no "
            "price is declared for their source."
        )
    if total.abandoned:
        lines.append(
            f"{total.abandoned:,} requests were cut off by a crash of the gateway; they are booked "
            "at what was reserved for them."
        )
    return lines
