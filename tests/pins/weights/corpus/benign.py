"""Files that pass when their format is allowed."""

import collections
import datetime
import decimal
import fractions
import io
import json
import pathlib
import pickle
import struct
import uuid
import zoneinfo
from collections.abc import Iterator

import numpy as np
import pandas as pd
from weights.corpus import containers as made
from weights.corpus import everyday
from weights.corpus.case import Case
from weights.corpus.opcodes import Raw, called, named, pickled, value

BLOCK = np.arange(12, dtype=np.float64).reshape(3, 4)


def cases() -> Iterator[Case]:
    yield from python()
    yield from numpys()
    yield from frames()
    yield from torches()
    yield from joblibs()
    yield from estimators()
    yield from archives()
    yield from structures()
    yield from templates()
    yield from graphs()
    yield from texts()
    yield from everyday.cases()


PYTHON = {
    "plain": {"a": [1, 2.5, "x", None, True, b"raw"], "b": (1, (2, 3)), "c": {"d": {1, 2}}},
    "ordered": collections.OrderedDict(a=1, b=[1, 2]),
    "defaults": collections.defaultdict(list, a=[1]),
    "counter": collections.Counter("abracadabra"),
    "deque": collections.deque([1, 2, 3], 10),
    "dates": [datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), datetime.date(2026, 1, 2)],
    "zone": datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
    "delta": datetime.timedelta(3),
    "numbers": [decimal.Decimal("1.5"), fractions.Fraction(1, 3), 2**200, -1, 1.5, 1j],
    "names": [uuid.UUID(int=5), pathlib.PurePosixPath("a/b")],
    "sets": [frozenset([1, 2]), {3}, bytearray(b"x"), range(5), slice(1, 2)],
    "types": [int, str, dict, list],
}


def python() -> Iterator[Case]:
    for name, it in PYTHON.items():
        for protocol in range(6):
            yield Case(f"py-{name}-{protocol}", "m.pkl", pickle.dumps(it, protocol))


NUMPY = {
    "array": BLOCK,
    "objects": np.array([1, "x", None, [2]], dtype=object),
    "fields": np.zeros(3, dtype=[("a", "i4"), ("b", "U5"), ("c", "O")]),
    "scalar": np.float32(1.5),
    "strings": np.array(["ab", "c"]),
    "dates": np.array(["2026-01-01"], dtype="M8[D]"),
    "fortran": np.asfortranarray(BLOCK),
    "masked": np.ma.masked_array([1, 2], mask=[False, True]),
    "generator": np.random.default_rng(0),
    "state": np.random.RandomState(0),
    "records": np.rec.fromrecords([(1, 2.0)]),
    "dtype": np.dtype("f4"),
    "class": np.float32,
}


def numpys() -> Iterator[Case]:
    for name, it in NUMPY.items():
        for protocol in (2, 4, 5):
            data = pickle.dumps(it, protocol)
            yield Case(f"np-{name}-{protocol}", "m.pkl", data)
            old = data.replace(b"numpy._core", b"numpy.core")
            if protocol == 2 and old != data:
                yield Case(f"np-{name}-old", "m.pkl", old)
    for name in ("array", "objects", "fields", "strings", "dates", "fortran"):
        out = io.BytesIO()
        np.save(out, NUMPY[name], allow_pickle=True)
        yield Case(f"npy-{name}", "m.npy", out.getvalue())
    for name, save in (("npz", np.savez), ("npz-packed", np.savez_compressed)):
        out = io.BytesIO()
        save(out, a=BLOCK, b=NUMPY["objects"], c=NUMPY["strings"])
        yield Case(name, "m.npz", out.getvalue())


def frames() -> Iterator[Case]:
    frame = pd.DataFrame(
        {
            "a": [1, 2],
            "b": ["x", "y"],
            "c": pd.to_datetime(["2025", "2026"]),
            "d": pd.Categorical(["q", "r"]),
            "e": pd.array([1, None], dtype="Int64"),
            "f": pd.to_timedelta([1, 2]),
            "g": pd.to_datetime(["2025", "2026"], utc=True),
        }
    )
    held = {
        "frame": frame,
        "series": frame["a"],
        "indexed": frame.set_index(["a", "b"]),
        "period": pd.Series(pd.period_range("2026", periods=2, freq="M")),
        "stamp": [pd.Timestamp("2026"), pd.Timedelta(1), pd.NaT, pd.NA],
    }
    for name, it in held.items():
        for protocol in (2, 4, 5):
            yield Case(f"pd-{name}-{protocol}", "m.pkl", pickle.dumps(it, protocol))
    for ending in ("gz", "bz2", "xz"):
        yield Case(f"pd-{ending}", f"m.pkl.{ending}", made.PACKERS[ending](pickle.dumps(frame)))
    yield Case("pd-zip", "m.zip", made.zipped({"m.pkl": pickle.dumps(frame)}, 8))
    yield Case("pd-tar", "m.tar", made.tarred({"m.pkl": pickle.dumps(frame)}))


