"""Files that must be stopped, with every format allowed."""

import io
import json
import struct
import zipfile
from collections.abc import Iterator

import numpy as np
from weights.corpus import attacks
from weights.corpus import containers as made
from weights.corpus.case import Case
from weights.corpus.gadgets import ABSENT, RUNNING, SHELL
from weights.corpus.opcodes import MARKER, called, named, pickled, short, text_of, value

PAYLOAD = pickled(called("os:system", SHELL))
CALL = called("posix:system", SHELL).code
TENSOR = np.arange(4, dtype=np.float32)


def cases() -> Iterator[Case]:
    for name, code in RUNNING.items():
        yield Case(f"chain-{name}", "model.pkl", pickled(code), "pickle")
    for name, code in ABSENT.items():
        yield Case(f"absent-{name}", "model.pkl", pickled(code))
    yield from opcodes()
    yield from overridden()
    yield from rows()
    yield from packed()
    yield from torches()
    yield from arrays()
    yield from zips()
    yield from structures()
    yield from templates()
    yield from graphs()
    yield from texts()
    yield from attacks.cases()


def overridden() -> Iterator[Case]:
    """An attribute that takes the place of what the loader calls to fill an object."""
    harmless = b"ctorch.storage\n_load_from_bytes\n"
    hidden = b"B" + struct.pack("<I", len(PAYLOAD)) + PAYLOAD
    for name, maker in (
        ("ordered", b"ccollections\nOrderedDict\n"),
        ("counter", b"ccollections\nCounter\n"),
        ("bunch", b"csklearn.utils._bunch\nBunch\n"),
    ):
        for word, step in (("append", hidden + b"a"), ("extend", b"(" + hidden + b"e"),
                           ("add", b"(" + hidden + b"\x90")):  # fmt: skip
            state = b"}" + short(word) + harmless + b"s"
            yield Case(f"op-{name}-{word}", "a.pkl", b"\x80\x04" + maker + b")R" + state + b"b"
                       + step + b".")  # fmt: skip
            items = short(word) + harmless + b"s"
            yield Case(f"op-{name}-item-{word}", "a.pkl", b"\x80\x04" + maker + b")R" + items
                       + step + b".")  # fmt: skip


