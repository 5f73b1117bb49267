"""The layer of Unicode tricks: what looks like ASCII, or hides in it, as the ASCII it stands for.

Sources: compatibility forms and marks are those of the Unicode Character Database (`unicodedata`);
look-alikes are a part of UTS #39's confusables.txt, those of Latin letters, digits and hyphens:
https://www.unicode.org/Public/security/latest/confusables.txt
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from tollway.guard.decoded import Decoded, by_parts

_HIDDEN = (
    r"\x{AD}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{200B}-\x{200F}"
    r"\x{202A}-\x{202E}\x{2060}-\x{206F}\x{3164}\x{FE00}-\x{FE0F}\x{FEFF}\x{FFA0}\x{E0000}-\x{E0FFF}"
)
_FORMS = (
    r"\x{AA}\x{B2}\x{B3}\x{B9}\x{BA}\x{2070}-\x{209C}\x{2100}-\x{214F}\x{2460}-\x{24FF}"
    r"\x{3000}\x{FE50}-\x{FE6B}\x{FF01}-\x{FF5E}\x{1D400}-\x{1D7FF}\x{1F100}-\x{1F1FF}"
)
_DIGITS = (
    r"\x{660}-\x{669}\x{6F0}-\x{6F9}\x{7C0}-\x{7C9}\x{966}-\x{96F}\x{9E6}-\x{9EF}\x{A66}-\x{A6F}"
    r"\x{AE6}-\x{AEF}\x{B66}-\x{B6F}\x{BE6}-\x{BEF}\x{C66}-\x{C6F}\x{CE6}-\x{CEF}\x{D66}-\x{D6F}"
    r"\x{E50}-\x{E59}\x{ED0}-\x{ED9}\x{F20}-\x{F29}\x{1040}-\x{1049}\x{17E0}-\x{17E9}"
)
_MARKS = (
    r"\x{300}-\x{36F}\x{483}-\x{489}\x{1AB0}-\x{1AFF}\x{1DC0}-\x{1DFF}\x{20D0}-\x{20FF}"
    r"\x{FE20}-\x{FE2F}"
)
_ALIKE = r"\x{131}\x{237}\x{251}\x{261}\x{370}-\x{58F}\x{13A0}-\x{13F5}\x{A4D0}-\x{A4FD}"
_DASHES = (
    r"\x{2010}-\x{2015}\x{2043}\x{2212}\x{2044}\x{2215}\x{B7}\x{2024}\x{A0}"
    r"\x{2000}-\x{200A}\x{202F}\x{85}\x{1680}\x{2028}\x{2029}\x{205F}"
)
_PLAIN = r"[0-9A-Za-z_+/=-]"

FOLD_TRIGGER = (
    f"[{_HIDDEN}{_FORMS}{_DIGITS}]|[!-~][{_MARKS}]|{_PLAIN}[{_ALIKE}]|[{_ALIKE}]{_PLAIN}"
    f"|[0-9A-Za-z][{_DASHES}][0-9A-Za-z]|[{_ALIKE}][ -][0-9]|[0-9][ -][{_ALIKE}]"
    # A letter that is only marked: folded where it stands between plain ones of a long word.
    r"|[0-9A-Za-z_-]{4}[\x{C0}-\x{24F}\x{1E00}-\x{1EFF}][0-9A-Za-z_-]{4}"
)

# Not what stands for a byte that is no UTF-8 (surrogateescape): of that there is most in noise.
_RUN = re.compile(r"[^\x00-\x7f\ud800-\udfff]+")
_LETTER = re.compile(r"([^\x00-\x7f])")
_CYRILLIC = ("АВЕЅІЈКМНОРСТУХасеіјорѕухһԁԛԝӏ", "ABESIJKMHOPCTYXaceijopsyxhdqwl")
_GREEK = ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορυϲϳ", "ABEZHIKMNOPTYXayikvopucj")
_OTHERS = ("ıȷɑɡՏՕՍսհոօցզԱᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷΝᏢᎡᏚᎢᏙᎳᏃ", "ijagSOUuhnogqUABCDEGHiJKLMNPRSTVWZ")
_SIGNS = ("‐‑‒–—―⁃−⁄∕·․\xa0\x85\u2028\u2029", "--------//..\x20\n\n\n")


class _Stands(dict[int, str]):
    """What each code point stands for, worked out when it is first asked for."""

    def __missing__(self, point: int) -> str:
        stands = _stands_for(chr(point))
        self[point] = stands
        return stands


@cache
def _stands() -> _Stands:
    pairs = (_CYRILLIC, _GREEK, _OTHERS, _SIGNS)
    return _Stands({ord(a): b for these, those in pairs for a, b in zip(these, those, strict=True)})


def _stands_for(character: str) -> str:
    point = ord(character)
    if 0xE0020 <= point <= 0xE007E:  # tag characters repeat ASCII, unseen
        return chr(point - 0xE0000)
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or point in (0x115F, 0x1160, 0x3164):
        return ""
    if unicodedata.category(character) == "Zs":
        return " "
    parts = unicodedata.normalize("NFKD", character)
    if parts == character:
        return character
    return "".join(_stands()[ord(part)] if part > "\x7f" else part for part in parts)


def fold(data: bytes) -> Decoded:
    """The text with look-alikes as ASCII, and without what is not seen."""
    text = data.decode("utf-8", "surrogateescape")
    table = _stands()
    folded = _RUN.sub(lambda match: match[0].translate(table), text)

    def sizes() -> tuple[Iterator[int], Iterator[int]]:
        parts = _LETTER.split(text)
        made = [table[ord(part)] if place % 2 else part for place, part in enumerate(parts)]
        return map(_size, parts), map(_size, made)

    return Decoded(folded.encode("utf-8", "surrogateescape"), by_parts(sizes))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