def storage(key: str, count: int, kind: str = "FloatStorage") -> Raw:
    return Raw(value(("storage", named(f"torch:{kind}"), key, "cpu", count)) + b"Q")


def tensor(key: str, *shape: int, kind: str = "FloatStorage", legacy: bool = False) -> Raw:
    count = int(np.prod(shape))
    stride = tuple(int(np.prod(shape[it + 1 :])) for it in range(len(shape)))
    at = Raw(value(("storage", named(f"torch:{kind}"), key, "cpu", count, None)) + b"Q")
    hooks = called("collections:OrderedDict")
    first = at if legacy else storage(key, count, kind)
    return called("torch._utils:_rebuild_tensor_v2", first, 0, shape, stride, False, hooks)


def ordered(rows: dict[str, object]) -> Raw:
    return Raw(called("collections:OrderedDict").code + value(rows)[1:])


def torches() -> Iterator[Case]:
    one = ordered({"w": tensor("0", 2, 2), "b": tensor("1", 2)})
    data = {"0": np.ones(4, np.float32).tobytes(), "1": np.ones(2, np.float32).tobytes()}
    yield Case("torch-state", "pytorch_model.bin", made.torch_zip(pickled(one, 2), data))
    whole = {"epoch": 3, "model": one, "optimizer": {"state": {0: {"step": tensor("1", 2)}}}}
    yield Case("torch-checkpoint", "m.ckpt", made.torch_zip(pickled(value(whole), 2), data))
    for kind, size in {
        "Half": 2,
        "BFloat16": 2,
        "Long": 8,
        "Double": 8,
        "Byte": 1,
        "Bool": 1,
    }.items():
        it = pickled(value({"w": tensor("0", 4, kind=f"{kind}Storage")}), 2)
        yield Case(f"torch-{kind}", "m.pt", made.torch_zip(it, {"0": bytes(4 * size)}))
    random = np.random.default_rng(5).bytes(100_000)
    it = pickled(value({"w": tensor("0", 25_000)}), 2)
    yield Case("torch-random", "m.pt", made.torch_zip(it, {"0": random}))
    parameter = called(
        "torch._utils:_rebuild_parameter",
        tensor("0", 2, 2),
        True,
        called("collections:OrderedDict"),
    )
    yield Case("torch-parameter", "m.pt", made.torch_zip(pickled(value({"w": parameter}), 2), data))
    typed = value(
        {
            "dtype": named("torch:float16"),
            "device": called("torch:device", "cpu"),
            "s": called("torch:Size", (1, 2)),
        }
    )
    yield Case("torch-values", "m.pt", made.torch_zip(pickled(typed, 2)))
    linear = Raw(
        named("torch.nn.modules.linear:Linear").code
        + b")\x81"
        + value({"training": True, "in_features": 2, "_parameters": ordered({"w": parameter})})
        + b"b"
    )
    yield Case("torch-module", "m.pt", made.torch_zip(pickled(linear, 2), data))
    legacy = ordered({"w": tensor("94", 2, 2, legacy=True)})
    block = np.ones(4, np.float32)
    yield Case("torch-legacy", "m.pth", made.torch_legacy(pickled(legacy, 2), ["94"], [block]))
    two = ordered(
        {"w": tensor("1", 4, legacy=True), "v": tensor("2", 3, kind="LongStorage", legacy=True)}
    )
    arrays = [np.ones(4, np.float32), np.ones(3, np.int64)]
    yield Case("torch-legacy-two", "m.pth", made.torch_legacy(pickled(two, 2), ["1", "2"], arrays))
    row = pickled(value(("1", "cpu", named("torch:FloatStorage"))), 2)
    storages = pickled(value(1), 2) + row + struct.pack("<q", 4) + bytes(16) + pickled(value([]), 2)
    kept = pickled(value((5, "1", None)), 2)
    tensors = (
        pickled(value(1), 2) + kept + struct.pack("<i", 1) + bytes(4) + struct.pack("<qqq", 4, 1, 0)
    )
    tar = {
        "sys_info": made.SYSTEM,
        "pickle": pickled(value({}), 2),
        "storages": storages,
        "tensors": tensors,
    }
    yield Case("torch-tar", "m.pt", made.tarred(tar))
    held = called("torch.storage:_load_from_bytes", made.torch_zip(pickled(one, 2), data))
    yield Case("torch-in-pickle", "m.pkl", pickled(value({"t": held})))
    arguments = {"cmd": called("argparse:Namespace"), "rng": pickle_of(np.random.RandomState(1))}
    yield Case("torch-numpy-state", "m.pt", made.torch_zip(pickled(value({"x": arguments["rng"]}))))


