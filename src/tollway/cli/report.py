"""`tollway report`: a ledger period, a simulation or a diff as one HTML file.

Rules
1. The file loads nothing from anywhere: it can be mailed, kept and printed.
2. It holds what was asked and what it was made of; its figures are those of the command it names.
"""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tollway.errors import Fault, FaultsFound

_BY = ("source", "model", "tenant", "key", "route", "outcome")


def report(
    rehearsed: Path | None = None,
    /,
    *,
    html: Path = Path("report.html"),
    trace: str | None = None,
    since: str | None = None,
    until: str | None = None,
    ledger: str | None = None,
    state: str | None = None,
) -> int:
    """Write a ledger period, a simulation or a diff as one HTML file that loads nothing.

    Parameters
    ----------
    rehearsed
        What `tollway simulate --json` or `tollway diff --json` wrote; - is standard input. With
        --trace a fleet file, to rehearse now. Default: a period of the ledger.
    html
        The file to write.
    trace
        All that `tollway simulate --trace` takes: it is played through the fleet file, at both ends
        of every speed's interval too.
    since
        From when on, by time of settling: 2026-11-22, 7d, today, month. Default: the beginning.
    until
        Until when, written likewise; that moment itself is left out. Default: now.
    ledger
        The ledger's file. Default: ledger.sqlite in the state folder.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    from tollway.ledger.moments import stamp

    made = stamp(time.time())
    if trace is not None:
        _refuse({"--since": since, "--until": until, "--ledger": ledger}, "--trace")
        from tollway.web.rehearsal_page import rehearsal_page
        from tollway.web.rehearsal_shown import read

        told = _played(rehearsed or Path("fleet.toml"), trace, state)
        text = rehearsal_page(read(told, "the rehearsal"), made)
    elif rehearsed is None:
        text = _of_ledger(since, until, (ledger, state), made)
    else:
        given = {"--since": since, "--until": until, "--ledger": ledger, "--state": state}
        _refuse(given, str(rehearsed))
        text = _of_rehearsal(rehearsed, made)
    try:
        html.write_text(text, encoding="utf-8")
    except OSError as error:
        why = (error.strerror or "cannot be written").lower()
        raise FaultsFound([Fault(f"--html {html}", why, "Name another file.")]) from None
    sys.stderr.write(f"{html} has it as a page.\n")
    return 0


def _refuse(given: Mapping[str, object], rehearsal: str) -> None:
    """What is of the ledger says nothing of a rehearsal.

    Raises:
        FaultsFound: some of it is given.
    """
    mend = f"Leave out {rehearsal} for a period of the ledger, or the option."
    why = "is of the ledger, and a rehearsal is given"
    faults = [Fault(name, why, mend) for name, value in given.items() if value is not None]
    if faults:
        raise FaultsFound(faults)


def _played(fleet: Path, trace: str, state: str | None) -> str:
    """What `tollway simulate --json` says of it."""
    from contextlib import redirect_stdout
    from io import StringIO

    from tollway.cli.simulate import EXIT_INTERRUPTED, simulate

    told = StringIO()
    with redirect_stdout(told):
        code = simulate(fleet, trace=trace, interval=True, state=state, json=True)
    if code == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    return told.getvalue()


def _of_rehearsal(path: Path, made: str) -> str:
    from tollway.web.rehearsal_page import rehearsal_page
    from tollway.web.rehearsal_shown import read

    if str(path) == "-":
        return rehearsal_page(read(sys.stdin.buffer.read(), "standard input"), made)
    return rehearsal_page(read(path.read_bytes(), str(path)), made)


def _of_ledger(
    since: str | None, until: str | None, where: tuple[str | None, str | None], made: str
) -> str:
    from tollway.ledger.moments import past, stamp
    from tollway.ledger.query import UsageQuery
    from tollway.ledger.sqlite import open_reader
    from tollway.ledger.sqlite_usage import reports
    from tollway.ledger.state import ledger_path
    from tollway.web.ledger_page import LedgerShown, ledger_page

    now = time.time()
    first = None if since is None else past(since, "--since", now)
    last = now if until is None else past(until, "--until", now)
    if first is not None and first >= last:
        mend = "Name an earlier --since, or a later --until."
        raise FaultsFound([Fault("--since", f"is {stamp(first)}, not before --until", mend)])
    # To now is to the end of time: the daily sums answer that, and nothing is settled later.
    end = None if until is None else last
    by = [*((name,) for name in _BY), ("day", "source")]
    queries = [UsageQuery(names, since=first, until=end) for names in by]
    with closing(open_reader(ledger_path(*where, os.environ))) as store:
        *groups, days = store.ask(lambda db: reports(db, queries))
    begin = "from the beginning" if first is None else f"from {stamp(first)}"
    command = "tollway usage" + (f" --since {stamp(first)}" if first is not None else "")
    command += "" if until is None else f" --until {stamp(last)}"
    return ledger_page(
        LedgerShown(
            period=f"{begin} to {'before ' if until is not None else ''}{stamp(last)}",
            command=command,
            made=made,
            total=days.total,
            by={name: it.rows for name, it in zip(_BY, groups, strict=True)},
            days=days.rows,
        )
    )
