"""GGUF: a header of typed keys, tensors by name and offset, and their bytes.

Rules
1. Counts, lengths, types and offsets are held against the file before anything is believed.
2. Tensors lie one after another, aligned, without overlap; nothing lies behind them.
3. Every chat template in it is judged as a template.
Source: the GGUF specification (ggml docs/gguf.md) and ggml-common.h for the blocks.
"""

import re
from dataclasses import dataclass
from struct import unpack

from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.pickles.judge import tell_hidden
from tollway.pins.weights.reader import Cursor, Reader
from tollway.pins.weights.templates.judge import judge_template

MAGIC = b"GGUF"
_MOST_TENSORS = 1_000_000
_MOST_KEYS = 100_000
_MOST_ELEMENTS = 20_000_000
_MOST_DEPTH = 3
_STRING, _ARRAY = 8, 9
_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_KEY = re.compile(rb"[A-Za-z0-9_.\-/ ]{1,65535}")
# ggml's types: elements of a block, and its bytes.
_BLOCKS = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 36),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
    40: (64, 36),
}


class Wrong(ValueError):  # noqa: N818 - what the file is
    """What is wrong with a file, as a clause."""


@dataclass(frozen=True, slots=True)
class _Tensor:
    offset: int
    size: int
    name: str


def judge_gguf(reader: Reader, piece: Piece, look: Look) -> None:
    try:
        data, end = _checked(reader, piece, look)
    except Wrong as error:
        look.finding(piece.place, "gguf", str(error))
        return
    except EOFError:
        look.finding(piece.place, "gguf", "ends within its header")
        return
    tell_hidden(reader, (data, end - data), piece, look)


