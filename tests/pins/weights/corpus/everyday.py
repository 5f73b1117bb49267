"""Files of everyday work with scikit-learn, SciPy, pandas and joblib, which pass."""

from collections.abc import Iterator

import numpy as np
from weights.corpus.attacks import array, dtype, made, void, wrapped
from weights.corpus.case import Case
from weights.corpus.opcodes import Raw, called, named, pickled, value

SPLIT = "sklearn.model_selection._split"
SPLITTERS = (
    *("KFold", "StratifiedKFold", "GroupKFold", "ShuffleSplit", "StratifiedShuffleSplit"),
    *("TimeSeriesSplit", "StratifiedGroupKFold", "GroupShuffleSplit", "LeaveOneOut", "LeavePOut"),
    "PredefinedSplit",
)


def cases() -> Iterator[Case]:
    yield from splitters()
    yield from functions()
    yield from structured()
    yield from frames()


def splitters() -> Iterator[Case]:
    state = {"n_splits": 5, "shuffle": True, "random_state": 0}
    for name in SPLITTERS:
        yield Case(f"sklearn-{name}", "m.pkl", pickled(made(f"{SPLIT}:{name}", state)))
    for name in ("RepeatedKFold", "RepeatedStratifiedKFold"):
        kind = named(f"{SPLIT}:{name.removeprefix('Repeated')}")
        it = made(f"{SPLIT}:{name}", {"cv": kind, "n_repeats": 3, "cvargs": {"n_splits": 5}})
        yield Case(f"sklearn-{name}", "m.pkl", pickled(it))
    cv = made(f"{SPLIT}:StratifiedKFold", state)
    scorer = made("sklearn.metrics._scorer:_PassthroughScorer", {"_estimator": 1})
    search = {"cv": cv, "refit": True, "scorer_": scorer}
    grid = made("sklearn.model_selection._search:GridSearchCV", search)
    yield Case("sklearn-grid", "m.pkl", pickled(grid))


def functions() -> Iterator[Case]:
    path = "sklearn.preprocessing._function_transformer:FunctionTransformer"
    for name, it in {
        "none": None,
        "ufunc": named("numpy:log1p"),
        "log10": named("numpy:log10"),
    }.items():
        state = {"func": it, "inverse_func": None, "kw_args": None, "validate": False}
        yield Case(f"sklearn-function-{name}", "m.pkl", pickled(made(path, state)))
    scorer = {"_score_func": named("sklearn.metrics._classification:accuracy_score"), "_sign": 1}
    it = made("sklearn.metrics._scorer:_Scorer", scorer)
    yield Case("sklearn-scorer", "m.pkl", pickled(it))
    chosen = {"pattern": None, "dtype_include": named("builtins:object"), "dtype_exclude": None}
    it = made("sklearn.compose._column_transformer:make_column_selector", chosen)
    yield Case("sklearn-selector", "m.pkl", pickled(it))
    inter = "scipy.interpolate._interpolate:interp1d"
    way = called("builtins:getattr", named(inter), "_call_linear_np")
    yield Case("scipy-interpolate-2", "m.pkl", pickled(made(inter, {"_call": way}), 2))
    way = named(f"{inter}._call_linear_np")
    yield Case("scipy-interpolate-4", "m.pkl", pickled(made(inter, {"_call": way})))
    yield Case("scipy-kde", "m.pkl", pickled(made("scipy.stats._kde:gaussian_kde", {"d": 1})))


def structured() -> Iterator[Case]:
    """Fields, arrays within fields, records, alignment: in a pickle and as joblib writes them."""
    two = dtype("V8", (3, "|", (called("numpy:dtype", "f4"), (2,)), None, None, 8, 1, 0))
    number, text = dtype("i4", (3, "<", None, None, None, -1, -1, 0)), dtype("S3")
    record = Raw(
        called("numpy:dtype", named("numpy:record"), False, True).code
        + value((3, "|", None, ("a",), {"a": (number, 0)}, 8, 1, 16))
        + b"b"
    )
    kinds = {
        "subarray": void({"a": (two, 0)}, 8, 16),
        "fields": void({"a": (number, 0), "b": (text, 4)}, 8, 16),
        "aligned": void({"a": (number, 4)}, 8, 144),
        "overlap": void({"a": (number, 0), "b": (two, 0)}, 8, 16),
        "record": record,
        "big-endian": dtype("f8", (3, ">", None, None, None, -1, -1, 0)),
        "date": dtype("M8", (4, "<", None, None, None, -1, -1, 0, (None, (b"D", 1, 1, 1)))),
        "text": dtype("U2", (3, "<", None, None, None, 8, 4, 8)),
    }
    block = np.arange(3, dtype="f8").tobytes()
    for name, it in kinds.items():
        yield Case(f"np-dtype-{name}", "m.pkl", pickled(array(it, block)))
        data = b"\x80\x04" + wrapped(it, 3).code + block + b"."
        yield Case(f"joblib-dtype-{name}", "m.joblib", data)


def frames() -> Iterator[Case]:
    yield Case("pd-na-name", "m.pkl", pickled(named("pandas:NA")))
    kept = called("pandas:StringDtype", "python", named("pandas:NA"))
    yield Case("pd-strings-na", "m.pkl", pickled(kept))
    rows = {"name": None, "start": 0, "stop": 10**9, "step": 1}
    index = called("pandas.core.indexes.base:_new_Index", named("pandas:RangeIndex"), rows)
    yield Case("pd-rows", "m.pkl", pickled(index))
    indices = {"indices": called("builtins:range", 1_281_167)}
    yield Case("range-of-a-set", "m.pkl", pickled(made("types:SimpleNamespace", indices)))
