"""Layers that write single characters in another way: URL, JSON and C, HTML, quoted-printable.

Rules
1. The whole text is decoded, so that what is written half raw and half escaped is found.
"""

import re
from collections.abc import Callable
from html import unescape

from tollway.guard.decoded import Decoded, by_parts

_PERCENT = re.compile(rb"(%[0-9A-Fa-f]{2})")
_BACKSLASH = re.compile(
    rb"(\\(?:[nrtbf\"'\\/]|u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}"
    rb"|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{2}|[0-7]{3}))"
)
_NAMED = b"amp|lt|gt|quot|apos|nbsp|colon|commat|period|lowbar|hyphen|dash|equals|num|plus|sol|bsol"
_ENTITY = re.compile(rb"(&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,7}|" + _NAMED + rb");?)")
_QUOTED = re.compile(rb"(=(?:[0-9A-Fa-f]{2}|[ \t]*\r?\n))")

URL_TRIGGER = "%[0-9A-Fa-f]{2}"
ESCAPE_TRIGGER = r"\\(?:u[0-9A-Fa-f{]|x[0-9A-Fa-f]{2}|[0-7]{3}|[nrtbf\"'\\/])"
HTML_TRIGGER = "&(?:#[0-9xX]|(?:" + _NAMED.decode() + ");)"
QUOTED_TRIGGER = r"=[2-7][0-9A-Fa-f][A-Za-z0-9_=+/.@:-]|[!-~]=[ \t]*\r?\n"

_SIMPLE = {
    rb"\n": b"\n", rb"\r": b"\r", rb"\t": b"\t", rb"\b": b"\b", rb"\f": b"\f",
    rb"\"": b'"', rb"\'": b"'", rb"\\": b"\\", rb"\/": b"/",
}  # fmt: skip


def url(data: bytes) -> Decoded:
    """`%2D` and the like. A plus sign stays what it is: base64 has it."""
    return _undone(data, _PERCENT, _Stands(_hexadecimal))


def escape(data: bytes) -> Decoded:
    """The escapes of JSON, JavaScript, C and Python strings."""
    return _undone(data, _BACKSLASH, _Stands(_character, _SIMPLE))


def html(data: bytes) -> Decoded:
    """Character references: numeric, and the named ones that stand for ASCII."""
    return _undone(data, _ENTITY, _Stands(_entity))


def quoted_printable(data: bytes) -> Decoded:
    """`=2D`, and lines that end in an equals sign (RFC 2045, 6.7)."""
    return _undone(data, _QUOTED, _Stands(_quoted))


class _Stands(dict[bytes, bytes]):
    """What each escape of one text stands for, worked out where it is first met."""

    __slots__ = ("_character",)

    def __init__(
        self, character: Callable[[bytes], bytes], known: dict[bytes, bytes] | None = None
    ) -> None:
        super().__init__(known or {})
        self._character = character

    def __missing__(self, found: bytes) -> bytes:
        stands = self[found] = self._character(found)
        return stands


def _undone(data: bytes, escapes: re.Pattern[bytes], stands: _Stands) -> Decoded:
    """The text with what each escape stands for; a split and a join are a third of the price of a
    substitution with a call for each."""
    parts = escapes.split(data)
    made = parts.copy()
    made[1::2] = map(stands.__getitem__, parts[1::2])
    return Decoded(b"".join(made), by_parts(lambda: (map(len, parts), map(len, made))))


def _hexadecimal(found: bytes) -> bytes:
    return bytes((int(found[1:], 16),))


def _character(found: bytes) -> bytes:
    body = found[1:]
    if body[:1] == b"u" and len(body) == 11:
        high, low = int(body[1:5], 16), int(body[7:], 16)
        return _utf8(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)
    if body[:1] == b"u":
        return _utf8(int(body[1:].strip(b"{}"), 16))
    if body[:1] == b"x":
        return bytes((int(body[1:], 16),))
    return bytes((int(body, 8) & 0xFF,))


def _utf8(point: int) -> bytes:
    return chr(point).encode("utf-8", "surrogatepass") if point < 0x110000 else b"?"


def _entity(found: bytes) -> bytes:
    return unescape(found.decode("ascii")).encode("utf-8", "surrogatepass")


def _quoted(found: bytes) -> bytes:
    return b"" if found[-1:] == b"\n" else _hexadecimal(found)
