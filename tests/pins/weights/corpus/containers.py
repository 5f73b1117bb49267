"""Layouts around a pickle, as torch, joblib, numpy and archivers write them."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib

import numpy as np

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
PROTOCOL = b"\x80\x02M\xe9\x03."
SYSTEM = (
    b"\x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionq\x01M\xe9\x03X\r\x00\x00\x00little_endian"
    b"q\x02\x88X\n\x00\x00\x00type_sizesq\x03}q\x04(X\x05\x00\x00\x00shortq\x05K\x02X\x03\x00\x00"
    b"\x00intq\x06K\x04X\x04\x00\x00\x00longq\x07K\x04uu."
)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def torch_zip(
    pickle: bytes, storages: dict[str, bytes] | None = None, more: dict[str, bytes] | None = None
) -> bytes:
    files = {"archive/data.pkl": pickle, "archive/byteorder": b"little"}
    files |= {f"archive/data/{key}": data for key, data in (storages or {}).items()}
    files |= {"archive/version": b"3\n", "archive/.data/serialization_id": b"0123456789"}
    return zipped(files | (more or {}))


def torch_legacy(pickle: bytes, keys: list[str], storages: list[np.ndarray]) -> bytes:
    listed = b"\x80\x02](" + b"".join(
        b"X" + struct.pack("<I", len(it)) + it.encode() for it in keys
    )
    data = b"".join(struct.pack("<q", it.size) + it.tobytes() for it in storages)
    return MAGIC + PROTOCOL + SYSTEM + pickle + listed + b"e." + data


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def lz4_frame(data: bytes) -> bytes:
    """One frame of stored blocks."""
    blocks = b"".join(
        struct.pack("<I", len(data[at : at + 65536]) | 1 << 31) + data[at : at + 65536]
        for at in range(0, len(data), 65536)
    )
    return b"\x04\x22\x4d\x18\x60\x40\x82" + blocks + b"\0\0\0\0"


PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
    "lz4": lz4_frame,
}


def npy(pickle: bytes, shape: str = "(1,)") -> bytes:
    header = f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}"
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + pickle


def wrapper(shape: tuple[int, ...], code: str, state: tuple[object, ...], padded: bool) -> bytes:
    """The opcodes of joblib's NumpyArrayWrapper, up to the BUILD that its array follows."""
    from weights.corpus.opcodes import Raw, called, named, value

    dtype = Raw(called("numpy:dtype", code, False, True).code + value(state) + b"b")
    facts: dict[object, object] = {
        "subclass": named("numpy:ndarray"),
        "shape": shape,
        "order": "C",
        "dtype": dtype,
        "allow_mmap": padded,
    }
    if padded:
        facts["numpy_array_alignment_bytes"] = 16
    new = named("joblib.numpy_pickle:NumpyArrayWrapper").code + b")\x81"
    return new + value(facts) + b"b"


def joblib(arrays: list[np.ndarray], then: bytes = b"") -> bytes:
    """A list of arrays of float64 as joblib 1.x writes it, with opcodes behind each array."""
    out = b"\x80\x04]("
    for it in arrays:
        state = (3, "<", None, None, None, -1, -1, 0)
        out += wrapper(it.shape, "f8", state, True)
        pad = 16 - (len(out) + 1) % 16
        out += bytes([pad]) + b"\xff" * pad + it.astype("<f8").tobytes() + then
    return out + b"e."


def safetensors(tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    import json

    names = {"float32": "F32", "float16": "F16", "int64": "I64", "uint8": "U8", "float64": "F64"}
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name, it in tensors.items():
        end = len(data) + it.nbytes
        header[name] = {
            "dtype": names[str(it.dtype)],
            "shape": list(it.shape),
            "data_offsets": [len(data), end],
        }
        data += it.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def gguf_text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def gguf(
    keys: dict[str, tuple[int, bytes]],
    tensors: list[tuple[str, tuple[int, ...], int, int]],
    data: bytes = b"",
    version: int = 3,
) -> bytes:
    """Keys are (type, bytes of the value); tensors are (name, shape, type, offset)."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    for key, (kind, held) in keys.items():
        out += gguf_text(key) + struct.pack("<I", kind) + held
    for name, shape, kind, offset in tensors:
        out += gguf_text(name) + struct.pack("<I", len(shape))
        out += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", kind, offset)
    return out + (b"\0" * (-len(out) % 32) + data if tensors else b"")


def template(text: str) -> dict[str, tuple[int, bytes]]:
    return {
        "general.architecture": (8, gguf_text("llama")),
        "tokenizer.chat_template": (8, gguf_text(text)),
    }


def proto(*fields: tuple[int, "int | bytes | str"]) -> bytes:
    """A protobuf message of (number, value)."""
    out = b""
    for number, it in fields:
        if isinstance(it, int):
            out += _varint(number << 3) + _varint(it)
        else:
            data = it.encode() if isinstance(it, str) else it
            out += _varint(number << 3 | 2) + _varint(len(data)) + data
    return out


def _varint(it: int) -> bytes:
    out = b""
    while it > 127:
        out += bytes([it & 127 | 128])
        it >>= 7
    return out + bytes([it])


def hdf5(config: str, external: str = "", files: bool = False) -> bytes:
    """A version 2 superblock and a root group with an attribute, and a link out where asked."""
    text = config.encode()
    name = b"model_config\0"
    kind = struct.pack("<BBBBI", 0x13, 0, 0, 0, len(text))
    space = bytes([2, 0, 0, 0])
    attribute = (
        bytes([3, 0])
        + struct.pack("<HHH", len(name), len(kind), len(space))
        + b"\0"
        + name
        + kind
        + space
        + text
    )
    messages = bytes([0x0C]) + struct.pack("<H", len(attribute)) + b"\0" + attribute
    if external:
        target = b"\0" + external.encode() + b"\0/x\0"
        link = b"\x01\x08\x40\x01a" + struct.pack("<H", len(target)) + target
        messages += bytes([0x06]) + struct.pack("<H", len(link)) + b"\0" + link
    if files:
        messages += bytes([0x07]) + struct.pack("<H", 16) + b"\0" + b"\1" + b"\0" * 15
    head = b"OHDR\x02\x02" + struct.pack("<I", len(messages)) + messages + b"\0\0\0\0"
    size = 48 + len(head)
    start = b"\x89HDF\r\n\x1a\n\x02\x08\x08\0"
    return start + struct.pack("<QQQQI", 0, (1 << 64) - 1, size, 48, 0) + head


def tflite(builtin: int, name: str) -> bytes:
    """A flatbuffer of a model with one operator code."""
    text = name.encode() + b"\0"
    # root table at 16 (its vtable at 8), the vector at 24, the operator at 40 (vtable at 32).
    out = struct.pack("<I4s", 16, b"TFL3") + struct.pack("<HHHH", 8, 8, 0, 4)
    out += struct.pack("<iI", 8, 4)  # at 16: soffset to the vtable, field 1: the vector at 24
    out += struct.pack("<II", 1, 16)  # at 24: one element; at 28: the table at 44
    out += struct.pack("<HHHHHH", 12, 16, 4, 8, 0, 12)  # at 32: the vtable
    out += struct.pack("<i", 12)  # at 44: soffset to the vtable
    out += struct.pack("<bxxx", min(builtin, 127))  # at 48: the old builtin code
    out += struct.pack("<I", 8)  # at 52: the custom code at 60
    out += struct.pack("<i", builtin)  # at 56: the builtin code
    return out + struct.pack("<I", len(text) - 1) + text
