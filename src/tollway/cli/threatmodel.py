"""`tollway threatmodel`: which threats apply to this fleet, what answers each, and what is open.

Rules
1. Exit code 1: something is open. 3: nothing is, and something could not be judged. 0: neither.
2. The same files give the same answer: the date on the page is an argument's, or today's.
"""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tollway.errors import Fault, FaultsFound

if TYPE_CHECKING:
    from tollway.fleet.objects import Fleet
    from tollway.pins.concentration import Concentration
    from tollway.pins.lock import Lock


def threatmodel(
    fleet: Path = Path("fleet.toml"),
    /,
    *,
    lock: Path | None = None,
    html: Path | None = None,
    state: str | None = None,
    today: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say which threats apply to a fleet, which control answers each, and what is open.

    Exit code 0: nothing is open. 1: something is. 3: nothing is, but something was not judged.

    Parameters
    ----------
    fleet
        The fleet file.
    lock
        The lock. Default: ai.lock beside the fleet file, where there is one.
    html
        Write it as one HTML file, to print or to hand on.
    state
        The state folder: vendors are weighed by what the ledger says was spent there.
    today
        The day to judge by, as 2026-11-30. Default: today, UTC.
    json
        Print one JSON object.
    """
    import os

    from tollway.cli.threatmodel_text import as_json, as_text
    from tollway.inspect.fleetfile import read_fleet
    from tollway.pins.concentration import astray, losses
    from tollway.pins.threats_accepted import accepted
    from tollway.pins.threats_judged import Facts
    from tollway.pins.threats_model import threat_model
    from tollway.web.threat_shown import Provenance, Shown

    found = read_fleet(fleet)
    pinned, digest = _lock(found, fleet, lock)
    facts = Facts(found, pinned)
    model = threat_model(facts, accepted(found, _day(today)))
    shown = Shown(
        fleet=fleet.name,
        model=model,
        losses=losses(found, pinned),
        astray=() if pinned is None else astray(pinned),
        vendors=_vendors(found, state, os.environ.get("TOLLWAY_STATE")),
        provenance=Provenance(found.digest, digest, _day(today)),
    )
    sys.stdout.write(as_json(shown) if json else as_text(shown))
    if html is not None:
        from tollway.web.threat_page import threat_page

        _write(html, threat_page(shown))
        sys.stderr.write(f"{html} has it as a page.\n")
    return model.exit_code


def _lock(fleet: "Fleet", path: Path, named: Path | None) -> "tuple[Lock | None, str]":
    """The lock and the sha256 of its file; None and an empty text where there is none."""
    from hashlib import sha256

    from tollway.inspect.locked import lock_path
    from tollway.inspect.lockfile import read_lock_file

    file = named or lock_path(fleet, path)
    if named is None and not file.exists():
        sys.stderr.write(f"There is no {file.name}: what the fleet is made of is not judged.\n")
        return None, ""
    return read_lock_file(file), sha256(file.read_bytes()).hexdigest()


def _vendors(fleet: "Fleet", state: str | None, default: str | None) -> "Concentration":
    """Shares by vendor: of spend, of requests where nothing was paid, else of candidates."""
    from contextlib import closing

    from tollway.pins.concentration import by_vendor, of_candidates

    if state is None:
        return of_candidates(fleet)
    from tollway.ledger.query import UsageQuery
    from tollway.ledger.sqlite import open_reader
    from tollway.ledger.state import ledger_path

    with closing(open_reader(ledger_path(None, state, {}))) as store:
        rows = store.usage(UsageQuery(by=("source",))).rows
    spent = {row.group[0]: row.totals.cost for row in rows if row.group[0]}
    asked = {row.group[0]: row.totals.requests for row in rows if row.group[0]}
    if any(spent.values()):
        return by_vendor(fleet, spent, "spend")
    return by_vendor(fleet, asked, "requests") if any(asked.values()) else of_candidates(fleet)


def _day(said: str | None) -> date:
    from datetime import UTC, datetime

    if said is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(said)
    except ValueError:
        fault = Fault("--today", f"is {said!r}, not a date", "Write 2026-11-23.")
        raise FaultsFound([fault]) from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        why = (error.strerror or "cannot be written").lower()
        raise FaultsFound([Fault(f"--html {path}", why, "Name another file.")]) from None