def pickle_of(it: object) -> Raw:
    return Raw(pickle.dumps(it, 2)[2:-1])


def joblibs() -> Iterator[Case]:
    yield Case("joblib-one", "m.joblib", made.joblib([BLOCK]))
    yield Case("joblib-two", "m.joblib", made.joblib([BLOCK, np.arange(7, dtype=np.float64)]))
    yield Case("joblib-none", "m.joblib", made.joblib([]))
    random = np.random.default_rng(7).random(20_000)
    yield Case("joblib-random", "m.joblib", made.joblib([random]))
    for ending, pack in made.PACKERS.items():
        yield Case(f"joblib-{ending}", "m.joblib", pack(made.joblib([BLOCK])))
    state = (3, "|", None, None, None, -1, -1, 63)
    inner = pickle.dumps(np.array([1, "x"], dtype=object), 4)
    objects = made.wrapper((2,), "O8", state, True)
    yield Case("joblib-objects", "m.joblib", b"\x80\x04](" + objects + inner + b"e.")


def estimators() -> Iterator[Case]:
    rows = {
        "linear": ("sklearn.linear_model._logistic:LogisticRegression", {"C": 1.0, "coef_": 1}),
        "scaler": ("sklearn.preprocessing._data:StandardScaler", {"with_mean": True}),
        "pipeline": ("sklearn.pipeline:Pipeline", {"steps": [("a", 1)], "memory": None}),
        "forest": ("sklearn.ensemble._forest:RandomForestClassifier", {"n_estimators": 5}),
    }
    for name, (path, state) in rows.items():
        it = Raw(named(path).code + b")\x81" + value(state) + b"b")
        yield Case(f"sklearn-{name}", "m.pkl", pickled(it))
    tree = called("sklearn.tree._tree:Tree", 4, pickle_of(np.array([2])), 1)
    yield Case("sklearn-tree", "m.pkl", pickled(tree))
    sparse = Raw(
        named("scipy.sparse._csr:csr_matrix").code + b")\x81" + value({"_shape": (1, 1)}) + b"b"
    )
    yield Case("scipy-sparse", "m.pkl", pickled(sparse))


def archives() -> Iterator[Case]:
    files = {"config.json": b'{"model_type": "llama"}', "README.md": b"# Model\n"}
    files["model.safetensors"] = made.safetensors({"w": BLOCK})
    yield Case("zip", "m.zip", made.zipped(files))
    yield Case("zip-packed", "m.zip", made.zipped(files, 8))
    yield Case("zip-bz2", "m.zip", made.zipped(files, 12))
    yield Case("zip-lzma", "m.zip", made.zipped(files, 14))
    yield Case("tar", "m.tar", made.tarred(files))
    yield Case("tar-gz", "m.tgz", made.tarred(files, "w:gz"))
    nested = made.zipped({"a.zip": made.zipped(files), "b.tar": made.tarred(files)})
    yield Case("zip-nested", "m.zip", nested)
    nemo = {"model_config.yaml": b"_target_: nemo.collections.asr.models.EncDecCTCModel\n"}
    nemo["model_weights.ckpt"] = made.torch_zip(pickled(value({}), 2))
    yield Case("nemo", "m.nemo", made.tarred(nemo))
    yield Case("nemo-gz", "m.nemo", made.tarred(nemo, "w:gz"))


