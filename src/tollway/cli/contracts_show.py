"""Prints contracts clause by clause, with their sources and what they do not state."""

import json as json_text
import sys
import textwrap
from datetime import date
from decimal import Decimal
from pathlib import Path

from tollway.cli.contract_files import Book, book_of, chosen
from tollway.cli.contract_words import lines, offered
from tollway.cli.table import Column, print_table, printable
from tollway.errors import FaultsFound, TollwayError, unknown
from tollway.fleet.contract import Contract
from tollway.fleet.evidence import Evidence
from tollway.fleet.readings import Read
from tollway.fleet.render_contracts import blocks, written
from tollway.planner.stated import not_stated

_WIDTH = 79


def listing(file: Path | None, *, json: bool) -> int:
    """Every contract, one a row."""
    book = book_of(file)
    if json:
        print_json({name: written(one) for name, one in book.contracts.items()})
        return 0
    rows: list[list[str]] = []
    for name, one in book.contracts.items():
        term = one.clauses.term
        start = str(term.start) if term and term.start else "-"
        readings = str(len(one.readings)) if one.readings else ""
        rows.append([name, _short(one), start, one.evidence.grade or "-", readings])
    columns = [Column(name) for name in ("contract", "what", "start", "evidence")]
    print_table([*columns, Column("readings", True)], rows)
    return 0


def _short(one: Contract) -> str:
    words = one.kind or one.title or ""
    return words if len(words) <= 24 else f"{words[:22]}.."


def one(word: str, file: Path | None, *, json: bool, toml: bool) -> int:
    """One contract."""
    book = book_of(file)
    name = word.partition(":")[0]
    if name not in book.contracts:
        raise FaultsFound([unknown(name, book.contracts, "CONTRACT")])
    if json and toml:
        raise TollwayError("tollway contracts show: prints --json or --toml. Give one of them.")
    contract = book.contracts[name]
    if toml:
        names = {contract.buyer, contract.supplier}
        names |= {it.guarantor for it in contract.clauses.backstop}
        known = {key: party for key, party in book.parties.items() if key in names}
        found = ["\n".join(block) for block in blocks(known, {name: contract})]
        sys.stdout.write("\n\n".join(found) + "\n")
    elif json:
        missing = list(not_stated(contract.clauses))
        print_json({"name": name, **written(contract), "not_stated": missing})
    else:
        _print(chosen((word,), file), contract, book)
    return 0


def print_json(whole: object) -> None:
    """One JSON object, with dates and exact numbers as text."""

    def plain(value: object) -> str:
        if isinstance(value, date | Decimal):
            return str(value)
        raise TypeError(f"{value!r} has no JSON form")

    sys.stdout.write(json_text.dumps(whole, indent=2, default=plain, ensure_ascii=False) + "\n")


def _print(reads: list[Read], contract: Contract, book: Book) -> None:
    _say(f"{contract.name}: {contract.title or contract.kind or ''}", "")
    buyer, supplier = book.parties[contract.buyer].title, book.parties[contract.supplier].title
    _say(f"{buyer} buys from {supplier}; {contract.kind or 'what is bought is not stated'}", "  ")
    sources: dict[str, int] = {}
    for name, words, evidence in lines(contract.clauses):
        _clause(name, words, evidence, sources)
    if contract.offer is not None:
        _clause("offer", offered(contract.offer), contract.offer.evidence, sources)
    if contract.depends:
        said = ", ".join(f"{key} {value}" for key, value in contract.depends.items())
        _clause("depends", f"on {said}", contract.evidence, sources)
    for one in reads:
        if one.reading is None:
            continue
        reading = contract.readings[one.reading]
        _say(f"reading {one.reading}: {reading.title or ''}", "")
        for name, words, evidence in lines(reading.clauses):
            _clause(name, words, evidence, sources)
    sys.stdout.write("sources\n")
    for source, number in sources.items():
        sys.stdout.write(f"  [{number}] {printable(source)}\n")
    missing = not_stated(contract.clauses)
    if missing:
        _say(f"not stated: {', '.join(missing)}", "")


def _clause(name: str, words: str, evidence: Evidence, sources: dict[str, int]) -> None:
    about = " (approximately)" if evidence.about else ""
    where = "no source"
    if evidence.source is not None:
        number = sources.setdefault(evidence.source, len(sources) + 1)
        where = f"[{number}] {evidence.grade or 'no grade'}"
        where += f", read {evidence.date}" if evidence.date else ""
    elif evidence.grade is not None:
        where = evidence.grade
    _say(f"{name:<12} {words}{about}", "  ", 15)
    note = f"{evidence.note}; {where}" if evidence.note else where
    _say(note, " " * 15, 15)


def _say(words: str, indent: str, hang: int | None = None) -> None:
    found = textwrap.wrap(
        printable(words),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * (len(indent) + 2 if hang is None else hang),
        break_long_words=False,
        break_on_hyphens=False,
    )
    sys.stdout.write("".join(f"{line}\n" for line in found))
