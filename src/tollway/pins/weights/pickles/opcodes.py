"""The arguments of a pickle's opcodes, read as the interpreter's own unpickler reads them.

Source: CPython's pickle.py and _pickle.c, protocols 0 to 5.
"""

import codecs
from collections.abc import Callable
from functools import cache
from struct import unpack

from tollway.pins.weights.pickles.values import Span
from tollway.pins.weights.reader import Cursor

MOST_LINE = 1 << 20  # bytes of one line of protocol 0
MOST_HELD = 1 << 16  # bytes of a text that is looked into


class Broken(Exception):  # noqa: N818 - it is what the pickle is
    """Why bytes are no pickle, as a clause."""


_Argument = Callable[[Cursor], object]


def _none(_: Cursor) -> object:
    return None


def _always(value: object) -> _Argument:
    return lambda _: value


def _number(form: str, size: int) -> _Argument:
    return lambda cursor: unpack(form, cursor.take(size))[0]


def _sized(form: str, size: int, text: str) -> _Argument:
    """A length, then bytes: a text in the encoding `text`, or bytes where that is empty."""

    def read(cursor: Cursor) -> object:
        count = unpack(form, cursor.take(size))[0]
        if count < 0:
            raise Broken("a length below zero")
        if count > MOST_HELD:
            start = cursor.position
            cursor.skip(count)
            return Span(start, count)
        held = cursor.take(count)
        return held.decode(text, "surrogatepass" if text == "utf-8" else "strict") if text else held

    return read


def _long(form: str, size: int) -> _Argument:
    def read(cursor: Cursor) -> object:
        count = unpack(form, cursor.take(size))[0]
        if count < 0 or count > MOST_HELD:
            raise Broken("a number of a wrong length")
        return int.from_bytes(cursor.take(count), "little", signed=True)

    return read


def _line(cursor: Cursor) -> str:
    return cursor.line(MOST_LINE).decode("utf-8", "surrogateescape")


def _int_line(cursor: Cursor) -> object:
    line = cursor.line(4300)
    if line in (b"00", b"01"):
        return line == b"01"
    return int(line.decode("latin-1"), 0)


def _long_line(cursor: Cursor) -> object:
    line = cursor.line(4300).decode("latin-1")
    return int(line.removesuffix("L"), 0)


def _float_line(cursor: Cursor) -> object:
    return float(cursor.line(4300))


def _string_line(cursor: Cursor) -> object:
    line = cursor.line(MOST_LINE).strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise Broken("a text without quotes")
    return codecs.escape_decode(line[1:-1])[0].decode("latin-1")


def _unicode_line(cursor: Cursor) -> object:
    return cursor.line(MOST_LINE).decode("raw-unicode-escape")


def _memo_line(cursor: Cursor) -> object:
    return int(cursor.line(100))


def _two_lines(cursor: Cursor) -> object:
    return _line(cursor), _line(cursor)


@cache
def argument_readers() -> tuple[_Argument | None, ...]:
    """For each byte, how the opcode's argument is read; None where it is no opcode."""
    named: dict[str, _Argument] = dict.fromkeys(
        "(.012Rbacdeou)}]lst\x81\x85\x86\x87\x8f\x90\x91\x92\x93\x94\x97\x98Q", _none
    )
    named |= {
        "N": _none,
        "\x88": _always(True),
        "\x89": _always(False),
        "I": _int_line,
        "J": _number("<i", 4),
        "K": _number("<B", 1),
        "M": _number("<H", 2),
        "L": _long_line,
        "\x8a": _long("<B", 1),
        "\x8b": _long("<i", 4),
        "S": _string_line,
        "T": _sized("<i", 4, "latin-1"),
        "U": _sized("<B", 1, "latin-1"),
        "V": _unicode_line,
        "X": _sized("<I", 4, "utf-8"),
        "\x8c": _sized("<B", 1, "utf-8"),
        "\x8d": _sized("<Q", 8, "utf-8"),
        "B": _sized("<I", 4, ""),
        "C": _sized("<B", 1, ""),
        "\x8e": _sized("<Q", 8, ""),
        "\x96": _sized("<Q", 8, ""),
        "F": _float_line,
        "G": _number(">d", 8),
        "c": _two_lines,
        "i": _two_lines,
        "P": _line,
        "p": _memo_line,
        "g": _memo_line,
        "q": _number("<B", 1),
        "h": _number("<B", 1),
        "r": _number("<I", 4),
        "j": _number("<I", 4),
        "\x80": _number("<B", 1),
        "\x82": _number("<B", 1),
        "\x83": _number("<H", 2),
        "\x84": _number("<i", 4),
        "\x95": _number("<Q", 8),
    }
    return tuple(named.get(chr(code)) for code in range(256))