def structures() -> Iterator[Case]:
    random = np.random.default_rng(3)
    for dtype in (np.float32, np.float16, np.int64, np.uint8, np.float64):
        it = (random.random((33, 7)) * 100).astype(dtype)
        yield Case(f"st-{np.dtype(dtype)}", "m.safetensors", made.safetensors({"w": it, "v": it}))
    yield Case("st-metadata", "m.safetensors", made.safetensors({"w": BLOCK}, {"format": "pt"}))
    yield Case("st-empty", "m.safetensors", made.safetensors({}))
    zero = made.safetensors({"e": np.zeros((0, 4), np.float32), "w": BLOCK})
    yield Case("st-zero", "m.safetensors", zero)
    yield Case("st-other-name", "weights.bin", made.safetensors({"w": BLOCK}))
    keys = made.template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    texts = b"".join(made.gguf_text(f"token{it}") for it in range(100))
    keys["tokenizer.ggml.tokens"] = (9, struct.pack("<IQ", 8, 100) + texts)
    keys["general.alignment"] = (4, struct.pack("<I", 32))
    two = [("a", (32, 2), 8, 0), ("b", (4,), 0, 96)]
    yield Case("gguf", "m.gguf", made.gguf(keys, two, bytes(112)))
    yield Case("gguf-2", "m.gguf", made.gguf(keys, two, bytes(128), version=2))
    yield Case("gguf-vocabulary", "m.gguf", made.gguf(keys, []))


TEMPLATES = {
    "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "instruct": "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != "
    "(loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate!') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}{% endif %}"
    "{% endfor %}",
    "tools": "{%- macro show(tool, depth=0) -%}{%- for name, it in tool.parameters.properties | "
    "items %}{{ name }}: {{ it.type | default('any') }}{% if not loop.last %}, {% endif %}"
    "{%- endfor %}{%- endmacro -%}{%- set ns = namespace(last=-1, text='') -%}"
    "{%- for m in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}"
    "{%- if m.role == 'user' and m.content is string and not m.content.startswith('<tool>') %}"
    "{%- set ns.last = index %}{%- endif %}{%- endfor %}{{ messages[ns.last].content | trim }}"
    "{%- for tool in tools %}{{ show(tool) }}{{ tool | tojson(indent=4) }}{% endfor %}",
    "dates": "{%- if strftime_now is defined %}{%- set date = strftime_now('%d %b %Y') %}"
    "{%- else %}{%- set date = '26 Jul 2024' %}{%- endif %}{{- 'Today: ' + date + '\\n\\n' }}",
    "system": "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] %}"
    "{%- set messages = messages[1:] %}{%- else %}{%- set system = '' %}{%- endif %}"
    "{{- system.split('</think>')[-1].lstrip('\\n') if '</think>' in system else system }}",
    "generation": "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}"
    "{% endfor %}",
    "concat": "{%- set ns = namespace(result='') -%}{%- for part in text.split('x') -%}"
    "{%- set ns.result = ns.result + part.split('y')[0] -%}{%- endfor -%}{{- ns.result | trim -}}",
    "filters": "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | "
    "list | join('\\n') }}{{ '%s' | format(x) }}{{ messages | rejectattr('role', 'in', ['a']) | "
    "list | length }}",
    "format-literal": "{{ '{}: {}'.format(name, it) }}{{ '{:.2f}'.format(x) }}",
    "slices": "{%- set loop_messages = messages[1:] %}{% for m in loop_messages[::-1] %}"
    "{{ roles[m.role] }}{{ m.content[:9] }}{% set text = 'abc' %}{{ text[1:] }}{% endfor %}",
    "raw": "{# a comment #}{% raw %}{{ not.__class__ }}{% endraw %}{{- '{' -}}"
    "{{ {'a': [1, 2]}['a'][0] }}",
    "types": "{%- macro kind(spec) %}{%- set map = {'string': 'str', 'array': 'list'} %}"
    "{%- if map[spec.type] is defined %}{{ map[spec.type] }}{%- elif spec.type == 'array' %}"
    "{{- 'list[' + kind(spec['items']) + ']' }}{%- else %}{{ spec.enum | join(' | ') }}"
    "{%- endif %}{%- endmacro %}{%- for tool in tools %}{%- set tool = tool.function if "
    "tool.function is defined else tool %}{%- for name, it in tool.parameters.items() if name != "
    "'return' %}{{ '  ' * 2 }}{{ kind(it) }}{% endfor %}{% endfor %}",
    "own-names": "{% set config = messages[0] %}{% set session = namespace(count=0) %}"
    "{% set session.count = session.count + 1 %}{{ config.content }}"
    "{{ messages[loop.index0 - 1] if loop is defined else messages[-1]['content'][0:5] }}",
    "call": "{% macro m(x) %}{{ caller() }}{% endmacro %}{% call m(1) %}text{% endcall %}",
}


def templates() -> Iterator[Case]:
    for name, text in TEMPLATES.items():
        yield Case(f"jinja-{name}", "chat_template.jinja", text.encode())
        yield Case(f"gguf-{name}", "m.gguf", made.gguf(made.template(text), []))
        config = {"chat_template": text, "model_max_length": 10**30}
        yield Case(f"json-{name}", "tokenizer_config.json", json.dumps(config).encode())


