"""Which globals a pickle may name, and what it may do with them.

Rules
1. What is not here is denied. A name is matched whole: no prefix, no pattern.
2. `value` may only stand there. `make` may be made without arguments that its `__init__` sees, and
   given a state. `call` may be called with any values that the pickle holds.
3. What is here runs no code, opens no file and imports no name that its arguments choose; where an
   argument could make it do so, `arguments.py` says which are allowed.
"""

from typing import Literal

from tollway.pins.weights.pickles.science import (
    FUNCTIONS,
    INTERPOLATES,
    PANDAS,
    SCIPY,
    SKLEARN,
    WAYS,
)
from tollway.pins.weights.pickles.values import Name

Use = Literal["value", "make", "call"]

_VALUES = {
    "builtins": "int float str bytes bool complex object type Ellipsis NotImplemented",
    "numpy": (
        "float16 float32 float64 float128 longdouble int8 int16 int32 int64 uint8 uint16 uint32 "
        "uint64 intc intp longlong ulonglong complex64 complex128 bool_ bool str_ bytes_ void "
        "object_ datetime64 timedelta64 exp log log1p expm1 sqrt mean median nan record generic "
        "number integer floating"
    ),
    "torch": (
        "float16 float32 float64 bfloat16 half float double int8 uint8 int16 int32 int64 short int "
        "long bool complex32 complex64 complex128 float8_e4m3fn float8_e5m2 float8_e4m3fnuz "
        "float8_e5m2fnuz float8_e8m0fnu uint16 uint32 uint64 quint8 qint8 qint32 quint4x2 quint2x4 "
        "strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc contiguous_format "
        "channels_last channels_last_3d preserve_format per_tensor_affine per_channel_affine "
        "FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage "
        "ShortStorage CharStorage ByteStorage BoolStorage ComplexFloatStorage "
        "ComplexDoubleStorage QUInt8Storage QInt8Storage QInt32Storage QUInt4x2Storage "
        "QUInt2x4Storage Storage UntypedStorage"
    ),
    "torch.cuda": (
        "FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage "
        "ShortStorage CharStorage ByteStorage BoolStorage"
    ),
    "torch.storage": "UntypedStorage TypedStorage _UntypedStorage _TypedStorage",
    "torch.nn.functional": "relu gelu silu tanh",
    "torch._C._nn": "gelu silu",
    "sklearn.cluster._kmeans": "_kmeans_single_lloyd _kmeans_single_elkan",
    "sklearn.feature_selection._univariate_selection": (
        "f_classif f_regression chi2 f_oneway r_regression"
    ),
    "numpy.random._generator": "Generator",
    "numpy.random.mtrand": "RandomState",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "pytorch_lightning.callbacks.model_checkpoint": "ModelCheckpoint",
    "pytorch_lightning.callbacks.early_stopping": "EarlyStopping",
    "lightning.pytorch.callbacks.model_checkpoint": "ModelCheckpoint",
}

_MODULES = (
    "container:Sequential ModuleList ModuleDict ParameterList ParameterDict;"
    "linear:Linear Bilinear Identity NonDynamicallyQuantizableLinear;"
    "conv:Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d;"
    "batchnorm:BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm;"
    "instancenorm:InstanceNorm1d InstanceNorm2d InstanceNorm3d;"
    "normalization:LayerNorm GroupNorm LocalResponseNorm RMSNorm;"
    "activation:ReLU ReLU6 GELU SiLU Sigmoid Tanh Softmax LogSoftmax LeakyReLU ELU SELU PReLU "
    "Hardtanh Hardswish Hardsigmoid Mish Softplus GLU MultiheadAttention Softmax2d CELU;"
    "dropout:Dropout Dropout1d Dropout2d Dropout3d AlphaDropout;"
    "pooling:MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d AdaptiveAvgPool1d "
    "AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d;"
    "sparse:Embedding EmbeddingBag;rnn:RNN LSTM GRU LSTMCell GRUCell RNNCell;"
    "transformer:Transformer TransformerEncoder TransformerDecoder TransformerEncoderLayer "
    "TransformerDecoderLayer;flatten:Flatten Unflatten;upsampling:Upsample;"
    "padding:ZeroPad2d ReflectionPad2d ReplicationPad2d ConstantPad2d;"
    "pixelshuffle:PixelShuffle PixelUnshuffle;"
    "loss:CrossEntropyLoss MSELoss BCELoss BCEWithLogitsLoss NLLLoss L1Loss SmoothL1Loss"
)

