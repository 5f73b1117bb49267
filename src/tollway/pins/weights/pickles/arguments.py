"""Which arguments an allowed global may be given, where some would do more than build a value.

Rules
1. Each check gives what is wrong, as a clause that follows the global's name, or None.
2. A callable among the arguments is one of those that the called function is known to be given.
"""

import re
from collections.abc import Callable

from tollway.pins.weights.kinds import is_tuple
from tollway.pins.weights.pickles.dtypes import element_of_dtype
from tollway.pins.weights.pickles.science import INTERPOLATES, WAYS
from tollway.pins.weights.pickles.values import Items, Made, Name, Span

_MOST_ROWS = 1 << 31  # of an index that is two numbers: what reads it may make an array of it
_MOST_RANGE = 1 << 24  # a range stands for indices into a set of data
_MOST_SHAPE = 1 << 10  # elements of an array before its state: picklers write none
_MOST_OUTPUTS = 1 << 16  # of a tree
_MOST_DIGITS = 4300  # as Python itself bounds them
_PLAIN_ENCODINGS = ("latin1", "latin-1", "iso-8859-1", "ascii", "utf-8", "utf8")
_BASES = ("object", "dict", "list", "tuple", "set", "frozenset", "int", "float", "str", "bytes")

Arguments = tuple[object, ...]


def is_checked(name: Name) -> bool:
    """Are its arguments looked at here?"""
    return name in _CHECKS


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


def attribute(args: Arguments) -> Name | None:
    """The function of a class that `getattr` may be asked for: older protocols name it so."""
    if len(args) != 2 or not isinstance(args[0], Name) or not isinstance(args[1], str):
        return None
    of, way = args[0], args[1]
    known = (of == Name("zoneinfo", "ZoneInfo") and way == "_unpickle") or (
        of.module in INTERPOLATES and of.name == "interp1d" and way in WAYS.split()
    )
    return Name(of.module, f"{of.name}.{way}") if known else None


def _getattr(args: Arguments) -> str | None:
    if attribute(args) is not None:
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
    if base.name in ("bytes", "int", "float", "str"):
        check = {"bytes": _sized, "str": _text}.get(base.name, _number)
        return check(args[2:])
    return _pairs(args[2:])


def _sized(args: Arguments) -> str | None:
    """bytes(n) and bytearray(n) take memory that the file does not have."""
    if args and isinstance(args[0], int):
        return f"asks for {args[0]:,} bytes"
    return _unrolled(args)


def _range(args: Arguments) -> str | None:
    if not 0 < len(args) < 4 or not all(isinstance(it, int) for it in args):
        return "is not given its bounds"
    start, stop, step = _bounds(args)
    count = abs(stop - start) // max(1, abs(step))
    return f"asks for {count:,} numbers" if count > _MOST_RANGE else None


def _bounds(args: Arguments) -> tuple[int, int, int]:
    whole = [it for it in args if isinstance(it, int)]
    if len(whole) == 1:
        return 0, whole[0], 1
    return whole[0], whole[1], whole[2] if len(whole) > 2 else 1


def _number(args: Arguments) -> str | None:
    """A number of another's value may have more digits than the memory holds."""
    if any(isinstance(it, str | bytes) and len(it) > _MOST_DIGITS for it in args):
        return "is given a very long number"
    return _plain(args)


_RATIO = re.compile(r"-?\d{1,4300}(/\d{1,4300})?")


def _fraction(args: Arguments) -> str | None:
    if all(isinstance(it, int) or (isinstance(it, str) and _RATIO.fullmatch(it)) for it in args):
        return None
    return "is not given whole numbers"


def _text(args: Arguments) -> str | None:
    """The text of a list that holds itself many times over is longer than any memory."""
    for it in args:
        if not isinstance(it, str | bytes | int | float | Span | None) and not (
            isinstance(it, Made) and it.maker in _TEXTS
        ):
            return "is not given bytes or a text"
    return None


_TEXTS = (Name("_codecs", "encode"), Name("builtins", "bytes"), Name("builtins", "str"))


def _dtype(args: Arguments) -> str | None:
    first = args[0] if args else None
    if isinstance(first, Name):
        ours = first.module.split(".")[0] in ("numpy", "builtins", "__builtin__")
        return None if ours else f"is given {first}"
    if isinstance(first, Made):
        return None if element_of_dtype(first) is not None else "is given what is no dtype"
    return None if isinstance(first, str) else "is not given a dtype's code"


