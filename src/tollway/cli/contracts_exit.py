"""Prints what is owed, and until when, once notice is given; and the earliest way out."""

import sys
from datetime import date

from tollway.cli.contract_files import chosen, day, footnotes, only, refuse
from tollway.cli.contract_options import Place
from tollway.cli.contract_words import dollars
from tollway.cli.contracts_show import print_json
from tollway.cli.table import Column, print_table
from tollway.fleet.readings import Read
from tollway.planner.cash import Payment
from tollway.planner.exits import By, Exit, earliest, give_notice, leave_for_miss
from tollway.planner.stated import NotStatedError
from tollway.units import usd


def print_exits(
    words: tuple[str, ...],
    place: Place,
    days: tuple[str | None, str | None],
    by: By,
    there: int | None,
) -> int:
    """Print the exits of contracts; 1 where one could not be answered. `days` are of notice, and
    today; `there` is how many chips were delivered by then."""
    reads = chosen(words, place.file)
    only(reads, "exit")
    today = day(days[1], "--today")
    given = today if days[0] is None else day(days[0], "--on")
    failed, rows = 0, []
    for one in reads:
        try:
            found = _exit_of(one, given, by, there)
            first = earliest(one.clauses, today, by)
        except NotStatedError as error:
            failed = refuse(one.name, error)
            rows.append({"contract": one.name, "refused": str(error)})
            continue
        rows.append(_plain(one, found, first))
        if not place.json:
            sys.stdout.write("\n" * (len(rows) > 1))
            _print(one, found, first, today)
    if place.json:
        print_json({"exits": rows})
    else:
        footnotes(reads)
    return failed


def _exit_of(one: Read, given: date, by: By, there: int | None) -> Exit:
    """By the right after a missed delivery where it is there; else by notice."""
    if there is not None and by == "us":
        found = leave_for_miss(one.clauses, given, there)
        if found is not None:
            return found
    return give_notice(one.clauses, given, by)


def _print(one: Read, found: Exit, first: Exit, today: date) -> None:
    who = "we" if found.by == "us" else "the supplier"
    if found.how == "missed delivery":
        sys.stdout.write(f"{one.name}: we end it on {found.given}, for the missed delivery\n")
    else:
        sys.stdout.write(
            f"{one.name}: {who} give{'s' * (found.by == 'them')} notice on {found.given}\n"
        )
    if found.how == "end of term":
        sys.stdout.write(f"  No notice leads out before the term does: {found.leaves}.\n")
    elif found.counts != found.given:
        sys.stdout.write(f"  Too early: it counts from {found.counts}.\n")
    sys.stdout.write(f"  Last day of service: {found.leaves}.\n")
    rows = [[str(it.due), it.item, _span(it), dollars(it.amount)] for it in found.owed]
    if rows:
        columns = [Column("due"), Column("what"), Column("for"), Column("owed", True)]
        print_table(columns, rows, ["", "exposure tail", "", _tail(found)])
    else:
        sys.stdout.write("  Nothing more is owed.\n")
    if found.tail is None:
        sys.stdout.write("  + ?: an amount that is not stated is not in the sum.\n")
    if found.unsaid:
        sys.stdout.write(f"  Not stated, and not in it: {'; '.join(found.unsaid)}.\n")
    sys.stdout.write(
        f"  Earliest way out from {today}: notice on {first.counts}, last day {first.leaves},\n"
        f"  at {_tail(first)}.\n"
    )


def _span(it: Payment) -> str:
    return f"{it.served} to {it.through}" if it.served != it.through else str(it.served)


def _tail(found: Exit) -> str:
    if found.tail is not None:
        return dollars(found.tail)
    return f"{dollars(sum(it.amount or 0 for it in found.owed))} + ?"


def _plain(one: Read, found: Exit, first: Exit) -> dict[str, object]:
    return {
        "contract": one.contract.name,
        "reading": one.reading,
        **_exit(found),
        "owed": [
            {
                "due": str(it.due),
                "item": it.item,
                "from": str(it.served),
                "through": str(it.through),
                "usd": _exact(it.amount),
                "at_least": it.at_least,
            }
            for it in found.owed
        ],
        "not_stated": list(found.unsaid),
        "earliest": _exit(first),
    }


def _exit(found: Exit) -> dict[str, object]:
    return {
        "by": found.by,
        "notice": str(found.given),
        "counts_from": str(found.counts),
        "last_day": str(found.leaves),
        "how": found.how,
        "tail_usd": _exact(found.tail),
    }


def _exact(amount: int | None) -> str | None:
    return None if amount is None else f"{usd(amount):.2f}"