def graphs() -> Iterator[Case]:
    layers = [
        {
            "module": "keras.layers",
            "class_name": "Dense",
            "config": {
                "units": 4,
                "kernel_initializer": {
                    "module": "keras.initializers",
                    "class_name": "GlorotUniform",
                    "config": {"seed": None},
                    "registered_name": None,
                },
            },
            "registered_name": None,
        },
        {"module": "keras.layers", "class_name": "ReLU", "config": {}, "registered_name": None},
    ]
    config = json.dumps(
        {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}
    )
    h5 = made.hdf5(config)
    yield Case("h5", "m.h5", h5)
    files = {
        "metadata.json": b'{"keras_version": "3.9.0"}',
        "config.json": config.encode(),
        "model.weights.h5": h5,
    }
    yield Case("keras", "m.keras", made.zipped(files))
    node = made.proto((1, "x"), (2, "y"), (4, "Relu"))
    local = made.proto((1, "x"), (2, "y"), (4, "Mine"), (7, "pkg.mine"))
    function = made.proto((1, "Mine"), (7, node), (10, "pkg.mine"))
    weights = made.proto((1, 4), (2, 1), (8, "w"), (9, bytes(16)))
    graph = made.proto((1, node), (1, local), (2, "g"), (5, weights))
    yield Case(
        "onnx",
        "m.onnx",
        made.proto((1, 8), (2, "pytorch"), (7, graph), (8, made.proto((2, 17))), (25, function)),
    )
    body = made.proto(
        *(
            (1, made.proto((1, "n"), (2, op)))
            for op in ("Const", "MatMul", "SaveV2", "RestoreV2", "StatefulPartitionedCall")
        )
    )
    yield Case("savedmodel", "saved_model.pb", made.proto((1, 1), (2, made.proto((2, body)))))
    yield Case("tflite", "m.tflite", made.tflite(9, ""))
    yield Case("tflite-known", "m.tflite", made.tflite(32, "TFLite_Detection_PostProcess"))
    yield Case(
        "coreml",
        "m.mlmodel",
        made.proto((1, 4), (2, b""), (500, made.proto((1, made.proto((1, "l"), (100, b"")))))),
    )
    piece = made.proto((1, "a")) + b"\x15" + struct.pack("<f", 1.0)
    yield Case(
        "sentencepiece",
        "tokenizer.model",
        made.proto((1, piece), (1, piece), (2, made.proto((1, "x")))),
    )
    yield Case(
        "openvino",
        "m.xml",
        b'<?xml version="1.0"?><net><layers><layer type="Relu" version="opset1"/></layers></net>',
    )


def texts() -> Iterator[Case]:
    yield Case("config", "config.json", b'{"model_type": "llama", "hidden_size": 4096}')
    tokenizer = {"model": {"type": "BPE", "vocab": {"c": 1, "os": 2}}, "added_tokens": [{"id": 0}]}
    yield Case("tokenizer", "tokenizer.json", json.dumps(tokenizer).encode())
    yield Case(
        "index", "m.index.json", b'{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'
    )
    pipeline = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
    }
    yield Case("pipeline", "model_index.json", json.dumps(pipeline).encode())
    kind = "sentence_transformers.models.Transformer"
    yield Case(
        "modules",
        "modules.json",
        json.dumps([{"idx": 0, "name": "0", "path": "1_Pooling", "type": kind}]).encode(),
    )
    yield Case(
        "readme", "README.md", b"# A model\n\n```python\nimport os\nos.system('x')\n```\n{% raw %}"
    )
    yield Case("vocabulary", "vocab.txt", b"cat\ndog\nRabbit\n[CLS]\n(i\nos\nsystem\n")
    yield Case("merges", "merges.txt", b"#version: 0.2\nc a\nt r\n")
    yield Case("word-c", "words.txt", b"collections\nOrderedDict\nRome\n")
    yield Case("yaml", "c.yaml", b"a: !!str 1\nb: &x [1, 2]\nc: *x\n")
    yield Case("lines", "x.jsonl", b'{"a": 1}\n{"a": 2}\n')
    yield Case("csv", "x.csv", "größe,wert\n1,2\n".encode())
    yield Case("license", "LICENSE", b"Apache License\nVersion 2.0\n")
    yield Case("empty", "x.txt", b"")
    yield Case("image", "logo.png", b"\x89PNG\r\n\x1a\n" + np.random.default_rng(1).bytes(5000))
    yield Case("jpeg", "logo.jpg", b"\xff\xd8\xff\xe0" + np.random.default_rng(2).bytes(5000))
