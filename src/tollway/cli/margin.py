"""`tollway margin`: what tenants are charged less what they cost, by tenant, key, model and source.

Rules
1. The rows add up to the ledger: who has no price book is charged nothing, and costs what it costs.
2. Fees, and what they cover, are rows of their own, of no model, key or source.
3. A step's price is everybody's: its charge is shared among keys and sources by what they used, a
   markup by what they cost. Every grouping adds up to the same.
"""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tollway.cli.running import fleet_path
from tollway.cli.table import Column, print_table
from tollway.errors import Fault, FaultsFound, unknown
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.charging import Accounts, accounts, next_month
from tollway.ledger.margins import DIMENSIONS, Group, Money, grouped, total
from tollway.ledger.moments import month as month_of
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder
from tollway.units import format_usd, usd


def margin(
    *,
    by: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
    month: str | None = None,
    since: str | None = None,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say what tenants are charged, what they cost, and what is left, by whom and by what.

    Parameters
    ----------
    by
        One or more of tenant, key, model, source, month. Default: tenant model.
    month
        Only this UTC month, by time of settling: 2026-11. Default: this month.
    since
        From this month on, instead of --month.
    fleet
        The fleet file. Default: the running gateway's, else fleet.toml.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object.
    """
    first, until = _months(month, since, time.time())
    names = _dimensions(by)
    declared = read_fleet(fleet_path(fleet, state_folder(state, os.environ)))
    with closing(open_reader(ledger_path(ledger, state, os.environ))) as store:
        found = accounts(declared, store, (first, until), by_key="key" in names)
    groups = grouped(found.accounts, names)
    whole = total(groups)
    if json:
        _print_json(names, groups, whole)
    else:
        _print_rows(names, groups, whole)
        _say(found)
    return 0


def _months(month: str | None, since: str | None, now: float) -> tuple[date, date | None]:
    if month is not None and since is not None:
        mend = "Give --month for one month, --since for all from one on."
        raise FaultsFound([Fault("--since", "is given beside --month", mend)])
    if since is not None:
        return month_of(since, "--since", now), None
    first = month_of(month or "month", "--month", now)
    return first, next_month(first)


def _dimensions(by: Sequence[str] | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(word for part in by or [] for word in part.split(",") if word))
    wrong = [unknown(name, DIMENSIONS, "--by") for name in names if name not in DIMENSIONS]
    if wrong:
        raise FaultsFound(wrong)
    return names or ("tenant", "model")


def _print_rows(names: Sequence[str], groups: dict[Group, Money], total: Money) -> None:
    columns = [*map(Column, names)]
    columns += [Column(name, number=True) for name in ("cost", "charged", "margin", "of charged")]

    def cells(group: Sequence[str | None], money: Money) -> list[str]:
        amounts = [format_usd(it) for it in (money.cost, money.charged, money.margin)]
        return [*("-" if word is None else word for word in group), *amounts, _share(money)]

    print_table(
        columns,
        [cells(group, money) for group, money in groups.items()],
        cells(["total", *[""] * (len(names) - 1)], total),
    )


def _share(money: Money) -> str:
    return f"{money.margin / money.charged:.1%}" if money.charged else "-"


def _print_json(names: Sequence[str], groups: dict[Group, Money], total: Money) -> None:
    import json

    def facts(money: Money) -> dict[str, str]:
        amounts = {"cost": money.cost, "charged": money.charged, "margin": money.margin}
        return {f"{name}_usd": f"{usd(amount):f}" for name, amount in amounts.items()}

    rows = [{**dict(zip(names, group, strict=True)), **facts(it)} for group, it in groups.items()]
    whole = {"by": names, "rows": rows, "total": facts(total)}
    sys.stdout.write(json.dumps(whole, indent=2) + "\n")


def _say(found: Accounts) -> None:
    free = sorted({it.tenant or "-" for it in found.accounts if it.terms is None})
    if free:
        cost = sum(it.bill.cost for it in found.accounts if it.terms is None)
        sys.stderr.write(
            f"Charged nothing, for want of a price book that held: {', '.join(free)}; cost "
            f"{format_usd(cost)}.\n"
        )
