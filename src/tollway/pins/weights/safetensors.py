"""safetensors: a length, a JSON header, and tensors that fill the rest without gap or overlap.

Rules
1. The file is exactly what its header says: no byte is left that a tensor does not own.
2. Only the header is read, and it is bounded in size, depth and number of tensors.
Source: the safetensors format, and safetensors/src/tensor.rs (`MAX_HEADER_SIZE`).
"""

import json
from collections.abc import Mapping
from typing import cast

from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.pickles.judge import tell_hidden
from tollway.pins.weights.reader import Reader

MOST_HEADER = 100_000_000
_MOST_DEPTH = 4
_MOST_TENSORS = 1_000_000
_BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}


class Wrong(ValueError):  # noqa: N818 - what the header is
    """What is wrong with a header, as a clause."""


def is_safetensors(reader: Reader) -> bool:
    head = reader.read(0, 16)
    return len(head) > 8 and head[8:9] == b"{" and head[6:8] == b"\0\0"


def judge_safetensors(reader: Reader, piece: Piece, look: Look) -> None:
    try:
        end = _checked(reader)
    except Wrong as error:
        look.finding(piece.place, "safetensors", str(error))
        return
    except RecursionError:
        look.finding(piece.place, "safetensors", "has a header that is nested without end")
        return
    tell_hidden(reader, (end, reader.size - end), piece, look)


def _checked(reader: Reader) -> int:
    """Where the tensors begin; Wrong where the file is not what rule 1 says."""
    size = int.from_bytes(reader.read(0, 8), "little")
    if size > MOST_HEADER:
        raise Wrong(f"has a header of {size:,} bytes; at most {MOST_HEADER:,} are read")
    if size > reader.size - 8:
        raise Wrong(f"has a header of {size:,} bytes in a file of {reader.size:,}")
    text = reader.read(8, size)
    if _depth(text) > _MOST_DEPTH:
        raise Wrong("has a header that is nested too deep")
    header = _parsed(text)
    tensors = {key: value for key, value in header.items() if key != "__metadata__"}
    if len(tensors) > _MOST_TENSORS:
        raise Wrong(f"has {len(tensors):,} tensors; at most {_MOST_TENSORS:,} are read")
    _metadata(header.get("__metadata__", {}))
    at = 0
    for begin, end, name in sorted(_span(name, entry) for name, entry in tensors.items()):
        if begin != at:
            words = "overlaps another" if begin < at else "leaves a gap before it"
            raise Wrong(f"has a tensor that {words}: {name!r:.80}")
        at = end
    if 8 + size + at != reader.size:
        behind = reader.size - 8 - size - at
        raise Wrong(
            f"has {behind:,} bytes behind its tensors" if behind > 0 else "ends within its tensors"
        )
    return 8 + size


def _depth(text: bytes) -> int:
    """How deep braces nest, those in texts too: names have none."""
    depth = deepest = 0
    for it in text.translate(None, _NO_BRACES):
        depth += 1 if it in b"{[" else -1
        deepest = max(deepest, depth)
        if deepest > 64:
            break
    return deepest


_NO_BRACES = bytes(it for it in range(256) if it not in b"{}[]")


def _parsed(text: bytes) -> Mapping[str, object]:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        held = dict(pairs)
        if len(held) != len(pairs):
            raise Wrong("has a header that says a key twice")
        return held

    def never(word: str) -> object:
        raise Wrong(f"has a header with {word}")

    try:
        words = text.decode("utf-8")
        if not words.startswith("{") or not words.rstrip(" ").endswith("}"):
            raise Wrong("has a header that is no JSON object")
        header = json.loads(words, object_pairs_hook=once, parse_constant=never)
    except Wrong:
        raise
    except ValueError:
        raise Wrong("has a header that is no JSON") from None
    return cast("Mapping[str, object]", header)


def _metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or not all(
        isinstance(it, str) for it in cast("dict[str, object]", metadata).values()
    ):
        raise Wrong("has metadata that is not text by text")


def _span(name: str, entry: object) -> tuple[int, int, str]:
    if not isinstance(entry, dict):
        raise Wrong(f"has no facts of {name!r:.80}")
    facts = cast("dict[str, object]", entry)
    if set(facts) != {"dtype", "shape", "data_offsets"}:
        raise Wrong(f"has other facts of {name!r:.80} than dtype, shape and offsets")
    bits = _BITS.get(str(facts["dtype"]))
    shape, offsets = _numbers(facts["shape"]), _numbers(facts["data_offsets"])
    if bits is None:
        raise Wrong(f"has a tensor of an unknown dtype: {facts['dtype']!r:.40}")
    if shape is None or offsets is None or len(offsets) != 2 or len(shape) > 64:
        raise Wrong(f"has a shape or offsets of {name!r:.80} that are none")
    count = bits
    for it in shape:
        count *= it
        if count >= 1 << 66:
            raise Wrong(f"has a tensor whose size overflows: {name!r:.80}")
    if count % 8 or offsets[1] - offsets[0] != count // 8:
        raise Wrong(f"has a tensor whose bytes are not those of its shape: {name!r:.80}")
    return offsets[0], offsets[1], name


def _numbers(value: object) -> list[int] | None:
    if not isinstance(value, list):
        return None
    held = cast("list[object]", value)
    numbers = [it for it in held if type(it) is int and 0 <= it < 1 << 63]
    return numbers if len(numbers) == len(held) else None