def _checked(reader: Reader, piece: Piece, look: Look) -> tuple[int, int]:
    cursor = Cursor(reader, 4)
    (version,) = unpack("<I", cursor.take(4))
    if version not in (2, 3):
        raise Wrong(f"is of version {version}; 2 and 3 are read")
    tensor_count, key_count = unpack("<QQ", cursor.take(16))
    # A key takes at least 13 bytes and a tensor 28.
    if key_count > min(_MOST_KEYS, reader.size // 13):
        raise Wrong(f"says that it has {key_count:,} keys")
    if tensor_count > min(_MOST_TENSORS, reader.size // 28):
        raise Wrong(f"says that it has {tensor_count:,} tensors")
    alignment = _keys(cursor, key_count, piece, look)
    tensors = [_tensor(cursor, alignment) for _ in range(tensor_count)]
    if len({it.name for it in tensors}) != len(tensors):
        raise Wrong("has two tensors of a name")
    if not tensors:
        if reader.size - cursor.position > alignment:
            raise Wrong(f"has {reader.size - cursor.position:,} bytes behind its keys")
        return reader.size, reader.size
    data = -(-cursor.position // alignment) * alignment
    return data, _laid(reader, data, alignment, tensors)


def _laid(reader: Reader, data: int, alignment: int, tensors: list[_Tensor]) -> int:
    """Rule 2; gives where the tensors end."""
    at = 0
    for it in sorted(tensors, key=lambda it: (it.offset, it.size)):
        if it.offset < at:
            raise Wrong(f"has a tensor that overlaps another: {it.name!r:.80}")
        if it.offset - at >= alignment:
            raise Wrong(f"has {it.offset - at:,} bytes before {it.name!r:.80} that no tensor owns")
        at = it.offset + it.size
    if data + at > reader.size:
        raise Wrong(f"ends within its tensors, {data + at - reader.size:,} bytes early")
    if reader.size - data - at >= alignment:
        raise Wrong(f"has {reader.size - data - at:,} bytes behind its tensors")
    return data + at


def _keys(cursor: Cursor, count: int, piece: Piece, look: Look) -> int:
    """Reads past the keys; gives the alignment that they say."""
    seen: set[bytes] = set()
    alignment = 32
    left = [_MOST_ELEMENTS]
    for _ in range(count):
        key = _text(cursor, 65535)
        if not _KEY.fullmatch(key):
            raise Wrong(f"has a key that is none: {key[:60]!r}")
        if key in seen:
            raise Wrong(f"says {key.decode()} twice")
        seen.add(key)
        (kind,) = unpack("<I", cursor.take(4))
        if b"chat_template" in key and kind == _STRING:
            place = f"{piece.place}!{key.decode()}"
            judge_template(_text(cursor, 1 << 24), place, look)
        elif b"chat_template" in key and kind == _ARRAY:
            _templates(cursor, f"{piece.place}!{key.decode()}", look)
        elif key == b"general.alignment":
            alignment = _alignment(cursor, kind)
        else:
            _skip(cursor, kind, 0, left)
    return alignment


def _alignment(cursor: Cursor, kind: int) -> int:
    if kind not in _FIXED or kind in (6, 7, 12):
        raise Wrong("has an alignment that is no number")
    alignment = int.from_bytes(cursor.take(_FIXED[kind]), "little")
    if not 8 <= alignment <= 1 << 20 or alignment & (alignment - 1):
        raise Wrong(f"has an alignment of {alignment:,}")
    return alignment


def _templates(cursor: Cursor, place: str, look: Look) -> None:
    kind, count = unpack("<IQ", cursor.take(12))
    if kind != _STRING or count > 1000:
        raise Wrong("has chat templates that are no texts")
    for _ in range(count):
        text = _text(cursor, 1 << 24)
        if b"{" in text:
            judge_template(text, place, look)


def _skip(cursor: Cursor, kind: int, depth: int, left: list[int]) -> None:
    if kind in _FIXED:
        held = cursor.take(_FIXED[kind])
        if kind == 7 and held[0] > 1:
            raise Wrong(f"has a bool that is {held[0]}")
        return
    if kind == _STRING:
        _text(cursor, 1 << 30)
        return
    if kind != _ARRAY:
        raise Wrong(f"has a value of the unknown type {kind}")
    if depth >= _MOST_DEPTH:
        raise Wrong("has arrays nested too deep")
    inner, count = unpack("<IQ", cursor.take(12))
    left[0] -= count
    if left[0] < 0 or count > cursor.reader.size:
        raise Wrong(f"says that an array has {count:,} elements")
    if inner in _FIXED:
        _past(cursor, count * _FIXED[inner])
        return
    for _ in range(count):
        _skip(cursor, inner, depth + 1, left)


def _text(cursor: Cursor, most: int) -> bytes:
    (size,) = unpack("<Q", cursor.take(8))
    if size > most or cursor.position + size > cursor.reader.size:
        raise Wrong(f"has a text of {size:,} bytes")
    return cursor.take(size)


def _past(cursor: Cursor, count: int) -> None:
    if cursor.position + count > cursor.reader.size:
        raise Wrong(f"has {count:,} bytes where the file ends")
    cursor.skip(count)


def _tensor(cursor: Cursor, alignment: int) -> _Tensor:
    name = _text(cursor, 1024).decode("utf-8", "replace")
    (dimensions,) = unpack("<I", cursor.take(4))
    if not 0 <= dimensions <= 4:
        raise Wrong(f"has a tensor of {dimensions} dimensions")
    shape = unpack(f"<{dimensions}Q", cursor.take(8 * dimensions))
    kind, offset = unpack("<IQ", cursor.take(12))
    if kind not in _BLOCKS:
        raise Wrong(f"has a tensor of the unknown type {kind}: {name!r:.80}")
    count = 1
    for it in shape:
        count *= it
        if count >= 1 << 62:
            raise Wrong(f"has a tensor whose size overflows: {name!r:.80}")
    elements, size = _BLOCKS[kind]
    if (shape[0] if shape else 1) % elements:
        raise Wrong(f"has a row that is no whole number of blocks: {name!r:.80}")
    if offset % alignment or offset > cursor.reader.size:
        raise Wrong(f"has a tensor at {offset:,}, which is not aligned or not in the file")
    return _Tensor(offset, count // elements * size, name)