def _scalar(args: Arguments) -> str | None:
    if len(args) != 2 or args[1] is None:
        return "is not given a dtype and a value"
    element = element_of_dtype(args[0])
    size = len(args[1]) if isinstance(args[1], bytes) else getattr(args[1], "size", None)
    if element is None or element.objects or not isinstance(size, int):
        return None
    return None if size == element.size else f"is given {size:,} bytes for {element.size:,}"


def _index(args: Arguments) -> str | None:
    """An index of two numbers is as long as they say."""
    if len(args) == 2 and isinstance(args[1], Items) and str(args[0]).endswith("RangeIndex"):
        ends = (args[1].get("start"), args[1].get("stop"))
        whole = [it for it in ends if isinstance(it, int)]
        if len(whole) == 2 and abs(whole[1] - whole[0]) > _MOST_ROWS:
            return f"asks for {abs(whole[1] - whole[0]):,} rows"
    return _first_class("pandas")(args)


def _tree(args: Arguments) -> str | None:
    if len(args) == 3 and isinstance(args[2], int) and 0 < args[2] < _MOST_OUTPUTS:
        return None
    return "is not given its sizes"


def _tensor(args: Arguments) -> str | None:
    return _shape(args) if any(isinstance(it, int) for it in args) else _unrolled(args)


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
    return f"asks for {count:,} elements" if count > _MOST_SHAPE else None


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
    Name("array", "array"): _unrolled,
    Name("builtins", "getattr"): _getattr,
    Name("builtins", "int"): _number,
    Name("builtins", "float"): _number,
    Name("builtins", "complex"): _number,
    Name("builtins", "bool"): _number,
    Name("builtins", "str"): _text,
    Name("builtins", "range"): _range,
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
    Name("decimal", "Decimal"): _number,
    Name("fractions", "Fraction"): _fraction,
    Name("numpy", "dtype"): _dtype,
    Name("numpy", "ndarray"): _array,
    Name("numpy", "matrix"): _array,
    Name("numpy", "recarray"): _array,
    Name("numpy.rec", "recarray"): _array,
    Name("numpy.ma.core", "_mareconstruct"): _subclass,
    Name("numpy.random._pickle", "__generator_ctor"): _ctor("__bit_generator_ctor"),
    Name("numpy.random._pickle", "__randomstate_ctor"): _ctor("__bit_generator_ctor"),
    Name("numpy.random._pickle", "__bit_generator_ctor"): _bit_generator,
    Name("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): _first_class("pandas"),
    Name("pandas.core.indexes.base", "_new_Index"): _index,
    Name("pandas.core.indexes.frozen", "FrozenList"): _pairs,
    Name("pandas.core.indexes.datetimes", "_new_DatetimeIndex"): _first_class("pandas"),
    Name("pandas.core.indexes.period", "_new_PeriodIndex"): _first_class("pandas"),
    Name("pandas.core.indexes.timedeltas", "_new_TimedeltaIndex"): _first_class("pandas"),
    Name("re", "_compile"): _pattern,
    Name("sklearn.metrics._dist_metrics", "newObj"): _first_class("sklearn.metrics"),
    Name("sklearn.neighbors._ball_tree", "newObj"): _first_class("sklearn.neighbors"),
    Name("sklearn.neighbors._kd_tree", "newObj"): _first_class("sklearn.neighbors"),
    Name("sklearn.tree._tree", "Tree"): _tree,
    Name("torch", "Size"): _unrolled,
    Name("torch", "Tensor"): _tensor,
    Name("torch.nn.parameter", "Parameter"): _tensor,
    Name("torch.nn.parameter", "Buffer"): _tensor,
    Name("torch._tensor", "_rebuild_from_type_v2"): _from_type,
    **{
        Name(f"numpy.{core}.multiarray", it): check
        for core in ("core", "_core")
        for it, check in (("_reconstruct", _reconstruct), ("scalar", _scalar))
    },
}
_MODULE_CHECKS: dict[str, Callable[[Arguments], str | None]] = {
    "torch._utils": _state_of_tensor,
    "pathlib": _plain,
    "pathlib._local": _plain,
}