_MAKES = {
    **SKLEARN,
    **{
        f"torch.nn.modules.{place}": names
        for place, _, names in (row.partition(":") for row in _MODULES.split(";"))
    },
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "lightning_fabric.utilities.data": "AttributeDict",
    "lightning.fabric.utilities.data": "AttributeDict",
    "pytorch_lightning.utilities.parsing": "AttributeDict",
    "lightning.pytorch.utilities.parsing": "AttributeDict",
    "numpy": "ndarray matrix recarray poly1d",
    "numpy.ma": "MaskedArray",
    "numpy.ma.core": "MaskedArray",
    "numpy.matrixlib.defmatrix": "matrix",
    "numpy.polynomial.polynomial": "Polynomial",
    "numpy.random.bit_generator": "SeedSequence",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._sfc64": "SFC64",
    "numpy.rec": "recarray",
    "transformers.training_args": "TrainingArguments",
    "transformers.training_args_seq2seq": "Seq2SeqTrainingArguments",
}

_CALLS = {
    "_codecs": "encode",
    "array": "_array_reconstructor array",
    "builtins": (
        "set frozenset list dict tuple bytearray bytes complex slice range int float str bool "
        "object getattr"
    ),
    "collections": "OrderedDict defaultdict Counter deque ChainMap",
    "copyreg": "_reconstructor",
    "datetime": "date datetime time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "ipaddress": "IPv4Address IPv6Address",
    "numpy": "dtype",
    "numpy._core._internal": "_convert_to_stringdtype_kwargs",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy.core.numeric": "_frombuffer",
    "numpy.ma.core": "_mareconstruct",
    "numpy.random._pickle": "__bit_generator_ctor __generator_ctor __randomstate_ctor",
    "numpy.random.bit_generator": "__pyx_unpickle_SeedSequence",
    "pandas": "Interval Period Timestamp NA",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas._libs.internals": "_unpickle_block",
    "pandas._libs.interval": "Interval __pyx_unpickle_IntervalMixin",
    "pandas._libs.missing": "_get_na NA NAType",
    "pandas._libs.sparse": "IntIndex BlockIndex",
    "pandas._libs.tslibs.nattype": "_nat_unpickle",
    "pandas._libs.tslibs.offsets": (
        "BusinessDay BusinessHour BusinessMonthBegin BusinessMonthEnd Day Hour Minute Second Milli "
        "Micro Nano MonthBegin MonthEnd QuarterBegin QuarterEnd YearBegin YearEnd Week "
        "WeekOfMonth SemiMonthBegin SemiMonthEnd BQuarterEnd BYearEnd DateOffset"
    ),
    "pandas._libs.tslibs.period": "Period",
    "pandas._libs.tslibs.timedeltas": "_timedelta_unpickle",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp",
    "pandas.core.indexes.base": "_new_Index",
    "pandas.core.indexes.datetimes": "_new_DatetimeIndex",
    "pandas.core.indexes.period": "_new_PeriodIndex",
    "pandas.core.indexes.timedeltas": "_new_TimedeltaIndex",
    "pandas.core.internals.blocks": "new_block",
    "pathlib": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    "pathlib._local": "PosixPath WindowsPath PurePosixPath PureWindowsPath",
    "pytz": "_UTC _p",
    "re": "_compile",
    "sklearn.metrics._dist_metrics": "newObj",
    "sklearn.neighbors._ball_tree": "newObj",
    "sklearn.neighbors._kd_tree": "newObj",
    "sklearn.tree._tree": "Tree",
    "torch": "Size device Tensor",
    "torch._tensor": "_rebuild_from_type_v2",
    "torch._utils": (
        "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter "
        "_rebuild_parameter_with_state _rebuild_sparse_tensor _rebuild_sparse_csr_tensor "
        "_rebuild_qtensor _rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy "
        "_rebuild_nested_tensor"
    ),
    "torch.nn.parameter": "Parameter Buffer",
    "torch.serialization": "_get_layout",
    "torch.storage": "_load_from_bytes",
    "transformers.trainer_utils": "IntervalStrategy SchedulerType HubStrategy SaveStrategy",
    "transformers.training_args": "OptimizerNames",
    "uuid": "UUID SafeUUID",
    "zoneinfo": "ZoneInfo._unpickle",
}
# Those of pandas' classes that its pickles give arguments; a frame or an array could expand them.
_ENDINGS = (
    *("Dtype", "Interval", "Period", "Timedelta", "Timestamp", "IntIndex", "BlockIndex"),
    *("Manager", "FrozenList"),
)
_GIVEN = {
    module: " ".join(it for it in names.split() if it.endswith(_ENDINGS))
    for module, names in PANDAS.items()
}
# Compiled classes that give themselves back by a call.
_COMPILED = ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast")

