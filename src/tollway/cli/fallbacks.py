"""`tollway fallbacks`: which fallbacks have been tried lately, by traffic or by a drill.

Rules
1. A route without a fallback is named; that it has none is a choice, and no failure here.
"""

import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tollway.cli.running import fleet_path
from tollway.cli.table import Column, print_table
from tollway.errors import Fault, FaultsFound
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.fallbacks import Standing, standings
from tollway.ledger.moments import stamp
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder

_LONGEST = 3650


def fallbacks(
    file: Path | None = None,
    /,
    *,
    days: int = 30,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say when each fallback last carried traffic or a drill; exit 1 where one is untested.

    Parameters
    ----------
    file
        The fleet file. Default: that of the running gateway, else fleet.toml.
    days
        A fallback that was not used for longer is untested.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    if not 1 <= days <= _LONGEST:
        raise FaultsFound([Fault("--days", f"is {days}", f"Write 1 to {_LONGEST}.")])
    now = time.time()
    fleet = read_fleet(fleet_path(file, state_folder(state, os.environ)))
    with closing(open_reader(ledger_path(ledger, state, os.environ))) as store:
        uses = store.last_uses()
    found = standings(fleet, uses, days, now)
    untested = [one for one in found if one.source is not None and not one.tested]
    if json:
        rows = [_plain(one) for one in found]
        whole = {"days": days, "untested": len(untested), "fallbacks": rows}
        sys.stdout.write(msgspec.json.encode(whole).decode() + "\n")
    else:
        _print(found, untested, days)
    return 1 if untested else 0


def _print(found: list[Standing], untested: list[Standing], days: int) -> None:
    columns = [Column(name) for name in ("route", "fallback", "traffic", "drill", "")]
    rows = [
        [
            one.route,
            "none" if one.source is None else f"{one.source}:{one.model}",
            "-" if one.traffic is None else stamp(one.traffic)[:10],
            "-" if one.drill is None else stamp(one.drill),
            "" if one.source is None else "tested" if one.tested else "UNTESTED",
        ]
        for one in found
    ]
    print_table(columns, rows)
    alone = sorted({one.route for one in found if one.source is None})
    if alone:
        sys.stderr.write(f"Without a fallback: {', '.join(alone)}.\n")
    if untested:
        sys.stderr.write(
            f"{len(untested)} of {len(found) - len(alone)} fallbacks carried neither traffic nor a "
            f"drill for {days} days. Try one: tollway drill lose SOURCE, for a candidate of its "
            "route.\n"
        )


def _plain(one: Standing) -> dict[str, object]:
    return {
        "route": one.route,
        "source": one.source,
        "model": one.model,
        "last_traffic": None if one.traffic is None else stamp(one.traffic)[:10],
        "last_drill": None if one.drill is None else stamp(one.drill),
        "tested": one.tested if one.source is not None else None,
    }
