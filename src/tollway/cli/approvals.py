"""`tollway approvals`: what waits for a person, and their answer.

Rules
1. Silence denies; so does an answer that is not a plain yes.
2. Who answered is who runs the command, by the system's word; `--as` is told beside it.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, Any

from cyclopts import App, Parameter

from tollway.cli.answering import AS_IT_IS, Answering

approvals = App(name="approvals", help="Show what waits for a person, and answer it.")

_NO_FLAG = Parameter(negative="")


@approvals.default
def show(
    *,
    every: Annotated[bool, _NO_FLAG] = False,
    state: str | None = None,
    json: Annotated[bool, _NO_FLAG] = False,
) -> int:
    """Show what waits for a person: what is asked, for whom, and until when it may be answered.

    Parameters
    ----------
    every
        Also what was answered, and by whom.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    json
        Print a JSON list.
    """
    now = time.time()
    with _approvals(state) as known:
        found = [it for it in known.all() if every or it.state(now) == "pending"]
    if json:
        _print_json([_facts(it, now) for it in found])
        return 0
    if not found:
        sys.stderr.write("Nothing waits for a person.\n")
        return 0
    for one in found:
        sys.stdout.write(_told(one, now))
    if any(it.state(now) == "pending" for it in found):
        sys.stderr.write("`tollway approvals grant ID` or `tollway approvals deny ID`.\n")
    return 0


@approvals.command
def grant(
    approval: str,
    /,
    *,
    answering: Answering = AS_IT_IS,
) -> int:
    """Say yes to one question: that very thing may be done, and nothing else.

    Parameters
    ----------
    approval
        Its id, as `tollway approvals` shows it.
    """
    return _decide(approval, True, answering)


@approvals.command
def deny(
    approval: str,
    /,
    *,
    answering: Answering = AS_IT_IS,
) -> int:
    """Say no to one question; it stays denied for as long as a yes would have held.

    Parameters
    ----------
    approval
        Its id, as `tollway approvals` shows it.
    """
    return _decide(approval, False, answering)


@approvals.command
def end(approval: str, /, *, state: str | None = None) -> int:
    """End an approval that was granted and still holds.

    Parameters
    ----------
    approval
        Its id, as `tollway approvals --every` shows it.
    state
        The state folder. Default: $TOLLWAY_STATE, else .tollway here, else the user's.
    """
    from tollway.errors import TollwayError

    with _approvals(state) as known:
        if not known.end(approval):
            raise TollwayError(
                f'approvals end: "{approval[:40]}" was not granted. '
                "`tollway approvals --every` shows all."
            )
    sys.stderr.write(f"{approval} is over.\n")
    return 0


def _decide(approval: str, granted: bool, answering: Answering) -> int:
    now = time.time()
    with _approvals(answering.state) as known:
        decided = known.decide(approval, granted, answering.who, now, answering.note)
    sys.stderr.write(f"{approval} is {decided.state(now)}: {_safe(decided.words)}\n")
    return 0


@contextmanager
def _approvals(state: str | None) -> Iterator[Any]:
    from tollway.ledger.guarded.approvals import Approvals
    from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
    from tollway.ledger.state import state_folder

    with closing(GuardBook(state_folder(state, os.environ) / GUARD_BOOK)) as book:
        yield Approvals(book)


def _told(one: Any, now: float) -> str:
    from tollway.ledger.moments import stamp

    standing = one.state(now)
    whose = ", ".join(
        f"{word} {value}" for word, value in (("tenant", one.tenant), ("task", one.task)) if value
    )
    lines = [f"{one.id}  {standing}  {one.concern}" + (f"  ({whose})" if whose else "")]
    lines.append(f"  {_safe(one.words)}")
    if standing == "pending":
        lines.append(f"  Denied at {stamp(one.silent)} unless somebody answers.")
    elif one.who is not None:
        note = f": {_safe(one.note)}" if one.note else ""
        lines.append(f"  By {_safe(one.who)} at {stamp(one.decided)}{note}")
    return "\n".join(lines) + "\n\n"


def _safe(words: str) -> str:
    """No text speaks to the terminal that shows it."""
    from tollway.cli.table import printable

    return printable(" ".join(words.split()))


def _facts(one: Any, now: float) -> dict[str, Any]:
    from tollway.ledger.moments import stamp

    return {
        "id": one.id,
        "state": one.state(now),
        "concern": one.concern,
        "tenant": one.tenant,
        "task": one.task,
        "words": one.words,
        "facts": dict(one.facts),
        "asked": stamp(one.asked),
        "answer_by": stamp(one.silent),
        "decided": None if one.decided is None else stamp(one.decided),
        "who": one.who,
        "note": one.note,
        "holds_seconds": one.holds,
        "uses_left": one.uses,
    }


def _print_json(value: object) -> None:
    import json

    sys.stdout.write(json.dumps(value, indent=2) + "\n")