def opcodes() -> Iterator[Case]:
    """One payload by every way that an opcode can call."""
    line = SHELL.encode()
    args = b"(" + text_of(SHELL) + b"t"
    yield Case("op-inst", "a.pkl", b"(S'" + line + b"'\nios\nsystem\n.", "pickle")
    yield Case("op-obj", "a.pkl", b"(cos\nsystem\n" + text_of(SHELL) + b"o.", "pickle")
    popen = b"csubprocess\nPopen\n"
    for protocol in (0, 1, 2, 3, 4, 5):
        code = b"cposix\nsystem\n" + args + b"R."
        yield Case(f"protocol-{protocol}", "a.bin", bytes([0x80, protocol]) + code, "pickle")
    yield Case("protocol-none", "a.txt", b"cposix\nsystem\n(S'" + line + b"'\ntR.", "pickle")
    stack = short("posix") + short("system") + b"\x93" + args + b"R."
    yield Case("op-stack-global", "a.pkl", b"\x80\x04" + stack, "pickle")
    memo = short("system") + b"\x94" + short("posix") + b"\x94" + b"h\x01h\x00\x93" + args + b"R."
    yield Case("op-memo-names", "a.pkl", b"\x80\x04" + memo, "pickle")
    swapped = (
        short("os") + b"q\x00" + short("posix") + b"q\x000" + b"0h\x00" + short("system") + b"\x93"
    )
    yield Case("op-memo-overwritten", "a.pkl", b"\x80\x04" + swapped + args + b"R.", "pickle")
    latin = b"c_codecs\nencode\n(" + text_of("posix") + text_of("latin1") + b"tR"
    computed = b"cbuiltins\nstr\n(" + latin + text_of("latin1") + b"tR"
    computed += short("system") + b"\x93" + args + b"R."
    yield Case("op-computed-name", "a.pkl", b"\x80\x04" + computed, "pickle")
    old = b"S'posix'\nS'system'\n\x93" + args + b"R."
    yield Case("op-string-names", "a.pkl", b"\x80\x04" + old, "pickle")
    dotted = b"\x80\x04" + short("subprocess") + short("os.system") + b"\x93" + args + b"R."
    yield Case("op-dotted", "a.pkl", dotted, "pickle")
    through = b"\x80\x04" + short("collections") + short("_sys.modules") + b"\x93."
    yield Case("op-dotted-allowed-module", "a.pkl", through)
    quoted = b"cos\nsystem\n(S'\\x74ouch " + line[6:] + b"'\ntR."
    yield Case("op-escaped-argument", "a.pkl", quoted, "pickle")
    new = popen + b"(" + value(["touch", MARKER]) + b"t"
    yield Case("op-reduce-list", "a.pkl", b"\x80\x02" + new + b"R.", "pickle")
    exts = b"\x80\x02\x82\x01" + args + b"R."
    yield Case("op-ext1", "a.pkl", exts)
    yield Case("op-ext4", "a.pkl", b"\x80\x02\x84\x01\0\0\0" + args + b"R.")
    yield Case("op-persid", "a.pkl", b"\x80\x02Pevil\n.")
    yield Case("op-binpersid", "a.pkl", b"\x80\x02" + value(("code", "evil")) + b"Q.")
    framed = b"\x80\x04\x95" + struct.pack("<Q", len(stack)) + stack
    yield Case("op-framed", "a.pkl", framed, "pickle")
    short_frame = b"\x80\x04\x95" + struct.pack("<Q", 3) + stack
    yield Case("op-frame-lies", "a.pkl", short_frame)
    broken = b"\x80\x04" + stack[:-1] + b"\xff\xff\xff"
    yield Case("broken-tail", "a.pkl", broken, "pickle")
    yield Case("broken-no-stop", "a.pkl", b"\x80\x04" + stack[:-1], "pickle")
    yield Case("broken-stack", "a.pkl", b"\x80\x04" + stack[:-1] + b"000000.", "pickle")
    yield Case(
        "broken-early-stop-text", "a.txt", b"cos\nsystem\n(S'" + line + b"'\ntRjunk", "pickle"
    )
    popped = b"\x80\x04" + stack[:-1] + b"0" + value({"weights": [1, 2]}) + b"."
    yield Case("popped-result", "a.pkl", popped, "pickle")
    marks = b"\x80\x04((((" + stack[:-1] + b"."
    yield Case("stray-marks", "a.pkl", marks, "pickle")
    yield Case("two-first-benign", "a.pkl", pickled(value({"a": 1})) + PAYLOAD)
    yield Case("import-only", "a.pkl", b"\x80\x02cantigravity\nx\n.")
    state = named("collections:OrderedDict").code + value({"__class__": 1}) + b"b."
    yield Case("state-of-a-class", "a.pkl", b"\x80\x02" + state)
    inner = b"\x80\x02ctypes\nSimpleNamespace\n)\x81" + value({"__class__": named("os:_Environ")})
    yield Case("state-dunder", "a.pkl", inner + b"b.")
    yield Case(
        "reconstructor",
        "a.pkl",
        pickled(
            called(
                "copyreg:_reconstructor", named("subprocess:Popen"), named("builtins:object"), None
            )
        ),
    )
    factory = called("collections:defaultdict", named("os:getcwd"))
    yield Case("default-factory", "a.pkl", pickled(factory))
    ctor = called("numpy.random._pickle:__generator_ctor", SHELL, named("os:system"))
    yield Case("numpy-ctor", "a.pkl", pickled(ctor), "pickle")
    ctor = called("numpy.random._pickle:__randomstate_ctor", "(lambda:0)()", named("builtins:eval"))
    yield Case("numpy-ctor-eval", "a.pkl", pickled(ctor))
    index = called("pandas.core.indexes.base:_new_Index", named("subprocess:Popen"), {})
    yield Case("pandas-new-index", "a.pkl", pickled(index))
    yield Case("getattr-allowed", "a.pkl", pickled(called("builtins:getattr", "x", "__class__")))
    yield Case("bomb-bytearray", "a.pkl", pickled(called("builtins:bytearray", 2**31 - 1)))
    big = called("builtins:list", called("builtins:range", 2**31 - 1))
    yield Case("bomb-range", "a.pkl", pickled(big))
    yield Case("bomb-memo", "a.pkl", b"\x80\x02Nr\xff\xff\xff\x7f.")
    laughs = b"\x80\x02K\x01\x85q\x00" + b"".join(
        b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(40)
    )
    yield Case("bomb-key", "a.pkl", b"\x80\x02}" + laughs[2:] + b"Ns.")
    yield Case("op-text-in-prose", "notes.txt", b"I1\n0cos\nsystem\n(S'x'\ntR.")
    late = b"cos\nsystem\n" + args + b"R\x80\x02."
    yield Case("op-late-protocol", "a.pkl", late, "pickle")
    slots = b"\x80\x02ctypes\nSimpleNamespace\n)\x81N" + value({"__class__": 1}) + b"\x86b."
    yield Case("state-slots", "a.pkl", slots)
    yield Case("metaclass", "a.pkl", pickled(called("builtins:type", "X", (), {})))
    yield Case("file-of-a-zone", "a.pkl", pickled(called("zoneinfo:ZoneInfo", "../x")))
    yield Case("global-trailing-space", "a.pkl", b"\x80\x02cos \nsystem\n" + args + b"R.")
    yield Case("global-carriage-return", "a.pkl", b"\x80\x02cos\r\nsystem\r\n" + args + b"R.")


