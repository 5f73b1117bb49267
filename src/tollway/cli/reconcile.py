"""`tollway reconcile`: a provider's bill against the ledger, the residual named.

Rules
1. Exit 1 where bill and ledger are further apart than --within; never rounded into agreement.
2. The whole of the bill's days is compared, unless --month says less.
"""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from tollway.cli.running import fleet_path
from tollway.cli.table import Column, print_table
from tollway.errors import Fault, FaultsFound, unknown
from tollway.fleet.objects import Fleet
from tollway.inspect.fleetfile import read_fleet
from tollway.inspect.provider_bills import Form, read_bill
from tollway.ledger.bills import Amount, Matched, Reconciliation
from tollway.ledger.bills import reconcile as matched
from tollway.ledger.charging import next_month
from tollway.ledger.moments import month as month_of
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import SqliteLedger, open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.units import format_usd, pico_from_usd, usd

EXIT_APART = 1
_COLUMNS = ("day", "model", "amount", "currency")
_BY = ("day", "model")


def reconcile(
    invoice: Path,
    /,
    *,
    source: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    month: str | None = None,
    by: str = "model",
    within: str = "1%",
    columns: str | None = None,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Compare a provider's bill with the ledger, by day and model; exit 1 where apart.

    OpenAI's and Anthropic's cost exports are known by their headings; any other CSV by --columns.

    Parameters
    ----------
    invoice
        The bill, as comma-separated values in USD.
    source
        The sources that the bill is of; may be repeated. Default: those at the provider's URL.
    month
        Only this UTC month of the bill: 2026-11. Default: all of its days.
    by
        What is shown: model, day, or day,model.
    within
        How far apart bill and ledger may be in all: a share of the bill (1%) or USD (5.00).
    columns
        Which columns hold what: day=COLUMN,model=COLUMN,amount=COLUMN, and currency=COLUMN.
    fleet
        The fleet file. Default: the running gateway's, else fleet.toml.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object with every day and model.
    """
    names = _names(by)
    bound = _bound(within)
    first = None if month is None else month_of(month, "--month", time.time())
    form, billed = read_bill(invoice, _columns(columns))
    if first is not None:
        billed = [it for it in billed if first <= it.day < next_month(first)]
    if not billed:
        mend = "Name a bill that has, or another --month."
        raise FaultsFound([Fault(str(invoice), "has no amounts", mend)])
    declared = read_fleet(fleet_path(fleet, state_folder(state, os.environ)))
    sources = _sources(declared, source, form)
    with closing(open_reader(ledger_path(ledger, state, os.environ))) as store:
        booked = _booked(store, sources, _span(billed, first))
    found = matched(billed, booked, _known(declared, sources))
    apart = abs(found.residual) > _allowed(bound, found.billed)
    if json:
        _print_json(found, sources, form, apart=apart)
    else:
        _print_rows(found, names)
        _say(found, sources, within, apart=apart)
    return EXIT_APART if apart else 0


def _span(billed: Sequence[Amount], month: date | None) -> tuple[date, date]:
    """From the first day to after the last."""
    if month is not None:
        return month, next_month(month)
    days = [it.day for it in billed]
    return min(days), max(days) + timedelta(days=1)


def _booked(store: SqliteLedger, sources: Sequence[str], span: tuple[date, date]) -> list[Amount]:
    since, until = (datetime(it.year, it.month, it.day, tzinfo=UTC).timestamp() for it in span)
    found: list[Amount] = []
    for source in sources:
        query = UsageQuery(("day", "model"), since=since, until=until, source=source)
        for row in store.usage(query).rows:
            day, model = row.group
            if row.totals.cost and day is not None:
                found.append(Amount(date.fromisoformat(day), model or "", row.totals.cost))
    return found


def _known(fleet: Fleet, sources: Sequence[str]) -> Mapping[str, str]:
    """Our models by the names that these sources know them by, and by our own."""
    names: dict[str, str] = {}
    for source in sources:
        if source in fleet.sources:
            for model, serving in fleet.sources[source].serves.items():
                names |= {model: model, serving.upstream_model: model}
    return names


def _sources(fleet: Fleet, named: Sequence[str], form: Form) -> list[str]:
    faults = [unknown(it, fleet.sources, "--source") for it in named if it not in fleet.sources]
    if faults:
        raise FaultsFound(faults)
    if named:
        return list(dict.fromkeys(named))
    found = [
        name
        for name, source in fleet.sources.items()
        if form.host is not None and urlsplit(source.base_url).hostname == form.host
    ]
    if not found:
        problem = f"is needed: no source of the fleet is at {form.host or 'a known provider'}"
        raise FaultsFound([Fault("--source", problem, "Name the sources that the bill is of.")])
    return found


def _columns(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    pairs = {key: column for key, _, column in (part.partition("=") for part in text.split(","))}
    faults = [unknown(key, _COLUMNS, "--columns") for key in pairs if key not in _COLUMNS]
    lacking = [key for key in _COLUMNS[:3] if not pairs.get(key)]
    if lacking and not faults:
        mend = "Write day=COLUMN,model=COLUMN,amount=COLUMN."
        faults.append(Fault("--columns", f"names no column for {lacking[0]}", mend))
    if faults:
        raise FaultsFound(faults)
    return pairs


def _names(by: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word for word in by.split(",") if word))
    faults = [unknown(word, _BY, "--by") for word in words if word not in _BY]
    if faults or not words:
        raise FaultsFound(faults or [Fault("--by", "is empty", "Write model, day or day,model.")])
    return words


def _bound(text: str) -> tuple[Decimal, bool]:
    """A number, and whether it is a share."""
    try:
        number = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number < 0:
        mend = "Write a share of the bill (1%), or USD (5.00)."
        raise FaultsFound([Fault("--within", f'is "{text}"', mend)])
    return number, text.endswith("%")


def _allowed(bound: tuple[Decimal, bool], billed: int) -> Decimal:
    number, share = bound
    return abs(billed) * number / 100 if share else Decimal(pico_from_usd(round(number, 12)))


def _print_rows(found: Reconciliation, names: Sequence[str]) -> None:
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for line in found.lines:
        words = {"day": line.day.isoformat(), "model": line.model or "(no model)"}
        both = sums[tuple(words[name] for name in names)]
        both[0] += line.billed or 0
        both[1] += line.booked or 0
    columns = [*map(Column, names)]
    columns += [Column(name, number=True) for name in ("billed", "booked", "difference", "off by")]
    rows = [[*group, *_cells(billed, booked)] for group, (billed, booked) in sorted(sums.items())]
    total = ["total", *[""] * (len(names) - 1), *_cells(found.billed, found.booked)]
    print_table(columns, rows, total)


def _cells(billed: int, booked: int) -> list[str]:
    share = f"{(billed - booked) / billed:+.2%}" if billed else "-"
    return [*map(format_usd, (billed, booked, billed - booked)), share]


def _say(found: Reconciliation, sources: Sequence[str], within: str, *, apart: bool) -> None:
    only = {
        "Only on the bill": [it for it in found.lines if it.booked is None and it.billed],
        "Only in the ledger": [it for it in found.lines if it.billed is None and it.booked],
    }
    for words, lines in only.items():
        if lines:
            amount = format_usd(sum((it.billed or 0) + (it.booked or 0) for it in lines))
            sys.stderr.write(f"{words}: {_models(lines)}; {amount} in all.\n")
    side = "above" if found.residual > 0 else "below"
    verdict = f"more than {within} apart" if apart else f"within {within}"
    sys.stderr.write(
        f"Residual: the bill is {format_usd(abs(found.residual))} {side} what the ledger has for "
        f"{', '.join(sources)}: {verdict}.\n"
    )


def _models(lines: Sequence[Matched]) -> str:
    days: dict[str, int] = defaultdict(int)
    for line in lines:
        days[line.model or "(no model)"] += 1
    words = [f"{model} ({count} day{'s' * (count > 1)})" for model, count in sorted(days.items())]
    return ", ".join(words[:8]) + (f" and {len(words) - 8} more" if len(words) > 8 else "")


def _print_json(found: Reconciliation, sources: Sequence[str], form: Form, *, apart: bool) -> None:
    import json

    def text(amount: int | None) -> str | None:
        return None if amount is None else f"{usd(amount):f}"

    whole = {
        "form": form.name,
        "sources": sources,
        "lines": [
            {
                "day": it.day.isoformat(),
                "model": it.model or None,
                "billed_usd": text(it.billed),
                "booked_usd": text(it.booked),
                "difference_usd": text(it.difference),
            }
            for it in found.lines
        ],
        "billed_usd": text(found.billed),
        "booked_usd": text(found.booked),
        "residual_usd": text(found.residual),
        "apart": apart,
    }
    sys.stdout.write(json.dumps(whole, indent=2) + "\n")
