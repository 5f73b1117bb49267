"""Files that were made to pass: each says one thing to the scanner and another to the loader."""

from collections.abc import Iterator

from weights.corpus.case import Case
from weights.corpus.gadgets import SHELL
from weights.corpus.opcodes import Raw, called, named, pickled, short, text_of, value

LOAD = "torch.storage:_load_from_bytes"
Fields = dict[str, tuple[Raw, int]]


def cases() -> Iterator[Case]:
    yield from lying_dtypes()
    yield from handed_on()
    yield from bags()
    yield from only_named()
    yield from bombs()
    yield from keepers()
    yield from states()


def made(path: str, state: object = None) -> Raw:
    """NEWOBJ, with a state."""
    return Raw(named(path).code + b")\x81" + value(state) + b"b")


def dtype(code: str, state: object = None) -> Raw:
    it = called("numpy:dtype", code, False, True)
    return it if state is None else Raw(it.code + value(state) + b"b")


def void(fields: Fields, size: int, flags: int) -> Raw:
    return dtype(f"V{size}", (3, "|", None, tuple(fields), fields, size, 1, flags))


def array(of: Raw, data: bytes) -> Raw:
    empty = called("numpy.core.multiarray:_reconstruct", named("numpy:ndarray"), (0,), b"b")
    return Raw(empty.code + value((1, (1,), of, False, data)) + b"b")


def wrapped(of: Raw, count: int) -> Raw:
    state = {"subclass": named("numpy:ndarray"), "shape": (count,), "order": "C"}
    return made("joblib.numpy_pickle:NumpyArrayWrapper", state | {"dtype": of, "allow_mmap": False})