def rows() -> Iterator[Case]:
    """Several pickles, and pickles behind or before other bytes."""
    yield Case("leading-bytes", "a.bin", b"\0" * 16 + PAYLOAD)
    yield Case("leading-junk", "a.bin", bytes(range(200, 256)) * 8 + PAYLOAD)
    yield Case("trailing-payload", "a.pkl", pickled(value([1])) + b"\0\0junk" + PAYLOAD)
    yield Case("named-safetensors", "model.safetensors", PAYLOAD, "pickle")
    yield Case(
        "named-json", "config.json", b"cos\nsystem\n(S'" + SHELL.encode() + b"'\ntR.", "pickle"
    )
    yield Case("named-gguf", "model.gguf", PAYLOAD, "pickle")
    yield Case("named-png", "image.png", PAYLOAD, "pickle")
    yield Case("behind-png", "image.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 64 + PAYLOAD)


def packed() -> Iterator[Case]:
    for ending, pack in made.PACKERS.items():
        loader = "pandas" if ending in ("gz", "bz2", "xz") else ""
        yield Case(f"packed-{ending}", f"m.pkl.{ending}", pack(PAYLOAD), loader)
        yield Case(f"mislabelled-{ending}", "m.safetensors", pack(PAYLOAD))
    twice = made.PACKERS["gz"](made.PACKERS["xz"](made.zipped({"x/y.pkl": PAYLOAD})))
    yield Case("packed-thrice", "m.bin", twice)
    yield Case("packed-behind-gzip", "m.gz", made.PACKERS["gz"](b"text") + PAYLOAD)
    yield Case(
        "packed-two-members", "m.gz", made.PACKERS["gz"](b"") + made.PACKERS["gz"](PAYLOAD), ""
    )
    yield Case("tar", "m.tar", made.tarred({"a/weights.bin": PAYLOAD}))
    yield Case("tar-gz", "m.tgz", made.tarred({"a.txt": b"x", "b.pkl": PAYLOAD}, "w:gz"))
    yield Case("tar-climbs", "m.tar", made.tarred({"../../etc/cron.d/x": b"text"}))
    yield Case("zip-nested", "m.zip", made.zipped({"a.zip": made.zipped({"b": PAYLOAD})}, 8))
    deep = PAYLOAD
    for _ in range(12):
        deep = made.zipped({"a": deep})
    yield Case("zip-deep", "m.zip", deep)
    yield Case("7z", "pytorch_model.bin", b"7z\xbc\xaf\x27\x1c\0\x04" + b"\x11" * 64 + PAYLOAD)
    yield Case("rar", "model.bin", b"Rar!\x1a\x07\x01\0" + b"\x11" * 64)
    yield Case("zstd", "model.bin", b"\x28\xb5\x2f\xfd" + b"\x11" * 64)
    yield Case(
        "bomb-gzip", "m.gz", made.PACKERS["gz"](made.PACKERS["gz"](bytes(1 << 20)) * 1) + b"\1"
    )


def torches() -> Iterator[Case]:
    yield Case("torch-zip", "pytorch_model.bin", made.torch_zip(PAYLOAD, {"0": bytes(16)}))
    yield Case("torch-zip-deflated", "m.pt", made.zipped({"archive/data.pkl": PAYLOAD}, 8))
    storage = made.torch_zip(pickled(value({})), {"0": PAYLOAD})
    yield Case("torch-zip-storage", "m.pt", storage)
    inner = {"0": made.PACKERS["gz"](PAYLOAD), "1": made.zipped({"x/data.pkl": PAYLOAD})}
    for key, data in inner.items():
        nested = made.torch_zip(pickled(value({})), {key: data})
        yield Case(f"torch-zip-packed-storage-{key}", "m.pt", nested)
    elsewhere = {"a/data.pkl": pickled(value({})), "b/data.pkl": PAYLOAD}
    yield Case("torch-zip-two-roots", "m.pt", made.zipped(elsewhere))
    yield Case(
        "torch-zip-other-pickle",
        "m.pt",
        made.torch_zip(pickled(value({})), more={"archive/x.pkl": PAYLOAD}),
    )
    code = {"archive/code/__torch__.py": b"def f(self):\n  return torch.save(1, '/tmp/x')\n"}
    yield Case("torchscript-py", "m.pt", made.torch_zip(pickled(value({})), more=code))
    pickle = pickled(value({}), 2)
    yield Case("torch-legacy", "m.pt", made.torch_legacy(b"\x80\x02" + CALL + b".", [], []))
    behind = made.torch_legacy(pickle, [], []) + PAYLOAD
    yield Case("torch-legacy-behind", "m.pt", behind)
    yield Case("torch-legacy-first", "m.pt", PAYLOAD + made.torch_legacy(pickle, [], []), "pickle")
    tar = {
        "sys_info": made.SYSTEM,
        "storages": pickled(value(0)) + pickled(value([])),
        "tensors": pickled(value(0)),
        "pickle": PAYLOAD,
    }
    yield Case("torch-tar", "m.pt", made.tarred(tar))
    tar = tar | {"pickle": pickled(value({})), "tensors": PAYLOAD}
    yield Case("torch-tar-tensors", "m.pt", made.tarred(tar))
    tensor = called("torch._utils:_rebuild_tensor_v2", called("os:system", SHELL), 0, (1,), (1,))
    yield Case("torch-rebuild-argument", "m.pt", made.torch_zip(pickled(tensor)))
    hooks = called(
        "torch._utils:_rebuild_parameter_with_state", 0, True, None, called("os:system", "x")
    )
    yield Case("torch-parameter-state", "m.pt", made.torch_zip(pickled(hooks)))
    nested = called("torch.storage:_load_from_bytes", made.torch_zip(PAYLOAD))
    yield Case("torch-nested-bytes", "m.pkl", pickled(nested))
    persistent = b"\x80\x02" + value(("storage", named("os:system"), "0", "cpu", 1)) + b"Q."
    yield Case("torch-storage-class", "m.pt", made.torch_zip(persistent))
    yield Case("7z-torch", "m.pt", b"7z\xbc\xaf\x27\x1c\0\x04" + b"\x11" * 64)


def arrays() -> Iterator[Case]:
    block = np.arange(6, dtype=np.float64)
    yield Case("joblib-behind-array", "m.joblib", made.joblib([block], CALL))
    objects = made.wrapper((1,), "O8", (3, "|", None, None, None, -1, -1, 63), True)
    yield Case("joblib-object-array", "m.joblib", b"\x80\x04](" + objects + PAYLOAD + b"e.")
    hidden = np.frombuffer((b"0" + CALL + b"0N.").ljust(96, b"\0"), dtype=np.float64)
    state = (3, "<", None, None, None, -1, -1, 0)
    plain = b"\x80\x04" + made.wrapper(hidden.shape, "f8", state, False) + hidden.tobytes() + b"."
    yield Case("joblib-array-is-opcodes", "m.joblib", plain, "")
    for ending, pack in made.PACKERS.items():
        yield Case(f"joblib-{ending}", "m.joblib", pack(made.joblib([block], CALL)))
    old = named("joblib.numpy_pickle_compat:NDArrayWrapper").code + b")\x81."
    yield Case("joblib-old-wrapper", "m.pkl", b"\x80\x02" + old)
    yield Case("npy-object", "m.npy", made.npy(PAYLOAD), "numpy")
    yield Case(
        "npy-object-protocol-0",
        "m.npy",
        made.npy(b"cos\nsystem\n(S'" + SHELL.encode() + b"'\ntR."),
        "numpy",
    )
    yield Case("npz-object", "m.npz", made.zipped({"a.npy": made.npy(PAYLOAD)}, 8))
    yield Case("npz-pickle-member", "m.npz", made.zipped({"a.npy": PAYLOAD}))
    out = io.BytesIO()
    np.save(out, block)
    yield Case("npy-trailing", "m.npy", out.getvalue() + PAYLOAD)
    evil = out.getvalue().replace(b"'shape': (6,)", b"'shape': (x,)")
    yield Case("npy-header-name", "m.npy", evil)
    yield Case("npy-header-long", "m.npy", out.getvalue().replace(b"(6,)", b"(9,)"))
    frame = pickled(called("pandas:DataFrame", called("os:system", SHELL)))
    yield Case("pandas-zip", "m.pkl.zip", made.zipped({"m.pkl": frame}, 8), "")
    numpy_state = called(
        "numpy._core.multiarray:_reconstruct", named("subprocess:Popen"), (0,), b"b"
    )
    yield Case("numpy-reconstruct", "m.pkl", pickled(numpy_state))
    yield Case(
        "numpy-shape-bomb",
        "m.pkl",
        pickled(
            called(
                "numpy._core.multiarray:_reconstruct", named("numpy:ndarray"), (2**31 - 1, 99), b"b"
            )
        ),
    )


def zips() -> Iterator[Case]:
    plain = made.zipped({"a.txt": b"hello", "b.txt": b"world"})
    local = plain.replace(b"a.txt", b"a.pkl", 1)
    yield Case("zip-names-differ", "m.zip", local)
    yield Case("zip-prefix", "m.zip", PAYLOAD + plain, "pickle")
    yield Case("zip-behind", "m.zip", plain + b"\n" + PAYLOAD)
    wrong = bytearray(made.zipped({"archive/data.pkl": PAYLOAD}))
    at = wrong.find(b"archive/data.pkl") + len(b"archive/data.pkl") + 20
    wrong[at] ^= 1
    yield Case("zip-crc", "m.pt", bytes(wrong))
    twice = made.zipped({"a/data.pkl": pickled(value({})), "a/data.pkk": PAYLOAD})
    yield Case("zip-twice", "m.pt", twice.replace(b"a/data.pkk", b"a/data.pkl"))
    yield Case("zip-climbs", "m.zip", made.zipped({"../x.txt": b"x"}))
    yield Case("zip-absolute", "m.zip", made.zipped({"/etc/x.txt": b"x"}))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    yield Case("zip-link", "m.zip", out.getvalue())
    locked = bytearray(made.zipped({"a.txt": b"secret"}))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.find(signature) + at] |= 1
    yield Case("zip-encrypted", "m.zip", bytes(locked))
    gap = made.zipped({"a.txt": b"hello"})
    middle = gap.find(b"PK\x01\x02")
    hole = bytearray(gap[:middle] + PAYLOAD + gap[middle:])
    hole[-6:-2] = struct.pack("<I", middle + len(PAYLOAD))
    yield Case("zip-gap", "m.zip", bytes(hole))
    cut = bytearray(plain)
    cut[-14:-10] = struct.pack("<HH", 1, 1)
    yield Case("zip-count-lies", "m.zip", bytes(cut))
    lies = made.zipped({"a.txt": b"x" * 1000}, 8)
    entry = bytearray(lies)
    at = entry.find(b"PK\x01\x02")
    entry[at + 24 : at + 28] = struct.pack("<I", 10)
    yield Case("zip-size-lies", "m.zip", bytes(entry))
    bomb = made.zipped({f"{n}.txt": bytes(1) * (200 << 20) for n in range(1)}, 8)
    many = made.zipped({f"{n}.zip": bomb for n in range(8)})
    yield Case("zip-bomb", "m.zip", many)
    evil = plain.replace(b"PK\x05\x06", b"PK\x05\x07")
    yield Case("zip-no-directory", "m.pt", evil)
    yield Case("zip-program", "m.zip", made.zipped({"lib.so.1": b"\x7fELF" + bytes(60)}))


