"""Arrays that lie in a pickle's own stream, as joblib writes them.

Rules
1. After the BUILD of a `NumpyArrayWrapper` joblib reads an array: a byte that says how much padding
   follows, the padding, and the elements; or, for arrays of objects, another pickle.
2. How long the elements are is computed from the wrapper's own dtype and shape; where that cannot
   be told, the pickle is broken.
Source: joblib's numpy_pickle.py (0.10 to 1.5).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.pickles.interpret import interpret
from tollway.pins.weights.pickles.opcodes import Broken
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.values import Items, Made, Name
from tollway.pins.weights.reader import Cursor

WRAPPER = Name("joblib.numpy_pickle", "NumpyArrayWrapper")
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


def element_of_dtype(dtype: object) -> Element | None:
    """Of a pickled numpy.dtype: its code, or the fields and the size that its state says."""
    if isinstance(dtype, Name):
        named = {"float64": "f8", "float32": "f4", "int64": "i8", "object_": "O"}
        return element_of(named.get(dtype.name, "?!"))
    if not isinstance(dtype, Made) or dtype.maker != Name("numpy", "dtype") or not dtype.args:
        return None
    code = dtype.args[0]
    if not isinstance(code, str):
        return element_of_dtype(code)
    state = dtype.state
    if is_tuple(state) and len(state) >= 6:
        if state[2] is not None:  # a subarray: (dtype, shape)
            return None
        if isinstance(state[4], Items):
            size = state[5]
            parts = [_field(it) for it in state[4].held[1::2]]
            if not isinstance(size, int) or size < 0 or any(it is None for it in parts):
                return None
            return Element(size, any(it.objects for it in parts if it is not None))
    return element_of(code)


def _field(entry: object) -> Element | None:
    return element_of_dtype(entry[0]) if is_tuple(entry) and entry else None


def joblib_arrays(
    more: frozenset[str], limit: int, place: list[Run]
) -> Callable[[Made, Cursor, Run], None]:
    """What to do at each BUILD (rule 1). Nested pickles' runs are added to `place`."""

    def on_build(what: Made, cursor: Cursor, run: Run) -> None:
        if what.maker != WRAPPER:
            return
        if not isinstance(what.state, Items):
            raise Broken("an array without a shape")
        element = element_of_dtype(what.state.get("dtype"))
        count = _count(what.state.get("shape"))
        if element is None or count is None:
            raise Broken("an array whose size cannot be told")
        run.arrays.append(cursor.position)
        if element.objects:
            inner = interpret(cursor, more, limit - run.opcodes)
            place.append(inner)
            if inner.ended != "stop":
                raise Broken(f"an array of objects is broken: {inner.why}")
            run.opcodes += inner.opcodes
            return
        start = cursor.position
        if what.state.get("numpy_array_alignment_bytes") is not None:
            cursor.skip(cursor.take(1)[0])
        cursor.skip(count * element.size)
        run.skipped.append((start, cursor.position - start))

    return on_build


def _count(shape: object) -> int | None:
    if not is_tuple(shape):
        return None
    count = 1
    for it in shape:
        if not isinstance(it, int) or it < 0:
            return None
        count *= it
    return count
