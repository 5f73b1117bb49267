"""Prints the dates of contracts: for people, as JSON, or for a calendar program."""

import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

from tollway.cli.contract_files import book_of, chosen, day
from tollway.cli.contracts_show import print_json
from tollway.cli.table import printable
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.contract_dates import add_months
from tollway.fleet.readings import Read
from tollway.planner.decisions import Dated, decisions, ics


def print_calendar(
    words: tuple[str, ...],
    file: Path | None,
    since: str | None,
    until: str | None,
    *,
    ics: bool,
    json: bool,
) -> int:
    """Print what is dated, by day."""
    if ics and json:
        raise TollwayError("tollway contracts calendar: prints --ics or --json. Give one of them.")
    first = day(since, "--since")
    last = add_months(first, 12) if until is None else day(until, "--until")
    if last < first:
        fault = Fault("--until", f"is {last}, before --since, {first}", "Write a later day.")
        raise FaultsFound([fault])
    reads = chosen(words or book_of(file).in_force, file)
    found = [(one, decisions(one.clauses, first, last)) for one in reads]
    if ics:
        sys.stdout.write(_ics(found))
    elif json:
        rows = [
            {"contract": one.contract.name, "reading": one.reading, "on": str(it.on),
             "kind": it.kind, "words": it.words}
            for one, dated in found for it in dated
        ]  # fmt: skip
        print_json({"since": str(first), "until": str(last), "dates": rows})
    else:
        _print(found)
    return 0


def _ics(found: list[tuple[Read, list[Dated]]]) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return ics([(one.name, it) for one, dated in found for it in dated], stamp)


def _print(found: list[tuple[Read, list[Dated]]]) -> None:
    rows = sorted(
        ((it.on, one.name, it) for one, dated in found for it in dated), key=lambda row: row[:2]
    )
    for on, name, it in rows:
        mark = {"decide": "DECIDE", "pay": "pay", "happens": ""}[it.kind]
        sys.stdout.write(f"{on}  {mark:<6}  {printable(name)}\n")
        for line in textwrap.wrap(printable(it.words), 60):
            sys.stdout.write(f"{'':<20}{line}\n")
    if not rows:
        sys.stderr.write("Nothing is dated between these days.\n")
