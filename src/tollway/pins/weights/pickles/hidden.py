"""Pickles that lie within other bytes, where no loader of those bytes would look.

Rules
1. Only what would call a global that is denied counts: random bytes do not come to that.
2. The ends of a long span are searched, not its middle; its first byte is always tried, for a
   loader that reads there needs no sign of a beginning.
"""

import re
from itertools import chain, islice

from tollway.pins.weights.pickles.interpret import interpret
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.values import Name
from tollway.pins.weights.reader import Cursor, Reader, Window

SEARCHED = 2 << 20  # bytes of each end
_MOST_TRIED = 500
_MOST_OPCODES = 50_000
_START = re.compile(
    rb"\x80[\x00-\x05][\x94\x95()}\]\x8cXUcKNV\x89\x88Jlt]|c[A-Za-z_][\w.]{1,80}\n[A-Za-z_][\w.]{0,80}\n"
    rb"|\((?:[SVX\x8c][^\n]{0,200}\n?)?i[A-Za-z_][\w.]{1,80}\n[A-Za-z_][\w.]{0,80}\n"
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def plausible(name: Name) -> bool:
    """Could Python import it? Random bytes that look like a GLOBAL rarely could."""
    return bool(_WORD.fullmatch(name.module)) and bool(_WORD.fullmatch(name.name))


def would_act(run: Run) -> bool:
    """It calls a denied global, and one that could be a name."""
    return run.denied_called > 0 and any(map(plausible, run.denied))


def hidden_pickle(reader: Reader, start: int, size: int) -> Run | None:
    """The first pickle in the span that would act."""
    spans = [(start, min(size, 2 * SEARCHED))]
    if size > 2 * SEARCHED:
        spans = [(start, SEARCHED), (start + size - SEARCHED, SEARCHED)]
    for begin, count in spans:
        data = reader.read(begin, count)
        starts = (it.start() for it in _START.finditer(data))
        for at in islice(chain((0,), starts), _MOST_TRIED):
            window = Window(reader, begin + at, reader.size - begin - at)
            run = interpret(Cursor(window), limit=_MOST_OPCODES)
            if would_act(run):
                return run
    return None
