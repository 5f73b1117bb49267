"""`tollway runs`: which commands ran in sandboxes, and the receipt of each."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from tollway.errors import Fault, FaultsFound, TollwayError, did_you_mean

if TYPE_CHECKING:
    from tollway.ledger.guarded.book import GuardBook
    from tollway.ledger.guarded.runs import Run

runs = App(name="runs", help="List what ran in sandboxes, and show the receipt of a run.")

_NO_FLAG = Parameter(negative="")


@runs.command(name="list")
@runs.default
def list_runs(
    *,
    last: int = 20,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """List runs, the latest first.

    Parameters
    ----------
    last
        So many of the latest.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print a JSON list.
    """
    from tollway.cli.table import Column, print_table, printable
    from tollway.ledger.guarded.runs import Runs
    from tollway.ledger.moments import stamp
    from tollway.sandbox.receipt import standing

    if last < 1:
        raise FaultsFound([Fault("--last", f"is {last}", "Name one or more.")])
    with _book(state) as (book, _):
        found = Runs(book).last(last)
    if json:
        import msgspec

        facts = [{**msgspec.to_builtins(it), "state": standing(it)} for it in found]
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(facts)) + b"\n")
        return 0
    if not found:
        sys.stderr.write("No runs. `tollway run -- COMMAND` makes one.\n")
        return 0
    columns = [
        Column(it) for it in ("id", "tenant", "tier", "began", "state", "seconds", "command")
    ]
    rows = [
        [
            it.task,
            it.tenant,
            it.tier,
            stamp(it.began),
            standing(it),
            "-" if it.ending is None else f"{it.ending.seconds:.1f}",
            printable(" ".join(it.argv)[:60]),
        ]
        for it in found
    ]
    print_table(columns, rows)
    return 0


@runs.command
def show(
    run: str,
    /,
    *,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Show the receipt of a run: where it ran, what it reached, called, used and cost.

    Parameters
    ----------
    run
        Its id, as `tollway runs` shows it.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print one JSON object, with every connection and decision.
    """
    from tollway.cli.run_receipt import receipt_text
    from tollway.ledger.guarded.runs import Runs
    from tollway.sandbox.receipt import receipt

    with _book(state) as (book, folder):
        kept = Runs(book)
        found = kept.find(run)
        if found is None:
            raise _unknown(run, kept.last(1000))
        facts = receipt(found, book, folder)
    if json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(facts)) + b"\n")
    else:
        sys.stdout.write(receipt_text(facts))
    return 0


def _unknown(run: str, known: "list[Run]") -> TollwayError:
    hint = did_you_mean(run, [it.task for it in known]) or "`tollway runs` shows the ids."
    return TollwayError(f'runs show: "{run[:40]}" is no run. {hint}')


@contextmanager
def _book(state: str | None) -> "Iterator[tuple[GuardBook, Path]]":
    from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
    from tollway.ledger.state import state_folder

    folder = state_folder(state, os.environ)
    with closing(GuardBook(folder / GUARD_BOOK)) as book:
        yield book, folder
