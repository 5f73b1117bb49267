"""May a file that is a pickle, or several in a row, be loaded?

Rules
1. Every pickle of the file is judged, also those behind the first, and also as a loader would read
   it that does not know joblib's arrays.
2. What breaks is a finding: what came before the break would have run.
3. What lies behind the last STOP is a finding, save for storages that the pickles name.
"""

import re

from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.pickles.arrays import joblib_arrays
from tollway.pins.weights.pickles.hidden import hidden_pickle, plausible, would_act
from tollway.pins.weights.pickles.interpret import interpret
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.torch import end_of_storages, is_magic, wrong_id
from tollway.pins.weights.reader import Cursor, Held, Reader, Window

_MOST_IN_A_ROW = 10_000
_PROBED = 20_000  # opcodes of what may be a pickle without PROTO
_MOST_PROBED = 16  # pickles in a row that name nothing
_OPENS = re.compile(rb"[c(}\]\)IJKLMNSTUVXFG\x88-\x8f\x96BC0-2dlgPi\x82-\x84]")


def is_pickle(reader: Reader) -> bool:
    """Would pickle.load begin to act on it, or one behind it? PROTO says so; without it, reaching a
    call or an end with a global does."""
    head = reader.read(0, 2)
    if len(head) == 2 and head[0] == 0x80 and head[1] <= 5:
        return True
    if not _OPENS.match(head):
        return False
    at = 0
    for _ in range(_MOST_PROBED):
        run = interpret(Cursor(reader, at), limit=_PROBED)
        stopped = run.ended == "stop"
        if stopped and (run.named or run.persistent or run.problems):
            return True
        if any(map(plausible, run.named)) and run.called > 0:
            return True
        if not stopped or run.end >= reader.size:
            return False
        at = run.end
    return False


def judge_pickle(reader: Reader, piece: Piece, look: Look) -> None:
    """A whole file of pickles."""
    runs: list[Run] = []
    at = 0
    while at < reader.size and len(runs) < _MOST_IN_A_ROW:
        run = _one(reader, at, piece, look)
        runs.append(run)
        if run.ended != "stop":
            break
        at = run.end
        if is_magic(runs[0].value) and len(runs) == 5:
            at = _legacy(reader, runs, at, piece, look)
            break
        if at < reader.size and not _more(reader, at):
            break
    if runs and runs[-1].ended == "stop" and at < reader.size:
        _behind(reader, at, piece, look)


def _more(reader: Reader, at: int) -> bool:
    """Does another pickle begin here? At least its first opcodes must be."""
    return interpret(Cursor(reader, at), limit=1000).opcodes > 1


def _one(reader: Reader, at: int, piece: Piece, look: Look) -> Run:
    more, limit = look.rules.globals, max(1, look.budget.opcodes)
    nested: list[Run] = []
    run = interpret(Cursor(reader, at), more, limit, joblib_arrays(more, limit, nested))
    look.budget.opcodes -= run.opcodes
    for each in (run, *nested):
        _tell(reader, each, piece, look)
    if run.arrays:
        plain = interpret(Cursor(reader, at), more, limit)
        if _strange(plain, [run, *nested]) and not run.denied_called:
            look.finding(
                piece.place, "pickle-global", "calls a denied global where joblib sees an array"
            )
        for start, size in run.skipped:
            tell_hidden(reader, (start, size), piece, look)
    return run


def _strange(plain: Run, joined: list[Run]) -> bool:
    """Would it call a denied global? An array of objects has a memo of its own, so that without it
    a benign file's names come together anew: those are not counted."""
    modules = {it.module for each in joined for it in each.named}
    names = {it.name for each in joined for it in each.named}
    strange = [it for it in plain.denied if it.module not in modules or it.name not in names]
    return would_act(plain) and any(map(plausible, strange))


def tell_hidden(reader: Reader, span: tuple[int, int], piece: Piece, look: Look) -> None:
    """A pickle that would act, within bytes that are none."""
    hidden = hidden_pickle(reader, *span)
    if hidden is not None:
        names = ", ".join(str(it) for it in sorted(hidden.denied, key=str)[:3])
        look.finding(piece.place, "hidden-pickle", f"hides a pickle that calls {names}")


def _tell(reader: Reader, run: Run, piece: Piece, look: Look) -> None:
    look.names.update(map(str, run.named))
    for problem in run.problems:
        look.finding(piece.place, problem.rule, problem.words)
    if run.ended == "broken":
        look.finding(piece.place, "pickle-broken", f"breaks: {run.why}")
    if run.ended == "limit":
        look.unread(piece.place, run.why)
    for it in run.persistent[:100_000]:
        wrong = wrong_id(it)
        if wrong:
            look.finding(piece.place, "pickle-persistent", wrong)
            break
    for number, it in enumerate(run.nested):
        name = f"tensor-{number}"
        data = Held(it) if isinstance(it, bytes) else Window(reader, *it)
        look.inside(piece, name, lambda data=data: data)


def _legacy(reader: Reader, runs: list[Run], at: int, piece: Piece, look: Look) -> int:
    end = end_of_storages(reader, runs, at)
    if end is None:
        look.finding(piece.place, "torch-layout", "its storages are not what its pickle names")
        tell_hidden(reader, (at, reader.size - at), piece, look)
        return reader.size
    tell_hidden(reader, (at, end - at), piece, look)
    return end


def _behind(reader: Reader, at: int, piece: Piece, look: Look) -> None:
    if reader.size - at <= 2 and not reader.read(at, 2).strip():
        return
    count = reader.size - at
    look.finding(piece.place, "trailing", f"has {count:,} bytes behind its end, at byte {at:,}")
    tell_hidden(reader, (at, count), piece, look)
