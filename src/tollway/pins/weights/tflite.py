"""TensorFlow Lite: the operators that a flatbuffer names.

Rules
1. A custom operator is code of its own, unless it is a known one; a Flex operator is judged as the
   TensorFlow operator that it is.
Source: tensorflow/lite/schema/schema.fbs.
"""

from struct import unpack

from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.protobufs.operators import is_dangerous
from tollway.pins.weights.reader import Reader

_KNOWN = frozenset(
    {
        "TFLite_Detection_PostProcess",
        "Convolution2DTransposeBias",
        "MaxPoolingWithArgmax2D",
        "MaxUnpooling2D",
        "Mfcc",
        "AudioSpectrogram",
    }
)
_CUSTOM = 32
_MOST = 10_000


def judge_tflite(reader: Reader, piece: Piece, look: Look) -> None:
    try:
        for builtin, name in _operators(reader):
            wrong = _wrong(builtin, name)
            if wrong:
                look.finding(piece.place, "custom-operator", wrong)
    except (ValueError, IndexError):
        look.unread(piece.place, "its structure is not understood")


def _wrong(builtin: int, name: str) -> str | None:
    if builtin != _CUSTOM and not name:
        return None
    if name.startswith("Flex"):
        word = name.removeprefix("Flex")
        return f"has the operator {name}" if is_dangerous(word) else None
    return None if name in _KNOWN else f"has the custom operator {name!r}"


def _operators(reader: Reader) -> list[tuple[int, str]]:
    def number(at: int, form: str, size: int) -> int:
        data = reader.read(at, size)
        if at < 0 or len(data) < size:
            raise ValueError("ends early")
        return int(unpack(form, data)[0])

    def field(table: int, index: int) -> int:
        """Where a table's field lies; 0 where it is not set."""
        vtable = table - number(table, "<i", 4)
        if 4 + 2 * index >= number(vtable, "<H", 2):
            return 0
        offset = number(vtable + 4 + 2 * index, "<H", 2)
        return table + offset if offset else 0

    root = number(0, "<I", 4)
    codes = field(root, 1)
    if not codes:
        return []
    vector = codes + number(codes, "<I", 4)
    count = number(vector, "<I", 4)
    if count > _MOST:
        raise ValueError("has too many operators")
    out: list[tuple[int, str]] = []
    for index in range(count):
        slot = vector + 4 + 4 * index
        table = slot + number(slot, "<I", 4)
        old, text, new = field(table, 0), field(table, 1), field(table, 3)
        builtin = max(number(old, "<b", 1) if old else 0, number(new, "<i", 4) if new else 0)
        name = ""
        if text:
            start = text + number(text, "<I", 4)
            length = number(start, "<I", 4)
            name = reader.read(start + 4, min(length, 1000)).decode("utf-8", "replace")
        out.append((builtin, name))
    return out
