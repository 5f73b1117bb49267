"""Prints what contracts cost: payments by stretch, a chip-hour in effect, a token at an SLO."""

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tollway.cli.contract_cost_options import ServingOptions
from tollway.cli.contract_files import chosen, day, footnotes, only, refuse
from tollway.cli.contract_options import Course, Place, counts, from_ledger, shares
from tollway.cli.contract_tokens import Priced, price_tokens
from tollway.cli.contract_words import dollars
from tollway.cli.contracts_show import print_json
from tollway.cli.table import Column, print_table
from tollway.fleet.readings import Read
from tollway.planner.cash import Every, Payment, Sum, by_stretch, payments, whole
from tollway.planner.effective import Effective, effective
from tollway.planner.fees import Usage
from tollway.planner.remedies import Happened, given_back
from tollway.planner.stated import NotStatedError
from tollway.units import PartsPerMillion, PicoDollars, usd


@dataclass(frozen=True, slots=True)
class Cost:
    """What one contract costs, as far as it is stated; `why` says why there is no chip-hour."""

    payments: Sequence[Payment]
    sums: Sequence[Sum]
    chip_hour: Effective | None
    tokens: Priced | None
    why: str


def print_costs(
    words: tuple[str, ...],
    place: Place,
    by: Every,
    until: str | None,
    serving: ServingOptions,
    course: Course,
) -> int:
    """Print costs; 1 where one could not be answered."""
    reads = _unlike(chosen(words, place.file))
    only(reads, "cost")
    last = None if until is None else day(until, "--until")
    failed, rows = 0, []
    for one in reads:
        try:
            found = _cost(one, by, last, serving, course)
        except NotStatedError as error:
            failed = refuse(one.name, error)
            rows.append({"contract": one.contract.name, "refused": str(error)})
            continue
        rows.append(_plain(one, found))
        if not place.json:
            sys.stdout.write("\n" * (len(rows) > 1))
            _print(one, found, by)
        failed = failed or int(serving.model is not None and found.tokens is None)
    if place.json:
        print_json({"by": by, "costs": rows})
    else:
        footnotes(reads)
    return failed


def _unlike(reads: list[Read]) -> list[Read]:
    """Without the readings that leave every fee and date as another one has it: they cost alike."""
    found: list[Read] = []
    for one in reads:
        said = one.clauses
        money = (said.term, said.capacity, said.fee, said.prepay, said.commitment, said.escalator)
        known = [
            (it.term, it.capacity, it.fee, it.prepay, it.commitment, it.escalator)
            for it in (other.clauses for other in found if other.contract is one.contract)
        ]
        if money not in known:
            found.append(one)
    return found


def _cost(one: Read, by: Every, last: date | None, serving: ServingOptions, course: Course) -> Cost:
    usage = used(one, course)
    back = given_back(one.clauses, _happened(course), last, usage)
    paid = sorted([*payments(one.clauses, last, usage), *back], key=lambda it: it.due)
    if paid and all(it.amount is None for it in paid):
        raise NotStatedError("no amount of it is stated")
    chip_hour: Effective | None = None
    tokens: Priced | None = None
    why = ""
    try:
        chip_hour = effective(one.clauses, last, usage)
        if serving.model is not None:
            tokens = price_tokens(chip_hour, serving)
    except NotStatedError as error:
        why = str(error)
    return Cost(paid, by_stretch(paid, by), chip_hour, tokens, why)


def used(one: Read, course: Course) -> Usage | None:
    """What was used by what is said and what the ledger has; None: neither is asked.

    Raises:
        TollwayError: it is not understood, or the ledger has nothing of it.
    """
    tokens, hours = counts("--used", course.used), counts("--hours", course.hours)
    if course.ledger is not None:
        terms = one.clauses.commitment
        models = terms.models if terms is not None else ()
        place = f"contracts.{one.contract.name}"
        tokens = {**from_ledger(course.ledger, one.contract.sources, models, place), **tokens}
    return Usage(tokens, hours) if tokens or hours else None


def _happened(course: Course) -> Happened:
    available = shares("--available", course.available)
    delivered = None if course.delivered is None else day(course.delivered, "--delivered")
    return Happened({month: PartsPerMillion(it) for month, it in available.items()}, delivered)


def _print(one: Read, found: Cost, by: Every) -> None:
    last = found.payments[-1].through if found.payments else None
    sys.stdout.write(f"{one.name}, to {last}\n" if last else f"{one.name}: nothing is due\n")
    columns = [Column(by), Column("due", True), Column("")]
    every = whole(found.payments)
    rows = [[_stretch(it.first, by), dollars(it.amount), _beside(it)] for it in found.sums]
    if every is not None:
        print_table(columns, rows, ["in all", dollars(every.amount), _beside(every)])
    chip_hour = found.chip_hour
    if chip_hour is not None:
        hour = exact_hour(chip_hour)
        sys.stdout.write(
            f"A chip-hour in effect: ${hour}, {chip_hour.first} to {chip_hour.last}:\n"
            f"{dollars(chip_hour.amount)} over {chip_hour.chip_hours:,} chip-hours,\n"
            "used or not.\n"
        )
    if found.tokens is not None:
        sys.stdout.write(found.tokens.words())
        for words in found.tokens.warnings:
            sys.stderr.write(f"warning: {words}\n")
    if found.why:
        what = "A token's price" if chip_hour is not None else "A chip-hour's price"
        sys.stdout.write(textwrap.fill(f"{what} {found.why}", 79) + "\n")


def _stretch(first: date, by: Every) -> str:
    if by == "year":
        return str(first.year)
    return f"{first.year}-Q{(first.month + 2) // 3}" if by == "quarter" else f"{first:%Y-%m}"


def _beside(it: Sum) -> str:
    words = [f"+ {it.unstated} not stated"] if it.unstated and it.amount is not None else []
    return ", ".join([*words, *(["at least"] if it.at_least else [])])


def exact_hour(chip_hour: Effective) -> str:
    """Dollars with four decimals, rounded half to even."""
    return f"{Decimal(round(chip_hour.usd_per_chip_hour * 10_000)).scaleb(-4):.4f}"


def _exact(amount: PicoDollars | None) -> str | None:
    return None if amount is None else f"{usd(amount):.2f}"


def _plain(one: Read, found: Cost) -> dict[str, object]:
    hour, every = found.chip_hour, whole(found.payments)
    return {
        "contract": one.contract.name,
        "reading": one.reading,
        "sums": [
            {
                "from": str(it.first),
                "usd": _exact(it.amount),
                "not_stated": it.unstated,
                "at_least": it.at_least,
            }
            for it in found.sums
        ],
        "usd": "0.00" if every is None else _exact(every.amount),
        "not_stated": 0 if every is None else every.unstated,
        "at_least": every is not None and every.at_least,
        "payments": [
            {
                "due": str(it.due),
                "item": it.item,
                "from": str(it.served),
                "through": str(it.through),
                "usd": _exact(it.amount),
                "at_least": it.at_least,
            }
            for it in found.payments
        ],
        "chip_hour": None
        if hour is None
        else {
            "usd": exact_hour(hour),
            "from": str(hour.first),
            "to": str(hour.last),
            "chip_hours": hour.chip_hours,
            "fees_usd": f"{usd(hour.amount):.2f}",
            "months_left_out": hour.left_out,
        },
        "tokens": None if found.tokens is None else found.tokens.plain(),
        "refused": found.why or None,
    }