def structures() -> Iterator[Case]:
    good = made.safetensors({"w": TENSOR})

    def header(text: bytes, data: bytes = b"") -> bytes:
        return struct.pack("<Q", len(text)) + text + data

    one = b'"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}'
    yield Case("st-size-bomb", "m.safetensors", struct.pack("<Q", 1 << 40) + good[8:])
    yield Case("st-size-past", "m.safetensors", struct.pack("<Q", 1 << 20) + good[8:])
    yield Case("st-key-twice", "m.safetensors", header(b"{" + one + b"," + one + b"}", bytes(16)))
    yield Case("st-trailing", "m.safetensors", good + b"x")
    yield Case("st-truncated", "m.safetensors", good[:-1])
    gap = one.replace(b"[0,16]", b"[4,20]")
    yield Case("st-gap", "m.safetensors", header(b"{" + gap + b"}", bytes(20)))
    other = one.replace(b'"w"', b'"v"')
    yield Case("st-overlap", "m.safetensors", header(b"{" + one + b"," + other + b"}", bytes(16)))
    yield Case(
        "st-shape", "m.safetensors", header(b"{" + one.replace(b"[4]", b"[5]") + b"}", bytes(16))
    )
    huge = one.replace(b"[4]", b"[4294967296,4294967296]")
    yield Case("st-overflow", "m.safetensors", header(b"{" + huge + b"}", bytes(16)))
    yield Case(
        "st-dtype", "m.safetensors", header(b"{" + one.replace(b"F32", b"OBJ") + b"}", bytes(16))
    )
    yield Case(
        "st-deep", "m.safetensors", header(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    )
    negative = one.replace(b"[0,16]", b"[-16,0]")
    yield Case("st-negative", "m.safetensors", header(b"{" + negative + b"}", bytes(16)))
    extra = one.replace(b"}", b',"code":"x"}')
    yield Case("st-extra-key", "m.safetensors", header(b"{" + extra + b"}", bytes(16)))
    yield Case(
        "st-metadata",
        "m.safetensors",
        header(b'{"__metadata__":{"a":[1]},' + one + b"}", bytes(16)),
    )
    yield Case("st-zip", "m.safetensors", good + made.zipped({"data.pkl": PAYLOAD}))
    inside = np.frombuffer(PAYLOAD.ljust(-len(PAYLOAD) % 4 + len(PAYLOAD), b"\0"), dtype=np.uint8)
    yield Case("st-hidden-pickle", "m.safetensors", made.safetensors({"w": inside}))
    archive = np.frombuffer(made.zipped({"data.pkl": PAYLOAD}), dtype=np.uint8)
    yield Case("st-hidden-zip", "m.safetensors", made.safetensors({"w": archive}))

    keys = made.template("{{ messages[0]['content'] }}")
    tensor = [("w", (4,), 0, 0)]
    fine = made.gguf(keys, tensor, bytes(32))
    yield Case("gguf-count", "m.gguf", fine[:8] + struct.pack("<Q", 1 << 60) + fine[16:])
    yield Case("gguf-keys", "m.gguf", fine[:16] + struct.pack("<Q", 1 << 60) + fine[24:])
    yield Case("gguf-version", "m.gguf", fine[:4] + struct.pack("<I", 99) + fine[8:])
    yield Case("gguf-text", "m.gguf", fine[:24] + struct.pack("<Q", (1 << 64) - 1) + fine[32:])
    yield Case("gguf-truncated", "m.gguf", fine[:-20])
    yield Case("gguf-offset", "m.gguf", made.gguf(keys, [("w", (4,), 0, 1 << 40)], bytes(32)))
    yield Case("gguf-unaligned", "m.gguf", made.gguf(keys, [("w", (4,), 0, 3)], bytes(64)))
    yield Case(
        "gguf-overflow", "m.gguf", made.gguf(keys, [("w", (1 << 32, 1 << 32), 0, 0)], bytes(32))
    )
    yield Case("gguf-type", "m.gguf", made.gguf(keys, [("w", (4,), 999, 0)], bytes(32)))
    yield Case("gguf-dimensions", "m.gguf", made.gguf(keys, [("w", (1,) * 40, 0, 0)], bytes(32)))
    yield Case(
        "gguf-overlap",
        "m.gguf",
        made.gguf(keys, [("w", (16,), 0, 0), ("v", (16,), 0, 32)], bytes(96)),
    )
    yield Case("gguf-trailing", "m.gguf", fine + bytes(1000))
    nested = struct.pack("<IQ", 9, 1) * 20
    yield Case("gguf-arrays", "m.gguf", made.gguf({"a": (9, nested)}, []))
    yield Case(
        "gguf-array-count", "m.gguf", made.gguf({"a": (9, struct.pack("<IQ", 4, 1 << 62))}, [])
    )
    yield Case(
        "gguf-alignment",
        "m.gguf",
        made.gguf({"general.alignment": (4, struct.pack("<I", 0))}, tensor, bytes(32)),
    )


TEMPLATES = {
    "dunder": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "cycler": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "lipsum": "{{ lipsum.__globals__['os'].system('id') }}",
    "self": "{{ self._TemplateReference__context.cycler }}",
    "namespace": "{{ namespace.__init__.__globals__ }}",
    "joiner": "{{ joiner.__init__ }}",
    "attr": "{{ messages|attr('__class__') }}",
    "attr-computed": "{{ messages|attr(['_','_cla','ss_','_']|join) }}",
    "key-literal": "{{ messages['__class__'] }}",
    "key-escaped": "{{ messages['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "key-concat": "{{ messages['_' ~ '_class__'] }}",
    "key-plus": "{{ messages['__cla' + 'ss__'] }}",
    "key-format": "{{ messages['%c%cclass' % (95, 95)] }}",
    "key-variable": "{% set a='_' %}{{ messages[a*2 ~ 'class' ~ a*2] }}",
    "key-loop": "{% for k in ['__cla' ~ 'ss__'] %}{{ messages[k] }}{% endfor %}",
    "key-macro": "{% macro m(a, k) %}{{ a[k] }}{% endmacro %}{{ m('', '__cl' ~ 'ass__') }}",
    "key-reverse": "{{ messages['__ssalc__'|reverse] }}",
    "key-block": "{% set k %}_{{ '_class_' }}_{% endset %}{{ messages[k] }}",
    "key-namespace": "{% set n = namespace(k='_' ~ '_class__') %}{{ messages[n.k] }}",
    "key-replace": "{{ messages['xxclassxx'.replace('xx', '__')] }}",
    "key-slice": "{{ ''['__ssalc__'[::-1]] }}",
    "key-slice-set": "{% set a='__ssalc__x' %}{{ ''[a[8::-1]] }}",
    "key-slice-held": "{% set a='x__class__' %}{% set b=a[1:] %}{{ ''[b] }}",
    "key-message": "{{ ''[messages[0].content] }}",
    "key-message-slice": "{{ ''[messages[0]['content'][::-1]] }}",
    "format-spec": "{{ '{:{0.__class__}}'.format(messages) }}",
    "map-attr": "{{ [messages]|map('attr', '__class__')|list }}",
    "map-attribute": "{{ messages|map(attribute='__class__.__mro__')|list }}",
    "sort": "{{ messages|sort(attribute='__class__') }}",
    "groupby": "{{ messages|groupby('__class__') }}",
    "format": "{{ '{0.__class__}'.format(messages) }}",
    "format-key": "{{ '{0[x]}'.format(messages) }}",
    "dict-key": "{{ dict(__class__=1)|first }}",
    "frame": "{{ (messages|map('upper')).gi_frame.f_globals }}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% from 'x' import y %}",
    "range": "{% for i in range(1000000000) %}x{% endfor %}",
    "nested": "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
    "power": "{{ 9**9**9 }}",
    "repeat": "{{ 'x' * 999999999 }}",
    "doubling": "{% set n = namespace(a='a') %}{% for i in range(90) %}"
    "{% set n.a = n.a ~ n.a %}{% endfor %}",
    "request": "{{ request.application.__globals__ }}",
    "unknown-call": "{{ eval('1') }}",
    "broken": "{{ messages[0 }}",
}


def templates() -> Iterator[Case]:
    for name, text in TEMPLATES.items():
        yield Case(f"jinja-{name}", "chat_template.jinja", text.encode())
    evil = TEMPLATES["cycler"]
    yield Case("gguf-template", "m.gguf", made.gguf(made.template(evil), []))
    named_ = {"tokenizer.chat_template.tool_use": (8, made.gguf_text(evil))}
    yield Case("gguf-named-template", "m.gguf", made.gguf(named_, []))
    config = json.dumps({"chat_template": evil}).encode()
    yield Case("json-template", "tokenizer_config.json", config)
    listed = {
        "chat_template": [{"name": "default", "template": "ok"}, {"name": "x", "template": evil}]
    }
    yield Case("json-templates", "tokenizer_config.json", json.dumps(listed).encode())
    twice = b'{"chat_template": ' + json.dumps(evil).encode() + b', "chat_template": "ok"}'
    yield Case("json-template-twice", "tokenizer_config.json", twice)


def _layer(**facts: object) -> str:
    layers = {"class_name": "Sequential", "config": {"layers": [facts]}, "module": "keras"}
    return json.dumps(layers)


KERAS = {
    "lambda": _layer(class_name="Lambda", config={"function": ["4wEAAA=="]}, module="keras.layers"),
    "lambda-escaped": _layer(class_name="Lambda", config={}).replace("Lambda", "\\u004cambda"),
    "module-os": _layer(class_name="function", config="system", module="os"),
    "module-builtins": _layer(class_name="function", config="exec", module="builtins"),
    "get-file": _layer(class_name="function", config="get_file", module="keras.utils"),
    "unsafe": _layer(
        class_name="function", config="enable_unsafe_deserialization", module="keras.config"
    ),
    "registered": _layer(
        class_name="Evil", config={}, module="keras.layers", registered_name="Custom>Evil"
    ),
    "custom": _layer(class_name="Custom>Evil", config={}),
    "torch-wrapper": _layer(class_name="TorchModuleWrapper", config={}, module="keras.layers"),
    "tfsm": _layer(class_name="TFSMLayer", config={"filepath": "x"}, module="keras.layers"),
    "vocabulary": _layer(
        class_name="StringLookup", config={"vocabulary": "/etc/passwd"}, module="keras.layers"
    ),
    "module-other": _layer(class_name="Popen", config={}, module="subprocess"),
}


def graphs() -> Iterator[Case]:
    for name, config in KERAS.items():
        files = {"config.json": config.encode(), "metadata.json": b'{"keras_version":"3.5"}'}
        files["model.weights.h5"] = made.hdf5("{}")
        yield Case(f"keras-{name}", "m.keras", made.zipped(files, 8))
        yield Case(f"h5-{name}", "m.h5", made.hdf5(config))
    yield Case("h5-external-link", "m.h5", made.hdf5("{}", external="/etc/passwd"))
    yield Case("h5-external-file", "m.h5", made.hdf5("{}", files=True))
    yield Case("keras-pickle", "m.keras", made.zipped({"config.json": b"{}", "x.pkl": PAYLOAD}))

    def onnx(*parts: bytes, more: tuple[tuple[int, bytes], ...] = ()) -> bytes:
        graph = made.proto(*((1, it) for it in parts), (2, "g"))
        return made.proto((1, 8), (7, graph), (8, made.proto((1, ""), (2, 17))), *more)

    def tensor(location: str) -> bytes:
        return made.proto(
            (1, 4), (2, 1), (8, "w"), (14, 1), (13, made.proto((1, "location"), (2, location)))
        )

    for name, place in {
        "climbs": "../../etc/passwd",
        "absolute": "/etc/passwd",
        "drive": "C:\\x",
        "url": "file:x",
    }.items():
        graph = made.proto((5, tensor(place)))
        yield Case(f"onnx-{name}", "m.onnx", made.proto((1, 8), (7, graph)))
    node = made.proto((4, "PyOp"), (7, "ai.onnx.contrib"))
    yield Case("onnx-domain", "m.onnx", onnx(node))
    inner = made.proto((1, node))
    yield Case(
        "onnx-subgraph",
        "m.onnx",
        onnx(made.proto((4, "If"), (5, made.proto((1, "b"), (6, inner))))),
    )
    value_ = made.proto((4, "Constant"), (5, made.proto((1, "v"), (5, tensor("/etc/x")))))
    yield Case("onnx-constant", "m.onnx", onnx(value_))
    for op in (
        "ReadFile",
        "WriteFile",
        "PyFunc",
        "EagerPyFunc",
        "PyFuncStateless",
        "MatchingFiles",
        "PrintV2",
        "TextLineDataset",
    ):
        body = made.proto((1, made.proto((1, "n"), (2, op))))
        saved = made.proto((1, 1), (2, made.proto((2, body))))
        yield Case(f"savedmodel-{op}", "saved_model.pb", saved)
    function = made.proto((1, "f"), (3, made.proto((1, "n"), (2, "WriteFile"))))
    library = made.proto((1, made.proto((1, "n"), (2, "Const"))), (2, made.proto((1, function))))
    yield Case(
        "savedmodel-function", "saved_model.pb", made.proto((1, 1), (2, made.proto((2, library))))
    )
    yield Case("graphdef", "frozen.pb", library)
    yield Case("tflite-custom", "m.tflite", made.tflite(32, "EvilOp"))
    yield Case("tflite-flex", "m.tflite", made.tflite(32, "FlexWriteFile"))
    layer = made.proto((1, "l"), (500, made.proto((10, "Evil"))))
    network = made.proto((1, layer))
    yield Case("coreml-layer", "m.mlmodel", made.proto((1, 4), (2, b""), (500, network)))
    yield Case("coreml-model", "m.mlmodel", made.proto((1, 4), (2, b""), (555, b"x")))
    nemo = {
        "model_config.yaml": b"model:\n  _target_: os.system\n",
        "model_weights.ckpt": made.torch_zip(pickled(value({}))),
    }
    yield Case("nemo-target", "m.nemo", made.tarred(nemo))
    nemo = {"model_config.yaml": b"a: 1\n", "model_weights.ckpt": made.torch_zip(PAYLOAD)}
    yield Case("nemo-pickle", "m.nemo", made.tarred(nemo, "w:gz"))
    net = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><net/>'
    yield Case("openvino-entity", "m.xml", net)
    net = b'<?xml version="1.0"?><net><layers><layer type="X" version="extension"/></layers></net>'
    yield Case("openvino-extension", "m.xml", net)
    skops = json.dumps({"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"})
    yield Case("skops", "m.skops", made.zipped({"schema.json": skops.encode()}))


def texts() -> Iterator[Case]:
    yield Case("auto-map", "config.json", b'{"auto_map": {"AutoModel": "modeling_x.M"}}')
    yield Case("trust", "config.json", b'{"trust_remote_code": true}')
    yield Case("hydra", "config.json", b'{"a": {"_target_": "builtins.exec"}}')
    yield Case("jsonpickle", "x.json", b'{"py/reduce": [{"py/function": "os.system"}]}')
    yield Case("pipeline", "model_index.json", b'{"_class_name": ["my_pipeline", "P"]}')
    yield Case("sentence", "modules.json", b'[{"idx":0,"name":"0","path":"","type":"os.system"}]')
    yield Case("shards", "m.index.json", b'{"weight_map": {"a": "../../etc/passwd"}}')
    yield Case("json-deep", "x.json", b"[" * 200_000 + b"]" * 200_000)
    yield Case("yaml-tag", "x.yaml", b"a: !!python/object/apply:os.system ['id']\n")
    yield Case(
        "yaml-tag-long",
        "x.yaml",
        b"%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.system [id]\n",
    )
    yield Case("yaml-hidden", "notes.txt", b"a: !!python/object/apply:os.system ['id']\n")
    yield Case("yaml-target", "x.yaml", b"_target_: subprocess.Popen\n")
    yield Case("python", "modeling.py", b"print(1)\n")
    yield Case("init", "__init__.py", b"")
    yield Case("path-file", "evil.pth", b"import os; os.system('id')\n")
    yield Case("shell", "run", b"#!/bin/sh\ntouch x\n")
    yield Case("elf", "weights.bin", b"\x7fELF" + bytes(100))
    yield Case(
        "pe", "weights.bin", b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(40)
    )
    yield Case("macho", "weights.bin", b"\xcf\xfa\xed\xfe" + bytes(100))
    yield Case("lnk", "readme.txt", b"L\0\0\0\x01\x14\x02\0" + bytes(100))
    yield Case("pyc", "weights.bin", b"\xa7\x0d\x0d\n" + bytes(60))
    yield Case("wasm", "weights.bin", b"\0asm\x01\0\0\0" + bytes(10))
    yield Case("library", "libevil.so.1", b"\x7fELF" + bytes(100))
    yield Case("unknown", "weights.bin", bytes(range(256)) * 4)