def lying_dtypes() -> Iterator[Case]:
    """Flags and offsets are what a loader trusts; the code is what a reader sees."""
    an_object, number = called("numpy:dtype", "O"), called("numpy:dtype", "i8")
    lies = {
        "flags": dtype("i8", (3, "<", None, None, None, -1, -1, 63)),
        "size": dtype("i8", (3, "<", None, None, None, 1, 1, 0)),
        "hidden-object": void({"f": (an_object, 0)}, 8, 0),
        "hidden-subarray": dtype("V8", (3, "|", (an_object, (1,)), None, None, 8, 1, 0)),
        "beyond": void({"f": (number, 10**9)}, 8, 0),
        "before": void({"f": (number, -8)}, 8, 0),
        "over-an-object": void({"f": (an_object, 0), "g": (number, 0)}, 8, 27),
        "no-object": void({"f": (number, 0)}, 8, 63),
        "nameless": dtype("V8", (3, "|", None, ("a",), {"b": (number, 0)}, 8, 1, 0)),
        "subarray-size": dtype("V8", (3, "|", (number, (9,)), None, None, 8, 1, 0)),
    }
    call = short("posix") + short("system") + b"\x93" + value((SHELL,)) + b"R."
    call += b"N" * (-len(call) % 8)
    for name, it in lies.items():
        yield Case(f"dtype-{name}", "a.pkl", pickled(array(it, b"\1" * 8)))
        scalar = called("numpy.core.multiarray:scalar", it, b"\1" * 8)
        yield Case(f"dtype-{name}-scalar", "a.pkl", pickled(scalar))
        noise = wrapped(called("numpy:dtype", "u1"), 8).code + b"\xff" * 8 + b"0"
        data = b"\x80\x02" + noise + wrapped(it, len(call) // 8).code + call + b"."
        yield Case(f"dtype-{name}-joblib", "a.joblib", data)
    array_ = wrapped(called("numpy:dtype", "u1"), len(call)).code + call + b"."
    yield Case("hidden-without-a-beginning", "a.joblib", b"\x80\x02" + array_)


def handed_on() -> Iterator[Case]:
    """A function that does what its arguments say, kept where another may call it."""
    for name in ("builtins:getattr", LOAD, "copyreg:_reconstructor", "_codecs:encode"):
        it = named(name)
        kept = {
            "list": [it],
            "tuple": (it,),
            "pair": ("a", (it, 1)),
            "value": {"a": it},
            "exception": called("builtins:ValueError", it),
            "predict": made("sklearn.svm._classes:SVC", {"predict": it}),
        }
        for where, holder in kept.items():
            yield Case(f"kept-{name}-{where}", "a.pkl", pickled(value(holder)))
        error = b"(" + named("builtins:ValueError").code + it.code + b"o"
        yield Case(f"kept-{name}-obj", "a.pkl", pickled(error))
        yield Case(f"kept-{name}-append", "a.pkl", b"\x80\x04]" + it.code + b"a.")
        yield Case(f"kept-{name}-set", "a.pkl", b"\x80\x04\x8f(" + it.code + b"\x90.")


def bags() -> Iterator[Case]:
    """Items that are attributes, and items for what takes none of their kind."""
    for path in ("sklearn.utils._bunch:Bunch", "pytorch_lightning.utilities.parsing:AttributeDict"):
        bag = named(path).code + b")\x81"
        for key in ("__setstate__", "__array_interface__", "__getattr__", "append"):
            code = bag + short(key) + b"K\x01s"
            yield Case(f"bag-{path}-{key}", "a.pkl", pickled(Raw(code)))
            computed = called("builtins:str", key)
            code = bag + computed.code + b"K\x01s"
            yield Case(f"bag-{path}-{key}-computed", "a.pkl", pickled(Raw(code)))
    for path, step in (
        ("collections:OrderedDict", b"K\x01a"),
        ("collections:Counter", b"(K\x01e"),
        ("collections:ChainMap", b"(K\x01\x90"),
        ("collections:deque", b"(K\x01\x90"),
        ("builtins:set", b"K\x01a"),
        ("sklearn.utils._bunch:Bunch", b"K\x01a"),
    ):
        yield Case(f"filled-{path}", "a.pkl", pickled(Raw(called(path).code + step)))


def only_named() -> Iterator[Case]:
    """`type` makes a class of any bases and methods."""
    arguments = value(("X", (), {}))
    kind = named("builtins:type").code
    yield Case("type-reduce", "a.pkl", pickled(Raw(kind + arguments + b"R")))
    yield Case("type-newobj", "a.pkl", pickled(Raw(kind + arguments + b"\x81")))
    yield Case("type-newobj-ex", "a.pkl", pickled(Raw(kind + arguments + b"}\x92")))
    yield Case("type-obj", "a.pkl", pickled(Raw(b"(" + kind + text_of("X") + b")}o")))
    yield Case("type-inst", "a.pkl", pickled(Raw(b"(" + text_of("X") + b")}ibuiltins\ntype\n")))
    plain = b"cposix\nsystem\n" + value((SHELL,)) + b"R."
    yield Case("behind-a-number", "notes.txt", b"I1\n." + plain)
    yield Case("persistent-without-protocol", "a.pkl", b"Pos.system\n.")
    keywords = named("decimal:Decimal").code + b")" + value({"value": "1"}) + b"\x92"
    yield Case("keywords", "a.pkl", pickled(Raw(keywords)))


def bombs() -> Iterator[Case]:
    """Few bytes that take a memory or a day."""
    big = 2**31 - 1
    far = called("builtins:range", 0, big)
    index = called("pandas:RangeIndex", 0, big)
    rows = {"start": 0, "stop": Raw(b"\x8a\x06" + (10**12).to_bytes(6, "little")), "step": 1}
    shape = (big, 1000)
    made_ = {
        "fraction": called("fractions:Fraction", "1e1000000000"),
        "fraction-decimal": called("fractions:Fraction", called("decimal:Decimal", "1e999999")),
        "int": called("builtins:int", called("decimal:Decimal", "1e9999999999")),
        "int-digits": called("builtins:int", "9" * 50_000, 16),
        "str": called("builtins:str", [1, 2]),
        "bytes": called("builtins:bytes", 1 << 19),
        "bytearray": called("builtins:bytearray", 1 << 19),
        "bytes-new": Raw(named("builtins:bytes").code + value((big,)) + b"\x81"),
        "reconstructor": called(
            "copyreg:_reconstructor", named("uuid:UUID"), named("builtins:bytes"), big
        ),
        "series": called("pandas:Series", far),
        "series-index": called("pandas:Series", index),
        "index-new": Raw(named("pandas:Index").code + value((far,)) + b"\x81"),
        "rows": called(
            "pandas.core.indexes.base:_new_Index", named("pandas:RangeIndex"), Raw(value(rows))
        ),
        "frame": called("pandas:DataFrame", 0, far, [1]),
        "frame-plain": called("pandas:DataFrame", 0, [1], [1]),
        "categorical": called("pandas:Categorical", far),
        "sparse": called("scipy.sparse._csr:csr_matrix", shape),
        "array": called("array:array", "d", far),
        "array-short": called("array:array", "d", called("builtins:range", 9)),
        "range": Raw(value([far])),
        "size": called("torch:Size", called("builtins:range", 9)),
        "tensor": called("torch:Tensor", 10**6, 10**6),
        "tree": called("sklearn.tree._tree:Tree", 1, 1, big),
        "scalar": called(
            "numpy.core.multiarray:scalar", called("numpy:dtype", "V2000000000"), None
        ),
        "scalar-size": called("numpy.core.multiarray:scalar", called("numpy:dtype", "f8"), b"1"),
        "shape": called(
            "numpy.core.multiarray:_reconstruct", named("numpy:ndarray"), (1 << 19,), b"b"
        ),
        "dtype-of-a-path": called("numpy:dtype", named("pathlib:Path")),
    }
    for name, it in made_.items():
        yield Case(f"expands-{name}", "a.pkl", pickled(it))
    laughs = b"K\x01\x85q\x00" + b"".join(
        b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(40)
    )
    for name in ("set", "frozenset"):
        kind = named(f"builtins:{name}").code
        yield Case(f"expands-{name}", "a.pkl", pickled(Raw(kind + b"(](" + laughs + b"etR")))
    pair = named("collections:OrderedDict").code + b"(](](h(K\x01eetR"
    pair = laughs + b"0" * 41 + pair
    yield Case("expands-ordered", "a.pkl", pickled(Raw(pair)))


def keepers() -> Iterator[Case]:
    """What runs a function of its state, with one that acts."""
    for path, key in (
        ("sklearn.preprocessing._function_transformer:FunctionTransformer", "func"),
        ("sklearn.metrics._scorer:_Scorer", "_score_func"),
        ("scipy.interpolate._interpolate:interp1d", "_call"),
        ("scipy.stats._kde:gaussian_kde", "covariance_factor"),
    ):
        for function in ("os:system", LOAD, "pathlib:Path", "builtins:bytearray", "numpy:load"):
            it = made(path, {key: named(function)})
            yield Case(f"keeps-{path}-{function}", "a.pkl", pickled(it))
    away = called("builtins:getattr", named("scipy.interpolate._interpolate:interp1d"), "__init__")
    yield Case("interpolate-attribute", "a.pkl", pickled(away))
    frozen = made("scipy.stats._continuous_distns:norm_gen", {"_parse_arg_template": "1"})
    yield Case("frozen-distribution", "a.pkl", pickled(frozen))


def states() -> Iterator[Case]:
    """A state that is a dict of its own class: its items are attributes as much."""
    bag = Raw(called("collections:OrderedDict").code + short("x") + b"K\x01s")
    for path in ("types:SimpleNamespace", "sklearn.svm._classes:SVC"):
        yield Case(f"state-dict-{path}", "a.pkl", pickled(made(path, bag)))
        yield Case(f"state-slots-{path}", "a.pkl", pickled(made(path, (None, bag))))
    rebuild, base = named("torch._utils:_rebuild_tensor_v2"), named("torch:Tensor")
    for state in ({"__class__": 1}, (None, {"__class__": 1})):
        kind = type(state).__name__
        it = called("torch._tensor:_rebuild_from_type_v2", rebuild, base, (), state)
        yield Case(f"state-torch-{kind}", "a.pkl", pickled(it))
        it = called("torch._utils:_rebuild_parameter_with_state", 1, True, (), state)
        yield Case(f"state-parameter-{kind}", "a.pkl", pickled(it))
    yield Case("memo-without-protocol", "a.pkl", b"Np" + b"9" * 19 + b"\n.")
