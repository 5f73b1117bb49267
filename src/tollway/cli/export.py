"""`tollway export`: what the ledger holds, in the forms that other programs read."""

import csv
import os
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tollway.cli.running import fleet_path
from tollway.fleet.objects import Fleet
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.charging import month_query
from tollway.ledger.focus import BY, COLUMNS, Seller, focus_rows
from tollway.ledger.moments import month as month_of
from tollway.ledger.sqlite import open_reader
from tollway.ledger.state import ledger_path, state_folder

export = App(
    name="export",
    help="Write the ledger's costs in the FinOps columns of FOCUS 1.4.",
    help_format="plaintext",
)


@export.command
def focus(
    *,
    month: str = "month",
    tenant: str | None = None,
    fleet: Path | None = None,
    ledger: str | None = None,
    state: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Print a month's costs as FOCUS 1.4 rows: one a day, tenant, source, model and tier.

    BilledCost of all rows adds up to what the ledger settled. Columns of our own begin with x_.

    Parameters
    ----------
    month
        A UTC month, by time of settling: 2026-11. Default: this month so far.
    tenant
        Only this tenant.
    fleet
        The fleet file, for vendors and regions. Default: the running gateway's, else fleet.toml.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print JSON lines instead of comma-separated values.
    """
    first = month_of(month, "--month", time.time())
    declared = read_fleet(fleet_path(fleet, state_folder(state, os.environ)))
    with closing(open_reader(ledger_path(ledger, state, os.environ))) as store:
        used = store.usage(month_query(BY, first, tenant))
    rows = focus_rows(used.rows, _sellers(declared))
    if json:
        import json as text

        for row in rows:
            sys.stdout.write(text.dumps(row) + "\n")
        return 0
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return 0


def _sellers(fleet: Fleet) -> Mapping[str, Seller]:
    return {
        name: Seller(source.vendor or name, source.region) for name, source in fleet.sources.items()
    }
