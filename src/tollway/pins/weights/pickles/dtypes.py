"""What an array's element is, by its dtype: its bytes, and whether it holds objects.

Rules
1. A pickled dtype's state is believed where it agrees with itself: a loader trusts its flags and
   its offsets, so that flags without objects (or objects without flags), fields that reach past
   the element or lie over an object would let a file choose what memory is read as.
2. A state of a plain dtype changes its byte order and nothing else.
Source: numpy/_core/src/multiarray/descriptor.c, states of versions 0 to 4.
"""

import re
from dataclasses import dataclass

from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.pickles.values import Items, Made, Name

DTYPE = Name("numpy", "dtype")
_TRUSTED = 7  # bits of the flags that a loader trusts: it holds objects, pickles a list, is one
_MOST_DEEP = 20
_CODE = re.compile(r"[<>|=]?([?bBhHiIuUlLqQefdgFDGSVOmMc])(\d{0,9})(\[\w+\])?")
_SIZES = {
    "?": 1,
    "b": 1,
    "B": 1,
    "h": 2,
    "H": 2,
    "e": 2,
    "c": 1,
    "d": 8,
    "g": 16,
    "F": 8,
    "D": 16,
} | {"l": 8, "L": 8, "q": 8, "Q": 8, "m": 8, "M": 8}


@dataclass(frozen=True, slots=True)
class Element:
    """An array's element: its bytes, and whether it holds objects."""

    size: int
    objects: bool


def element_of(code: str) -> Element | None:
    """Of a dtype's text (`<f8`, `|O`, `U12`), None where it is not understood."""
    if code == "bool":
        return Element(1, False)
    found = _CODE.fullmatch(code)
    if found is None:
        return None
    kind, digits = found[1], found[2]
    if kind == "O":
        return Element(8, True)
    if not digits:
        size = _SIZES.get(kind) or (4 if kind in "iIf" else 0 if kind in "SUV" else None)
        return None if size is None else Element(size, False)
    if kind == "b" and digits == "1":
        return Element(1, False)
    return Element(int(digits) * (4 if kind == "U" else 1), False)


def element_of_dtype(dtype: object, depth: int = 0) -> Element | None:
    """Of a pickled numpy.dtype, None where it is not understood or its state lies."""
    if depth > _MOST_DEEP:
        return None
    if isinstance(dtype, Name):
        return element_of(_NAMED.get(dtype.name, "?!"))
    if not isinstance(dtype, Made) or dtype.maker != DTYPE or not dtype.args:
        return None
    code = dtype.args[0]
    plain = element_of(code) if isinstance(code, str) else element_of_dtype(code, depth + 1)
    if plain is None or dtype.state is None:
        return plain
    state = dtype.state
    if not is_tuple(state) or len(state) < 5:
        return None
    _, _, part, names, fields, size, _, flags = (*state, -1, -1, None)[:8]
    if part is None and names is None and fields is None:
        found = _plain(code, plain, size)
    elif not isinstance(size, int) or size < 0 or plain.objects or not _is_void(code):
        return None
    elif part is not None:
        found = _subarray(part, size, depth) if fields is None else None
    else:
        found = _structure(names, fields, size, depth)
    if found is None or flags is None:
        return found
    wanted = (7 if plain.objects else 3) if found.objects else 0
    return found if isinstance(flags, int) and flags & _TRUSTED == wanted else None


_NAMED = {
    "float64": "f8",
    "float32": "f4",
    "int64": "i8",
    "object_": "O",
    "object": "O",
    "record": "V",
    "void": "V",
}


def _is_void(code: object) -> bool:
    return (isinstance(code, str) and "V" in code) or (
        isinstance(code, Name) and code.name in ("record", "void")
    )


def _plain(code: object, plain: Element, size: object) -> Element | None:
    """Rule 2. Only of texts, bytes and voids does a state say the size."""
    if size in (-1, plain.size):
        return plain
    flexible = _is_void(code) or (isinstance(code, str) and code.lstrip("<>|=")[:1] in ("S", "U"))
    return Element(size, False) if flexible and isinstance(size, int) and size >= 0 else None


def _subarray(part: object, size: int, depth: int) -> Element | None:
    if not is_tuple(part) or len(part) != 2:
        return None
    inner = element_of_dtype(part[0], depth + 1)
    count = 1
    for it in part[1] if is_tuple(part[1]) else (part[1],):
        if not isinstance(it, int) or it < 0:
            return None
        count *= it
    if inner is None or inner.size * count != size:
        return None
    return Element(size, inner.objects)


def _structure(names: object, fields: object, size: int, depth: int) -> Element | None:
    if not is_tuple(names) or not isinstance(fields, Items) or fields.kind != "dict":
        return None
    keys, places = fields.held[::2], list[tuple[int, int, bool]]()
    if not all(isinstance(it, str) for it in (*names, *keys)) or not set(names) <= set(keys):
        return None
    for entry in fields.held[1::2]:
        if not is_tuple(entry) or len(entry) not in (2, 3):
            return None
        inner, offset = element_of_dtype(entry[0], depth + 1), entry[1]
        if inner is None or not isinstance(offset, int) or not 0 <= offset <= size - inner.size:
            return None
        places.append((offset, offset + inner.size, inner.objects))
    if _overlaps(sorted(set(places))):
        return None
    return Element(size, any(it[2] for it in places))


def _overlaps(places: list[tuple[int, int, bool]]) -> bool:
    """Does a field lie over an object? Two names of one field are one place."""
    reached, objects_reached = 0, 0
    for start, end, objects in places:
        if start < objects_reached or (objects and start < reached):
            return True
        reached = max(reached, end)
        objects_reached = max(objects_reached, end if objects else 0)
    return False
