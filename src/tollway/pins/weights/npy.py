"""numpy's .npy: a header that is a Python literal, then the elements, or a pickle of objects.

Rules
1. Objects make it a pickle: it must be allowed as one.
2. Elements fill the file; another array may follow, and nothing else.
Source: numpy/lib/format.py, versions 1 to 3.
"""

import ast
import re

from tollway.pins.weights.kinds import is_dict, is_list, is_tuple
from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.pickles.dtypes import Element, element_of
from tollway.pins.weights.pickles.judge import judge_pickle, tell_hidden
from tollway.pins.weights.reader import Reader, Window

MAGIC = b"\x93NUMPY"
_MOST_HEADER = 1 << 16
_MOST_ARRAYS = 10_000
# Nothing but a literal of a dict: no name, no call, no comprehension.
_LITERAL = re.compile(r"\{[\s\w'\"(),:\[\]<>|=.+{}-]*\}\s*")


def judge_npy(reader: Reader, piece: Piece, look: Look) -> None:
    at = 0
    for _ in range(_MOST_ARRAYS):
        found = _header(reader, at)
        if isinstance(found, str):
            look.finding(piece.place, "npy", found)
            return
        start, element, count = found
        if element.objects:
            if look.saw(piece.place, "pickle"):
                pass
            judge_pickle(Window(reader, start, reader.size - start), piece, look)
            return
        end = start + element.size * count
        if end > reader.size:
            look.finding(piece.place, "npy", "ends within its elements")
            return
        tell_hidden(reader, (start, end - start), piece, look)
        if end == reader.size:
            look.saw(piece.place, "npy")
            return
        if reader.read(end, 6) != MAGIC:
            look.finding(piece.place, "trailing", f"has {reader.size - end:,} bytes behind its end")
            tell_hidden(reader, (end, reader.size - end), piece, look)
            return
        at = end
    look.unread(piece.place, f"it holds more than {_MOST_ARRAYS:,} arrays")


def _header(reader: Reader, at: int) -> tuple[int, Element, int] | str:
    """Where the elements begin, what one is, and how many there are; or what is wrong."""
    head = reader.read(at, 12)
    if len(head) < 10 or head[:6] != MAGIC or head[6] not in (1, 2, 3):
        return "is of an unknown version"
    wide = head[6] > 1
    size = int.from_bytes(head[8:12] if wide else head[8:10], "little")
    start = at + (12 if wide else 10)
    if size > _MOST_HEADER or start + size > reader.size:
        return f"has a header of {size:,} bytes"
    try:
        text = reader.read(start, size).decode("utf-8" if head[6] == 3 else "latin-1")
        if not _LITERAL.fullmatch(text):
            return "has a header that is no literal"
        facts = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return "has a header that is no literal"
    if not is_dict(facts) or set(facts) != {"descr", "fortran_order", "shape"}:
        return "has a header without descr, fortran_order and shape"
    element = _element(facts["descr"], 0)
    shape = facts["shape"]
    if element is None or not isinstance(facts["fortran_order"], bool):
        return "has a dtype that is not understood"
    if not is_tuple(shape) or not all(type(it) is int and it >= 0 for it in shape):
        return "has a shape that is none"
    count = 1
    for it in shape:
        count *= it if isinstance(it, int) else 1
    return start + size, element, count


def _element(descr: object, depth: int) -> Element | None:
    """Of a header's descr: a code, a (code, shape) pair, or fields."""
    if isinstance(descr, str):
        return element_of(descr)
    if depth > 8:
        return None
    if is_tuple(descr) and len(descr) == 2:
        inner = _element(descr[0], depth + 1)
        return None if inner is None else _times(inner, descr[1])
    if not is_list(descr):
        return None
    size, objects = 0, False
    for field in descr:
        if not is_tuple(field) or len(field) not in (2, 3):
            return None
        inner = _element(field[1], depth + 1)
        if inner is not None and len(field) == 3:
            inner = _times(inner, field[2])
        if inner is None:
            return None
        size, objects = size + inner.size, objects or inner.objects
    return Element(size, objects)


def _times(element: Element, shape: object) -> Element | None:
    count = 1
    for it in shape if is_tuple(shape) else (shape,):
        if type(it) is not int or it < 0:
            return None
        count *= it
    return Element(element.size * count, element.objects)
