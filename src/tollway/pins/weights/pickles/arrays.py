"""Arrays that lie in a pickle's own stream, as joblib writes them.

Rules
1. After the BUILD of a `NumpyArrayWrapper` joblib reads an array: a byte that says how much padding
   follows, the padding, and the elements; or, for arrays of objects, another pickle.
2. How long the elements are is computed from the wrapper's own dtype and shape; where that cannot
   be told, the pickle is broken.
Source: joblib's numpy_pickle.py (0.10 to 1.5).
"""

from collections.abc import Callable

from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.pickles.dtypes import element_of_dtype
from tollway.pins.weights.pickles.interpret import interpret
from tollway.pins.weights.pickles.opcodes import Broken
from tollway.pins.weights.pickles.run import Run
from tollway.pins.weights.pickles.values import Items, Made, Name
from tollway.pins.weights.reader import Cursor

WRAPPER = Name("joblib.numpy_pickle", "NumpyArrayWrapper")


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
