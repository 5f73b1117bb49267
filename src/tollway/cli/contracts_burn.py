"""Prints how commitments are drawn down, by the ledger's own count of what their sources cost."""

import os
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

from tollway.cli.contract_files import book_of, chosen, day, refuse
from tollway.cli.contract_words import dollars
from tollway.cli.contracts_show import print_json
from tollway.errors import Fault, FaultsFound
from tollway.fleet.readings import Read
from tollway.ledger.commitments import drawn_down
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path
from tollway.planner.burndown import Burn
from tollway.planner.stated import NotStatedError
from tollway.units import PicoDollars, usd


def print_burns(
    words: tuple[str, ...],
    file: Path,
    today: str | None,
    ledger: str | None,
    state: str | None,
    *,
    json: bool,
) -> int:
    """Print the draw-down of contracts; 1 where a commitment is forecast to be missed."""
    now = day(today, "--today")
    book = book_of(file)
    named = words or tuple(
        name for name in book.in_force if book.contracts[name].clauses.commitment
    )
    reads = chosen(named, file)
    for one in reads:
        if not one.contract.sources:
            place = f"{file}: contracts.{one.contract.name}"
            mend = 'Name the sources that run on it: sources = ["NAME"].'
            raise FaultsFound([Fault(place, "has no sources, whose cost draws it down", mend)])
    failed, rows = 0, []
    with closing(open_reader(ledger_path(ledger, state, os.environ))) as store:
        for one in reads:
            try:
                found = drawn_down(store, one, now)
            except NotStatedError as error:
                failed = refuse(one.name, error)
                continue
            failed = failed or int((found.over or 0) < 0)
            rows.append(_plain(one, found))
            if not json:
                _print(one, found, now)
    if json:
        print_json({"today": str(now), "commitments": rows})
    return failed


def _print(one: Read, found: Burn, today: date) -> None:
    sys.stdout.write(f"{one.name}: {found.first} to {found.last}, as of {today}\n")
    share = found.spent * 100 / found.committed if found.committed else 100.0
    sys.stdout.write(
        f"  Spent {dollars(found.spent)} of {dollars(found.committed)} ({share:.1f}%).\n"
    )
    if found.forecast is None or found.over is None:
        sys.stdout.write("  No whole day has passed: there is no forecast yet.\n")
        return
    sys.stdout.write(f"  At the pace of the last four weeks: {dollars(found.forecast)} by its end")
    if found.over < 0:
        rest = {"pay": "is to be paid", "lapse": "lapses", "roll": "is added to the next period"}
        what = rest.get(found.true_up or "", "is unspent; what becomes of it is not stated")
        sys.stdout.write(f":\n  {dollars(PicoDollars(-found.over))} {what}.\n")
    else:
        sys.stdout.write(f",\n  {dollars(found.over)} over it; used up on {found.reached}.\n")


def _plain(one: Read, found: Burn) -> dict[str, object]:
    return {
        "contract": one.contract.name,
        "reading": one.reading,
        "from": str(found.first),
        "to": str(found.last),
        "committed_usd": f"{usd(found.committed):f}",
        "spent_usd": f"{usd(found.spent):f}",
        "forecast_usd": None if found.forecast is None else f"{usd(found.forecast):.2f}",
        "over_usd": None if found.over is None else f"{usd(found.over):.2f}",
        "used_up_on": None if found.reached is None else str(found.reached),
        "true_up": found.true_up,
    }
