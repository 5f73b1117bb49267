"""Which contract is meant: one of a file, or one of the public ones that ship."""

import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from tollway.catalog import contract_texts
from tollway.errors import Fault, FaultsFound, TollwayError, unknown
from tollway.fleet.contract import Contract, Party
from tollway.fleet.parse import parse_contracts
from tollway.fleet.readings import Read, readings
from tollway.inspect.fleetfile import read_documents
from tollway.planner.stated import NotStatedError, not_stated, taken


@dataclass(frozen=True, slots=True)
class Book:
    """Contracts and parties, by name."""

    parties: Mapping[str, Party]
    contracts: Mapping[str, Contract]

    @property
    def in_force(self) -> tuple[str, ...]:
        """The contracts that are no mere offers."""
        return tuple(name for name, one in self.contracts.items() if one.offer is None)


def book_of(file: Path | None) -> Book:
    """The contracts of a file and its includes; without one, those that ship.

    Raises:
        FaultsFound: with every fault of the files.
    """
    if file is None:
        texts = contract_texts()
        return Book(*parse_contracts(texts, next(iter(texts))))
    return Book(*parse_contracts(read_documents(file), file.name))


def chosen(words: tuple[str, ...], file: Path | None) -> list[Read]:
    """The contracts that are named, each under the reading that is named with it (`NAME:READING`),
    or under each of its readings.

    Raises:
        FaultsFound: there is no such contract or reading.
    """
    book = book_of(file)
    found: list[Read] = []
    for word in words:
        name, _, reading = word.partition(":")
        if name not in book.contracts:
            raise FaultsFound([unknown(name, book.contracts, "CONTRACT")])
        contract = book.contracts[name]
        if reading and reading not in contract.readings:
            raise FaultsFound([unknown(reading, contract.readings, f"{name}: READING")])
        found += [Read(contract, reading)] if reading else readings(contract)
    return found


def day(text: str | None, option: str) -> date:
    """A date of the command line; today (UTC) where there is none.

    Raises:
        FaultsFound: it is no date.
    """
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        fault = Fault(option, f'is "{text}", not a date', "Write it as 2026-12-31.")
        raise FaultsFound([fault]) from None


def refuse(name: str, error: NotStatedError) -> int:
    """Say that there is no answer, and exit so that a script can tell."""
    sys.stderr.write(f"{name}: {error}\n")
    return 1


def footnotes(reads: list[Read]) -> None:
    """Beside an answer: what was taken, and what is not stated; each sentence once."""
    for words in dict.fromkeys(words for one in reads for words in taken(one.clauses)):
        _say(words)
    missing = dict.fromkeys(what for one in reads for what in not_stated(one.clauses))
    assumed = [one.name for one in reads if _assumes(one)]
    if missing:
        _say(f"Not stated: {', '.join(missing)}.")
    if assumed:
        _say(f"Rests on assumed clauses, which are no facts: {', '.join(assumed)}.")


def _say(words: str) -> None:
    sys.stderr.write(f"{textwrap.fill(words, 79, subsequent_indent='  ')}\n")


def _assumes(one: Read) -> bool:
    from tollway.cli.contract_words import lines

    return any(evidence.grade == "assumed" for _, _, evidence in lines(one.clauses))


def only(reads: list[Read], command: str) -> None:
    """Raises:
    TollwayError: nothing was named.
    """
    if not reads:
        raise TollwayError(f"tollway contracts {command}: name a contract; `show` lists them.")
