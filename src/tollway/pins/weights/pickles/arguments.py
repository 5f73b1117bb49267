"""Which arguments an allowed global may be given, where some would do more than build a value.

Rules
1. Each check gives what is wrong, as a clause that follows the global's name, or None.
2. A callable among the arguments is one of those that the called function is known to be given.
"""

from collections.abc import Callable

from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.pickles.values import Items, Made, Name, Span

# Above this a count in a call is a bomb: no file that is read here says so many elements in a call.
MOST_ELEMENTS = 1 << 31
_PLAIN_ENCODINGS = ("latin1", "latin-1", "iso-8859-1", "ascii", "utf-8", "utf8")
_BASES = ("object", "dict", "list", "tuple", "set", "frozenset", "int", "float", "str", "bytes")

Arguments = tuple[object, ...]


def wrong_with(name: Name, args: Arguments) -> str | None:
    """What is wrong with calling an allowed global so."""
    check = _CHECKS.get(name) or _MODULE_CHECKS.get(name.module)
    return None if check is None else check(args)


def _encode(args: Arguments) -> str | None:
    if len(args) not in (1, 2) or not isinstance(args[0], str | Span):
        return "is called on what is no text"
    if len(args) == 2 and str(args[1]).lower() not in _PLAIN_ENCODINGS:
        return f"is asked for the encoding {args[1]!r}"
    return None


def _getattr(args: Arguments) -> str | None:
    if args == (Name("zoneinfo", "ZoneInfo"), "_unpickle"):
        return None
    return "takes an attribute by its name"


def _reconstructor(args: Arguments) -> str | None:
    if len(args) != 3 or not isinstance(args[0], Name):
        return "is not given a class, its base and a state"
    base = args[1]
    if not isinstance(base, Name) or base.module not in ("builtins", "__builtin__"):
        return f"is given the base {base}"
    if base.name not in _BASES:
        return f"is given the base {base}"
    if args[2] is not None and base.name == "object":
        return "gives a state to object"
    return None


def _sized(args: Arguments) -> str | None:
    """bytes(n) and bytearray(n) take memory that the file does not have."""
    if args and isinstance(args[0], int) and args[0] > 1 << 20:
        return f"asks for {args[0]:,} bytes"
    return _unrolled(args)


def _unrolled(args: Arguments) -> str | None:
    """A list of a range takes memory that the file does not have."""
    for it in args:
        if isinstance(it, Made) and it.maker.name in ("range", "xrange"):
            return "unrolls a range"
    return None


def _first_class(*modules: str) -> Callable[[Arguments], str | None]:
    def check(args: Arguments) -> str | None:
        if args and isinstance(args[0], Name) and args[0].module.startswith(modules):
            return None
        return "is not given a class of its own package"

    return check


def _reconstruct(args: Arguments) -> str | None:
    if len(args) != 3 or not isinstance(args[0], Name) or not args[0].module.startswith("numpy"):
        return "is not given an array class"
    return _shape(args[1])


def _shape(shape: object) -> str | None:
    sizes = shape if is_tuple(shape) else (shape,)
    count = 1
    for it in sizes:
        if not isinstance(it, int) or isinstance(it, bool):
            return f"is given the shape {shape!r:.60}"
        count *= max(1, abs(it))
    return f"asks for {count:,} elements" if count > 1 << 20 else None


def _array(args: Arguments) -> str | None:
    return _shape(args[0]) if args else None


def _ctor(own: str) -> Callable[[Arguments], str | None]:
    def check(args: Arguments) -> str | None:
        for it in args[1:]:
            if it != Name("numpy.random._pickle", own):
                return f"is given {it!r:.60} to call"
        if args and not isinstance(args[0], str | Made):
            ours = isinstance(args[0], Name) and args[0].module.startswith("numpy.random.")
            return None if ours else "is not given a bit generator"
        return None

    return check


def _bit_generator(args: Arguments) -> str | None:
    for it in args:
        if isinstance(it, Name) and not it.module.startswith("numpy.random."):
            return f"is given {it} to call"
    return None


def _from_type(args: Arguments) -> str | None:
    if len(args) != 4 or not isinstance(args[0], Name):
        return "is not given a function of its own"
    if args[0].module != "torch._utils" or not args[0].name.startswith("_rebuild_"):
        return f"is given {args[0]} to call"
    if not isinstance(args[1], Name) or not args[1].module.startswith("torch"):
        return "is not given a tensor class"
    return None if is_tuple(args[2]) else "is not given arguments"