# Python 2's names, as a pickle of protocol 2 or less may still say them.
_OLD = {
    "copy_reg": "copyreg",
    "__builtin__": "builtins",
    "UserDict": "collections",
}
_OLD_NAMES = {"unicode": "str", "long": "int", "xrange": "range", "basestring": "str"}
_ERRORS = "ValueError TypeError KeyError IndexError RuntimeError AttributeError OSError Exception"


def _flat(table: dict[str, str], use: Use) -> dict[Name, Use]:
    return {Name(module, name): use for module, names in table.items() for name in names.split()}


ALLOWED: dict[Name, Use] = (
    _flat(_VALUES, "value")
    | _flat(FUNCTIONS, "value")
    | _flat(
        {it: " ".join(f"interp1d.{way}" for way in WAYS.split()) for it in INTERPOLATES}, "value"
    )
    | _flat(SCIPY | PANDAS, "make")
    | _flat(_GIVEN, "call")
    | _flat(_MAKES, "make")
    | _flat(_CALLS, "call")
    | _flat({module: SKLEARN[module] for module in _COMPILED} | {"builtins": _ERRORS}, "call")
    | _flat({"zoneinfo": "ZoneInfo"}, "value")
)


# What a loader of TorchScript may name, where that is allowed: classes of the archive's own code.
TORCHSCRIPT = "__torch__"
_SCRIPT = {
    Name("torch.jit._pickle", it)
    for it in (
        "build_intlist",
        "build_tensorlist",
        "build_doublelist",
        "build_boollist",
        "build_tensor_from_id",
        "restore_type_tag",
    )
}


def modern(name: Name) -> Name:
    """A name as Python 3 has it."""
    if name.module == "__builtin__":
        return Name("builtins", _OLD_NAMES.get(name.name, name.name))
    if name.module == "exceptions":
        return Name("builtins", name.name)
    return Name(_OLD.get(name.module, name.module), name.name)


def use_of(name: Name, more: frozenset[str]) -> Use | None:
    """What a pickle may do with a global: None where it may not even name it. `more` are those
    that the user allows, as `module.name`."""
    known = ALLOWED.get(modern(name))
    if known is not None:
        return known
    if TORCHSCRIPT in more and (name.module.split(".")[0] == "__torch__" or name in _SCRIPT):
        return "call"
    return "call" if str(name) in more or str(modern(name)) in more else None
