"""Torch's oldest files: a tar of `sys_info`, `storages`, `tensors` and `pickle`.

Rules
1. Raw bytes lie between the pickles of `storages` and of `tensors`, as long as the pickle before
   them says.
Source: torch/serialization.py, `legacy_load`.
"""

from struct import unpack

from tollway.pins.weights.archives.tars import Member
from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.pickles.interpret import interpret
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.torch import bytes_of
from tollway.pins.weights.reader import Cursor, Reader, Window

_PARTS = frozenset({"pickle", "storages", "tensors"})
_MOST = 1_000_000


def is_torch_tar(names: set[str]) -> bool:
    return names >= _PARTS


def judge_torch_tar(reader: Reader, members: list[Member], piece: Piece, look: Look) -> None:
    look.saw(piece.place, "pickle")
    for it in members:
        name = it.name.removeprefix("./")
        window = Window(reader, it.start, it.size)
        if name in ("storages", "tensors"):
            _rows(window, name, Piece(f"{piece.place}!{name}", piece.open, piece.depth), look)
        else:
            look.within(piece, name, reader, (it.start, it.size))


def _rows(reader: Reader, name: str, piece: Piece, look: Look) -> None:
    cursor = Cursor(reader)
    first = _run(cursor, piece, look)
    count = first.value if first is not None else None
    if not isinstance(count, int) or not 0 <= count <= _MOST:
        look.finding(piece.place, "torch-layout", "does not begin with how many there are")
        return
    for _ in range(count):
        row = _run(cursor, piece, look)
        try:
            if row is None or not _skip(cursor, name, row):
                look.finding(piece.place, "torch-layout", "holds what is no row of it")
                return
        except EOFError:
            look.finding(piece.place, "torch-layout", "ends within a row")
            return
    if name == "storages":
        _run(cursor, piece, look)  # views of storages, a list
    if cursor.position != reader.size:
        look.finding(piece.place, "trailing", "has bytes behind its rows")


def _run(cursor: Cursor, piece: Piece, look: Look) -> Run | None:
    run = interpret(cursor, look.rules.globals, max(1, look.budget.opcodes))
    look.budget.opcodes -= run.opcodes
    for problem in run.problems:
        look.finding(piece.place, problem.rule, problem.words)
    return run if run.ended == "stop" else None


def _skip(cursor: Cursor, name: str, row: Run) -> bool:
    value = row.value
    if not is_tuple(value) or len(value) != 3:
        return False
    if name == "tensors":
        (dimensions,) = unpack("<i", cursor.take(4))
        if not 0 <= dimensions <= 64:
            return False
        cursor.skip(4 + 16 * dimensions + 8)
        return True
    size = bytes_of(value[2])
    (count,) = unpack("<q", cursor.take(8))
    if size is None or count < 0:
        return False
    cursor.skip(count * size)
    return True
