"""Compute contracts: what they say, cost and allow, and how to leave them.

Rules
1. What a contract does not state is said to be not stated. An answer that needs it is refused with
   exit code 1; an amount that needs it is left out of a sum, and the sum says so.
2. A contract with several readings is answered for each of them.
"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tollway.cli.contract_cost_options import ServingOptions
from tollway.cli.contract_options import Course, Place

contracts = App(
    name="contracts",
    help="Say what compute contracts cost, how to leave them, and what to decide by when.",
)

_NO_FLAG = Parameter(negative="")


@contracts.command
def show(
    contract: str | None = None,
    /,
    *,
    place: Place | None = None,
    toml: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Print a contract clause by clause, with its sources and what it does not state.

    Parameters
    ----------
    contract
        Its name, or NAME:READING. Default: list them all.
    toml
        Print it as it is written in a file, to start one of your own from.
    """
    from tollway.cli import contracts_show

    at = place or Place()
    if contract is None:
        return contracts_show.listing(at.file, json=at.json)
    return contracts_show.one(contract, at.file, json=at.json, toml=toml)


@contracts.command
def cost(
    *contract: str,
    by: Literal["month", "quarter", "year"] = "year",
    until: str | None = None,
    serving: ServingOptions | None = None,
    course: Course | None = None,
    place: Place | None = None,
) -> int:
    """Say what is paid when, what a chip-hour costs in effect, and a token at an SLO.

    Parameters
    ----------
    contract
        A name, or NAME:READING; several are priced one after another.
    by
        How payments are summed.
    until
        The last day of service: 2027-02-20. Default: the end of the term.
    """
    from tollway.cli.contracts_cost import print_costs

    loads = serving or ServingOptions()
    return print_costs(contract, place or Place(), by, until, loads, course or Course())


@contracts.command(name="exit")
def leave(
    *contract: str,
    on: str | None = None,
    by: Literal["us", "them"] = "us",
    today: str | None = None,
    delivered: int | None = None,
    place: Place | None = None,
) -> int:
    """Say what is owed, until when, if notice is given on a day; and the first way out.

    Parameters
    ----------
    contract
        A name, or NAME:READING.
    on
        The day of notice: 2026-12-31. Default: today.
    by
        Who gives it: us, the buyer, or them, the supplier.
    today
        The day from which the earliest way out is looked for. Default: this day, UTC.
    delivered
        How many chips are there on that day: too few may be a right to leave at once.
    """
    from tollway.cli.contracts_exit import print_exits

    return print_exits(contract, place or Place(), (on, today), by, delivered)


@contracts.command
def compare(
    *contract: str,
    on: str | None = None,
    today: str | None = None,
    place: Place | None = None,
) -> int:
    """Put contracts, or the readings of one, side by side: what differs, in clauses and in money.

    Parameters
    ----------
    contract
        Names, or NAME:READING. A contract with readings stands there once for each.
    on
        The day on which notice is compared. Default: today.
    today
        The day from which the earliest way out is looked for. Default: this day, UTC.
    """
    from tollway.cli.contracts_compare import print_comparison

    at = place or Place()
    return print_comparison(contract, at.file, (on, today), json=at.json)


@contracts.command
def calendar(
    *contract: str,
    since: str | None = None,
    until: str | None = None,
    ics: Annotated[bool, _NO_FLAG] = False,
    place: Place | None = None,
) -> int:
    """Print what is to be decided by when, and what happens by itself.

    Parameters
    ----------
    contract
        Names, or NAME:READING. Default: every contract in force.
    since
        The first day. Default: today, UTC.
    until
        The last day. Default: a year after the first.
    ics
        Print an iCalendar file, for a calendar program.
    """
    from tollway.cli.contracts_calendar import print_calendar

    at = place or Place()
    return print_calendar(contract, at.file, since, until, ics=ics, json=at.json)


@contracts.command
def burn(
    *contract: str,
    file: Path = Path("fleet.toml"),
    today: str | None = None,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Hold commitments against the ledger; exit 1 where one is forecast to be missed.

    Parameters
    ----------
    contract
        Names. Default: every contract in force with a commitment.
    file
        A fleet file, or a file of contracts, which names the sources that run on each.
    today
        The day that is not over yet. Default: this day, UTC.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    from tollway.cli.contracts_burn import print_burns

    return print_burns(contract, file, today, ledger, state, json=json)
