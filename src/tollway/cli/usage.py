"""`tollway usage`: what was used and what it cost, out of the ledger.

Rules
1. The last row is the exact sum of the rows above it: money is shown to as many places as it has.
2. JSON has money as exact decimal text, in USD.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.running import fleet_path
from tollway.cli.table import Column, print_table
from tollway.errors import Fault, FaultsFound
from tollway.ledger.moments import past, stamp
from tollway.ledger.query import Totals, UsageQuery, UsageReport
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.units import exact_usd, format_usd, places_of, usd

_OUTCOMES = ("completed", "failed", "cancelled", "refused", "abandoned")
_TOKENS = ("input", "cached_input", "cache_write", "output", "reasoning")
_ALWAYS = ("requests", "input", "output")
Group = tuple[str | None, ...]
_ORDER = ("requests", *_OUTCOMES, *_TOKENS, "unbilled")


def usage(
    *,
    by: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
    since: str | None = None,
    until: str | None = None,
    tenant: str | None = None,
    key: str | None = None,
    model: str | None = None,
    source: str | None = None,
    route: str | None = None,
    tag: str | None = None,
    charged: Annotated[bool, Parameter(negative="")] = False,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say what was used and what it cost, by tenant, key, model, source, day and more.

    Parameters
    ----------
    by
        One or more of tenant, key, model, source, route, tag, day, month, hour, operation, tier,
        outcome. Default: source model; with --charged, tenant model.
    since
        From when on, by time of settling: 2026-11-22, 7d, today, month. Default: the beginning.
    until
        Until when, written likewise; that moment itself is left out. Default: now.
    tenant
        Only this tenant.
    key
        Only the key of this id.
    model
        Only this model.
    source
        Only this source.
    route
        Only this route, as the client named it.
    tag
        Only requests with this tag.
    charged
        Add what tenants are charged by their price books, before it is made cents: by tenant,
        model and month, over whole months.
    fleet
        The fleet file, for --charged. Default: the running gateway's, else fleet.toml.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    now = time.time()
    query = UsageQuery(
        by=_dimensions(by, ("tenant", "model") if charged else ("source", "model")),
        since=None if since is None else past(since, "--since", now),
        until=None if until is None else past(until, "--until", now),
        tenant=tenant,
        key=key,
        model=model,
        source=source,
        route=route,
        tag=tag,
    )
    if query.since is not None and query.until is not None and query.since >= query.until:
        mend = "Name an earlier --since, or a later --until."
        raise FaultsFound([Fault("--since", f"is {stamp(query.since)}, not before --until", mend)])
    with closing(open_reader(ledger_path(ledger, state, os.environ))) as store:
        report = store.usage(query)
        sums: Mapping[Group, int] | None = None
        if charged:
            from tollway.cli.usage_charged import charges, with_charged
            from tollway.inspect.fleetfile import read_fleet

            declared = read_fleet(fleet_path(fleet, state_folder(state, os.environ)))
            sums = charges(declared, store, query)
            report = with_charged(report, sums)
    if json:
        _print_json(query, report, sums)
    else:
        _print_rows(report, sums)
    return 0


def _dimensions(by: Sequence[str] | None, unless_named: tuple[str, ...]) -> tuple[str, ...]:
    if not by:
        return unless_named
    return tuple(dict.fromkeys(word for part in by for word in part.split(",") if word))


def _print_rows(report: UsageReport, sums: Mapping[Group, int] | None) -> None:
    # What is zero everywhere takes no column.
    names = [name for name in _ORDER if name in _ALWAYS or getattr(report.total, name)]
    costs = (report.total.cost, *(row.totals.cost for row in report.rows))
    places = max(map(places_of, (*costs, *(sums or {}).values())))
    columns = [Column(name) for name in report.by]
    columns += [Column(name.replace("_", " "), number=True) for name in names]
    columns += [Column("estimated", number=True), Column("cost", number=True)]
    columns += [] if sums is None else [Column("charged", number=True)]

    def cells(group: Sequence[str | None], totals: Totals, charged: int) -> list[str]:
        counts = [f"{getattr(totals, name):,}" for name in names]
        money = [totals.cost] if sums is None else [totals.cost, charged]
        amounts = [format_usd(amount, places) for amount in money]
        words = ("-" if word is None else word for word in group)
        return [*words, *counts, _share(totals), *amounts]

    charged = sums or {}
    print_table(
        columns,
        [cells(row.group, row.totals, charged.get(row.group, 0)) for row in report.rows],
        cells(["total", *[""] * (len(report.by) - 1)], report.total, sum(charged.values())),
    )
    for line in _notes(report):
        sys.stderr.write(line + "\n")


def _notes(report: UsageReport) -> list[str]:
    notes: list[str] = []
    if report.open_count:
        amount = exact_usd(report.open_amount)
        notes.append(f"Reserved and not settled yet: {report.open_count:,} requests, {amount}.")
    if report.total.abandoned:
        notes.append(
            f"{report.total.abandoned:,} requests were cut off by a crash of the gateway; they are "
            "booked at what was reserved for them."
        )
    if report.total.unbilled:
        notes.append(
            f"{report.total.unbilled:,} requests used tokens and cost nothing: they were prepaid, "
            "or no price is declared for their source."
        )
    return notes


def _share(totals: Totals) -> str:
    return f"{totals.estimated / totals.requests:.1%}" if totals.requests else "-"


def _print_json(query: UsageQuery, report: UsageReport, sums: Mapping[Group, int] | None) -> None:
    import json

    def charged(amount: int) -> dict[str, str]:
        return {} if sums is None else {"charged_usd": f"{usd(amount):f}"}

    of = sums or {}
    filters = ("tenant", "key", "model", "source", "route", "tag")
    whole = {
        "by": report.by,
        "since": None if query.since is None else stamp(query.since),
        "until": None if query.until is None else stamp(query.until),
        "filters": {name: getattr(query, name) for name in filters if getattr(query, name)},
        "rows": [
            {
                **dict(zip(report.by, row.group, strict=True)),
                **_facts(row.totals),
                **charged(of.get(row.group, 0)),
            }
            for row in report.rows
        ],
        "total": {**_facts(report.total), **charged(sum(of.values()))},
        "open": {"requests": report.open_count, "reserved_usd": f"{usd(report.open_amount):f}"},
    }
    sys.stdout.write(json.dumps(whole, indent=2) + "\n")


def _facts(totals: Totals) -> dict[str, object]:
    counts = asdict(totals)
    return {
        "requests": totals.requests,
        "outcomes": {name: counts[name] for name in _OUTCOMES},
        "tokens": {name: counts[name] for name in _TOKENS},
        "estimated": totals.estimated,
        "unbilled": totals.unbilled,
        "cost_usd": f"{usd(totals.cost):f}",
    }
