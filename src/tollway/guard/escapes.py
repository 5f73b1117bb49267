"""Layers that write single characters in another way: URL, JSON and C, HTML, quoted-printable.

Rules
1. The whole text is decoded, so that what is written half raw and half escaped is found.
"""

import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import unquote_to_bytes

from tollway.guard.decoded import Decoded, Replaced, by_replacements

_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
_BACKSLASH = re.compile(
    rb"\\(?:u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}"
    rb"|u\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{2}|[0-7]{3}|[nrtbf\"'\\/])"
)
_RARE = re.compile(rb"\\[uxbf0-7]")
_NAMED = b"amp|lt|gt|quot|apos|nbsp|colon|commat|period|lowbar|hyphen|dash|equals|num|plus|sol|bsol"
_ENTITY = re.compile(rb"&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,7}|" + _NAMED + rb");?")
_QUOTED = re.compile(rb"=(?:[0-9A-Fa-f]{2}|[ \t]*\r?\n)")

URL_TRIGGER = "%[0-9A-Fa-f]{2}"
ESCAPE_TRIGGER = r"\\(?:u[0-9A-Fa-f{]|x[0-9A-Fa-f]{2}|[0-7]{3}|[nrtbf\"'\\/])"
HTML_TRIGGER = "&(?:#[0-9xX]|(?:" + _NAMED.decode() + ");)"
QUOTED_TRIGGER = r"=[2-7][0-9A-Fa-f][A-Za-z0-9_=+/.@:-]|[!-~]=[ \t]*\r?\n"

_SIMPLE = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f",
    b'"': b'"', b"'": b"'", b"\\": b"\\", b"/": b"/",
}  # fmt: skip


def url(data: bytes) -> Decoded:
    """`%2D` and the like. A plus sign stays what it is: base64 has it."""
    return Decoded(unquote_to_bytes(data), _back(data, _PERCENT, lambda _: 1))


def escape(data: bytes) -> Decoded:
    """The escapes of JSON, JavaScript, C and Python strings."""
    return Decoded(_unescaped(data), _back(data, _BACKSLASH, lambda found: len(_character(found))))


def html(data: bytes) -> Decoded:
    """Character references: numeric, and the named ones that stand for ASCII."""
    text = _ENTITY.sub(lambda match: _entity(match[0]), data)
    return Decoded(text, _back(data, _ENTITY, lambda found: len(_entity(found))))


def quoted_printable(data: bytes) -> Decoded:
    """`=2D`, and lines that end in an equals sign (RFC 2045, 6.7)."""
    text = _QUOTED.sub(lambda match: _quoted(match[0]), data)
    return Decoded(text, _back(data, _QUOTED, lambda found: len(_quoted(found))))


def _back(
    data: bytes, pattern: re.Pattern[bytes], size: Callable[[bytes], int]
) -> Callable[[int, int], tuple[int, int]]:
    def replaced() -> Iterator[Replaced]:
        for match in pattern.finditer(data):
            yield Replaced(match.start(), match.end(), size(match[0]))

    return by_replacements(replaced)


def _unescaped(data: bytes) -> bytes:
    if b"\0" in data:
        return _BACKSLASH.sub(lambda match: _character(match[0]), data)
    # What nearly every JSON text has, without a call for each: pairs of backslashes first, so that
    # every backslash that is left begins an escape.
    head, *parts = data.replace(rb"\\", b"\0").split(b"\\")
    known = _SIMPLE
    text = head + b"".join([known.get(it[:1], b"\\" + it[:1]) + it[1:] for it in parts])
    if _RARE.search(text):
        text = _BACKSLASH.sub(lambda match: _character(match[0]), text)
    return text.replace(b"\0", b"\\")


def _character(found: bytes) -> bytes:
    body = found[1:]
    if body in _SIMPLE:
        return _SIMPLE[body]
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
    return b"" if found[-1:] == b"\n" else bytes((int(found[1:], 16),))
