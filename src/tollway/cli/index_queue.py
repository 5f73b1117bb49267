"""What waits for a person in the package index, and their answer, by the release's name.

Rules
1. An answer is for exact files: those of the question, by their digests.
2. A word that names two releases names none.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tollway.cli.answering import Answering
from tollway.cli.table import printable
from tollway.errors import TollwayError
from tollway.ledger.guarded.approvals import Approval, Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.moments import stamp
from tollway.ledger.state import state_folder

_CONCERN = "package"


def show_queue(state: str | None, *, every: bool, json: bool) -> int:
    """Print what waits."""
    now = time.time()
    with closing(_book(state)) as book:
        known = Approvals(book).of(_CONCERN)
    found = [it for it in known if every or it.state(now) == "pending"]
    if json:
        import json as json_text

        sys.stdout.write(json_text.dumps([_facts(it, now) for it in found], indent=2) + "\n")
        return 0
    if not found:
        sys.stderr.write("No release waits for a person.\n")
        return 0
    for one in found:
        words = printable(" ".join(one.words.split()))
        sys.stdout.write(f"{_place(one)}  {one.state(now)}  {one.id}\n  {words}\n")
        count = len(one.facts["digests"])
        sys.stdout.write(f"  {count} files; asked {stamp(one.asked)}\n")
        if one.who is not None and one.decided is not None:
            note = f": {printable(one.note)}" if one.note else ""
            sys.stdout.write(f"  By {printable(one.who)} at {stamp(one.decided)}{note}\n")
        sys.stdout.write("\n")
    sys.stderr.write("`tollway index approve NAME@VERSION` or `tollway index deny NAME@VERSION`.\n")
    return 0


def approve_release(release: str, fleet: Path, answer: Answering) -> int:
    """Approve what waits under this name, else what its index offers now."""
    now = time.time()
    with closing(_book(answer.state)) as book:
        approvals = Approvals(book)
        pending = [it for it in approvals.of(_CONCERN) if it.state(now) == "pending"]
        one = _one(pending, release)
        if one is None:
            one = asyncio.run(_asked(release, fleet, approvals))
        decided = one
        if one.state(now) == "pending":
            decided = approvals.decide(one.id, True, answer.who, now, answer.note)
    count, until = len(decided.facts["digests"]), stamp((decided.decided or now) + decided.holds)
    sys.stderr.write(f"{_place(decided)} is approved until {until}: {count} files, by digest.\n")
    return 0


def deny_release(release: str, answer: Answering) -> int:
    """Deny what waits under this name, or end its approval."""
    now = time.time()
    with closing(_book(answer.state)) as book:
        approvals = Approvals(book)
        known = approvals.of(_CONCERN)
        one = _one([it for it in known if it.state(now) == "pending"], release)
        if one is not None:
            approvals.decide(one.id, False, answer.who, now, answer.note)
            sys.stderr.write(f"{_place(one)} is denied.\n")
            return 0
        one = _one([it for it in known if it.state(now) == "granted"], release)
        if one is None:
            raise TollwayError(
                f'index deny: "{printable(release)[:80]}" does not wait and is not approved. '
                "`tollway index queue --every` shows all."
            )
        approvals.end(one.id)
    sys.stderr.write(f"{_place(one)} is no longer approved.\n")
    return 0


async def _asked(release: str, fleet: Path, approvals: Approvals) -> Approval:
    """The question about a release that nobody has asked for yet."""
    from tollway.cli.index_serve import need_index

    need_index()
    from tollway.index.checking import question_of

    kind, name, version = _parts(release)
    if not version:
        raise TollwayError(
            f'index approve: "{printable(release)[:80]}" does not wait. '
            "Name the version too: NAME@VERSION."
        )
    return await question_of(fleet, approvals, (kind, name, version), time.time)


def _one(known: Sequence[Approval], release: str) -> Approval | None:
    """Rule 2."""
    kind, name, version = _parts(release)
    found = [
        it
        for it in known
        if it.facts["name"] == name
        and version in ("", it.facts["version"])
        and kind in ("", it.facts["kind"])
    ]
    if len({_place(it) for it in found}) > 1:
        places = ", ".join(sorted(_place(it) for it in found)[:5])
        raise TollwayError(f"{printable(release)[:80]} names several: {places}. Write one of them.")
    return found[0] if found else None


def _parts(release: str) -> tuple[str, str, str]:
    """Kind, name and version; what is not said is empty."""
    kind, told, rest = release.partition(":")
    if not told or kind not in ("pypi", "npm"):
        kind, rest = "", release
    scope, rest = ("@", rest[1:]) if rest.startswith("@") else ("", rest)
    name, _, version = rest.partition("@")
    return kind, scope + name, version


def _place(one: Approval) -> str:
    return printable("{kind}:{name}@{version}".format(**one.facts))


def _book(state: str | None) -> GuardBook:
    return GuardBook(state_folder(state, os.environ) / GUARD_BOOK)


def _facts(one: Approval, now: float) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": one.state(now),
        **dict(one.facts),
        "words": one.words,
        "asked": stamp(one.asked),
        "answer_by": stamp(one.silent),
        "decided": None if one.decided is None else stamp(one.decided),
        "who": one.who,
        "note": one.note,
    }