def _state_of_tensor(args: Arguments) -> str | None:
    """The rebuilding functions call methods of what they are given: torch's own objects only."""
    for it in args:
        if isinstance(it, Made) and not it.maker.module.startswith(_TENSORS):
            return f"is given a {it.maker}"
    return None


_TENSORS = ("torch", "collections", "numpy", "builtins")


def _subclass(args: Arguments) -> str | None:
    for it in args[:2]:
        if not isinstance(it, Name) or not it.module.startswith("numpy"):
            return "is not given an array class"
    return _shape(args[2]) if len(args) > 2 else None


def _pattern(args: Arguments) -> str | None:
    if len(args) == 2 and isinstance(args[0], str | bytes) and isinstance(args[1], int):
        return None if len(args[0]) < 10_000 else "is given a very long pattern"
    return "is not given a pattern"


def _plain(args: Arguments) -> str | None:
    """Only values that stand for themselves, or lists and dicts of them."""
    for it in args:
        if isinstance(it, Name | Made):
            return f"is given {it if isinstance(it, Name) else it.maker}"
    return None


def _factory(args: Arguments) -> str | None:
    if args and isinstance(args[0], Name) and args[0].module not in _FACTORIES:
        return f"is given {args[0]} to call for what is missing"
    return None


_FACTORIES = ("builtins", "__builtin__", "collections")


def _pairs(args: Arguments) -> str | None:
    """What a dict is made of is a list, a dict or a tuple: an iterator could be anything."""
    for it in args:
        if not isinstance(it, Items | tuple | str | bytes | int | float | Made | None):
            return "is given what is no list"
    return _unrolled(args)


_CHECKS: dict[Name, Callable[[Arguments], str | None]] = {
    Name("_codecs", "encode"): _encode,
    Name("builtins", "getattr"): _getattr,
    Name("builtins", "bytes"): _sized,
    Name("builtins", "bytearray"): _sized,
    Name("builtins", "list"): _pairs,
    Name("builtins", "tuple"): _pairs,
    Name("builtins", "set"): _pairs,
    Name("builtins", "frozenset"): _pairs,
    Name("builtins", "dict"): _pairs,
    Name("collections", "deque"): _pairs,
    Name("collections", "Counter"): _pairs,
    Name("collections", "OrderedDict"): _pairs,
    Name("collections", "defaultdict"): _factory,
    Name("copyreg", "_reconstructor"): _reconstructor,
    Name("numpy", "ndarray"): _array,
    Name("numpy", "matrix"): _array,
    Name("numpy", "recarray"): _array,
    Name("numpy.rec", "recarray"): _array,
    Name("numpy.ma.core", "_mareconstruct"): _subclass,
    Name("numpy.random._pickle", "__generator_ctor"): _ctor("__bit_generator_ctor"),
    Name("numpy.random._pickle", "__randomstate_ctor"): _ctor("__bit_generator_ctor"),
    Name("numpy.random._pickle", "__bit_generator_ctor"): _bit_generator,
    Name("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): _first_class("pandas"),
    Name("pandas.core.indexes.base", "_new_Index"): _first_class("pandas"),
    Name("pandas.core.indexes.datetimes", "_new_DatetimeIndex"): _first_class("pandas"),
    Name("pandas.core.indexes.period", "_new_PeriodIndex"): _first_class("pandas"),
    Name("pandas.core.indexes.timedeltas", "_new_TimedeltaIndex"): _first_class("pandas"),
    Name("re", "_compile"): _pattern,
    Name("sklearn.metrics._dist_metrics", "newObj"): _first_class("sklearn.metrics"),
    Name("sklearn.neighbors._ball_tree", "newObj"): _first_class("sklearn.neighbors"),
    Name("sklearn.neighbors._kd_tree", "newObj"): _first_class("sklearn.neighbors"),
    Name("torch._tensor", "_rebuild_from_type_v2"): _from_type,
    **{
        Name(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")
    },
}
_MODULE_CHECKS: dict[str, Callable[[Arguments], str | None]] = {
    "torch._utils": _state_of_tensor,
    "pathlib": _plain,
    "pathlib._local": _plain,
}
