"""Prints contracts, or readings of one, side by side: what differs in clauses and in money."""

import sys
import textwrap
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path

from tollway.cli.contract_files import chosen, day, footnotes
from tollway.cli.contract_words import dollars, lines
from tollway.cli.contracts_cost import exact_hour
from tollway.cli.contracts_show import print_json
from tollway.cli.table import printable
from tollway.errors import TollwayError
from tollway.fleet.contract import Clauses
from tollway.fleet.readings import Read
from tollway.planner.cash import payments, whole
from tollway.planner.effective import effective
from tollway.planner.exits import Exit, earliest, give_notice
from tollway.planner.stated import NotStatedError

_MOST = 4
"""Columns that 80 characters hold."""


def print_comparison(
    words: tuple[str, ...],
    file: Path | None,
    days: tuple[str | None, str | None],
    *,
    json: bool,
) -> int:
    """Print them side by side. `days` are of notice, and today."""
    reads = chosen(words, file)
    if len(reads) < 2:
        mend = "Name two, or one that has readings."
        raise TollwayError(f"tollway contracts compare: there is nothing to compare with. {mend}")
    today = day(days[1], "--today")
    given = today if days[0] is None else day(days[0], "--on")
    clauses = _clauses(reads)
    money = _money(reads, given, today)
    if json:
        names = [one.name for one in reads]
        rows = {**clauses, **money}
        found = {key: dict(zip(names, row, strict=True)) for key, row in rows.items()}
        print_json({"on": str(given), "contracts": names, "differ": _differing(found)})
        return 0
    for start in range(0, len(reads), _MOST):
        end = start + _MOST
        sys.stdout.write("\n" * (start > 0))
        _print([one.name for one in reads[start:end]], clauses, money, slice(start, end))
    footnotes(reads)
    return 0


def _differing(found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {key: row for key, row in found.items() if len(set(row.values())) > 1}


def _clauses(reads: list[Read]) -> dict[str, list[str]]:
    """What each says of a clause; clauses that nobody states are left out."""
    said: list[dict[str, str]] = []
    for one in reads:
        found: dict[str, list[str]] = {}
        for name, words, _ in lines(one.clauses):
            found.setdefault(name, []).append(words)
        said.append({name: "; ".join(words) for name, words in found.items()})
    names = [field.name.replace("_", "-") for field in fields(Clauses) if field.name != "remarks"]
    rows = {name: [one.get(name, "not stated") for one in said] for name in names}
    return {name: row for name, row in rows.items() if set(row) != {"not stated"}}


def _money(reads: list[Read], on: date, today: date) -> dict[str, list[str]]:
    asked: dict[str, Callable[[Clauses], str]] = {
        "whole term": _whole,
        "chip-hour": lambda it: f"${exact_hour(effective(it))}",
        f"we leave {on}": lambda it: _exit(give_notice(it, on, "us")),
        f"they leave {on}": lambda it: _exit(give_notice(it, on, "them")),
        "first way out": lambda it: _exit(earliest(it, today)),
    }
    return {name: [_asked(one.clauses, ask) for one in reads] for name, ask in asked.items()}


def _asked(clauses: Clauses, ask: Callable[[Clauses], str]) -> str:
    try:
        return ask(clauses)
    except NotStatedError as error:
        return error.what


def _whole(clauses: Clauses) -> str:
    found = whole(payments(clauses))
    if found is None:
        return dollars(0)
    if found.amount is None:
        return "no amount is stated"
    known = "at least " * found.at_least + dollars(found.amount)
    return known + (f" + {found.unstated} months not stated" if found.unstated else "")


def _exit(found: Exit) -> str:
    owed = dollars(sum(it.amount or 0 for it in found.owed))
    return f"last day {found.leaves}, owed {owed}" + (" + ?" if found.tail is None else "")


def _print(
    names: list[str], clauses: dict[str, list[str]], money: dict[str, list[str]], part: slice
) -> None:
    width = (79 - 14) // len(names) - 2
    same: list[str] = []
    _row("", names, width)
    for key, row in {**clauses, **money}.items():
        here = row[part]
        if len(set(here)) == 1 and len(names) > 1 and key in clauses:
            same.append(key)
            continue
        _row(key, here, width)
    if same:
        sys.stdout.write(f"alike: {', '.join(same)}\n")


def _row(key: str, cells: list[str], width: int) -> None:
    wrapped = [textwrap.wrap(printable(cell), width) or [""] for cell in cells]
    heads = textwrap.wrap(key, 13) or [""]
    for at in range(max(map(len, [heads, *wrapped]))):
        head = heads[at] if at < len(heads) else ""
        parts = [lines[at] if at < len(lines) else "" for lines in wrapped]
        text = "  ".join(f"{part:<{width}}" for part in parts)
        sys.stdout.write(f"{head:<14}{text}".rstrip() + "\n")
