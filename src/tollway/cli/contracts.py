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
    file: Path | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
    toml: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Print a contract clause by clause, with its sources and what it does not state.

    Parameters
    ----------
    contract
        Its name, or NAME:READING. Default: list them all.
    file
        A fleet file, or a file of contracts. Default: the public contracts that ship.
    json
        Print one JSON object.
    toml
        Print it as it is written in a file, to start one of your own from.
    """
    from tollway.cli import contracts_show

    if contract is None:
        return contracts_show.listing(file, json=json)
    return contracts_show.one(contract, file, json=json, toml=toml)


@contracts.command
def cost(
    *contract: str,
    file: Path | None = None,
    by: Literal["month", "quarter", "year"] = "year",
    until: str | None = None,
    serving: ServingOptions | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Say what is paid when, what a chip-hour costs in effect, and a token at an SLO.

    Parameters
    ----------
    contract
        A name, or NAME:READING; several are priced one after another.
    file
        A fleet file, or a file of contracts. Default: the public contracts that ship.
    by
        How payments are summed.
    until
        The last day of service: 2027-02-20. Default: the end of the term.
    json
        Print one JSON object.
    """
    from tollway.cli.contracts_cost import print_costs

    return print_costs(contract, file, by, until, serving or ServingOptions(), json=json)


@contracts.command(name="exit")
def leave(
    *contract: str,
    file: Path | None = None,
    on: str | None = None,
    by: Literal["us", "them"] = "us",
    today: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Say what is owed, until when, if notice is given on a day; and the first way out.

    Parameters
    ----------
    contract
        A name, or NAME:READING.
    file
        A fleet file, or a file of contracts. Default: the public contracts that ship.
    on
        The day of notice: 2026-12-31. Default: today.
    by
        Who gives it: us, the buyer, or them, the supplier.
    today
        The day from which the earliest way out is looked for. Default: this day, UTC.
    json
        Print one JSON object.
    """
    from tollway.cli.contracts_exit import print_exits

    return print_exits(contract, file, (on, today), by, json=json)


@contracts.command
def compare(
    *contract: str,
    file: Path | None = None,
    on: str | None = None,
    today: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Put contracts, or the readings of one, side by side: what differs, in clauses and in money.

    Parameters
    ----------
    contract
        Names, or NAME:READING. A contract with readings stands there once for each.
    file
        A fleet file, or a file of contracts. Default: the public contracts that ship.
    on
        The day on which notice is compared. Default: today.
    today
        The day from which the earliest way out is looked for. Default: this day, UTC.
    json
        Print one JSON object.
    """
    from tollway.cli.contracts_compare import print_comparison

    return print_comparison(contract, file, (on, today), json=json)


@contracts.command
def calendar(
    *contract: str,
    file: Path | None = None,
    since: str | None = None,
    until: str | None = None,
    ics: Annotated[bool, _NO_FLAG] = False,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Print what is to be decided by when, and what happens by itself.

    Parameters
    ----------
    contract
        Names, or NAME:READING. Default: every contract in force.
    file
        A fleet file, or a file of contracts. Default: the public contracts that ship.
    since
        The first day. Default: today, UTC.
    until
        The last day. Default: a year after the first.
    ics
        Print an iCalendar file, for a calendar program.
    json
        Print one JSON object.
    """
    from tollway.cli.contracts_calendar import print_calendar

    return print_calendar(contract, file, since, until, ics=ics, json=json)


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
