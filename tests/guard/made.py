"""Examples of detectors, made up where they are needed: no file holds a whole secret."""

import base64
import bz2
import gzip
import json
import lzma
import random
import re
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tollway.guard.detector import Detector, standing_detectors
from tollway.guard.scanner import Scanner

_ALPHABETS = {
    "alnum": string.ascii_letters + string.digits,
    "word": string.ascii_letters + string.digits + "_-",
    "mixed": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    "lower": string.ascii_lowercase,
    "digit": string.digits,
    "base32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "base64": string.ascii_letters + string.digits + "+/",
    "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
_SLOT = re.compile(r"<(\w+) (\d+)>")


def made(example: str, seed: int = 1) -> str:
    """An example with its slots filled: `<alnum 36>` becomes as many letters."""
    draw = random.Random(f"{seed} {example}")

    def fill(slot: re.Match[str]) -> str:
        kind, size = slot[1], int(slot[2])
        if kind == "jwt":
            parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": "1", "iat": 1}]
            heads = [base64.urlsafe_b64encode(json.dumps(it).encode()).decode() for it in parts]
            return ".".join([*(it.rstrip("=") for it in heads), letters("word", size)])
        return letters(kind, size)

    def letters(kind: str, size: int) -> str:
        drawn = "".join(draw.choices(_ALPHABETS[kind], k=size))
        if kind in ("mixed", "alnum", "word") and size >= 12:
            return "aB7" + drawn[3:-2] + "x9"
        return drawn

    return _SLOT.sub(fill, example)


@cache
def scanner() -> Scanner:
    """Every standing detector."""
    return Scanner()


def firing() -> list[tuple[Detector, str]]:
    """Each detector with each text that it must fire in."""
    return [(one, made(text)) for one in standing_detectors() for text in one.fires]


def secret_in(text: str, detector: Detector) -> str:
    """The part of a text that a detector finds."""
    data = text.encode()
    found = [it for it in scanner().scan(data) if it.detector == detector.id]
    assert found, (detector.id, text)
    return data[found[0].start : found[0].end].decode()


@dataclass(frozen=True)
class Encoding:
    """One way to hide a text: its name and what does it."""

    name: str
    encode: Callable[[str], str]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _quoted(text: str) -> str:
    return "".join(f"={ord(c):02X}" + ("=\n" if i % 24 == 23 else "") for i, c in enumerate(text))


def _zip(data: bytes) -> bytes:
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("secret.txt", data)
    return out.getvalue()


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(c)) if " " <= c <= "~" else c for c in text)


ENCODINGS = [
    Encoding("plain", lambda it: it),
    Encoding("base64", lambda it: _b64(it.encode())),
    Encoding("base64 without padding", lambda it: _b64(it.encode()).rstrip("=")),
    Encoding("base64url", lambda it: base64.urlsafe_b64encode(it.encode()).decode()),
    Encoding("base64 in lines", lambda it: base64.encodebytes(f"{it}\n".encode() * 3).decode()),
    Encoding("base64 with letters glued to its front", lambda it: "Qx9" + _b64(it.encode())),
    Encoding("base64 glued by one letter", lambda it: "Q" + _b64(it.encode())),
    Encoding("base64 of UTF-16", lambda it: _b64(it.encode("utf-16-le"))),
    Encoding("base64 twice", lambda it: _b64(_b64(it.encode()).encode())),
    Encoding("base64 thrice", lambda it: _b64(_b64(_b64(it.encode()).encode()).encode())),
    Encoding("hex", lambda it: it.encode().hex()),
    Encoding("HEX with an odd digit before", lambda it: "F" + it.encode().hex().upper()),
    Encoding("hex with spaces", lambda it: it.encode().hex(" ")),
    Encoding("hex with colons", lambda it: it.encode().hex(":")),
    Encoding("hex as C", lambda it: "".join(f"\\x{c:02x}" for c in it.encode())),
    Encoding("base64 in hex", lambda it: _b64(it.encode()).encode().hex()),
    Encoding("gzip in base64", lambda it: _b64(gzip.compress(it.encode()))),
    Encoding("zlib in base64", lambda it: _b64(zlib.compress(it.encode()))),
    Encoding("bzip2 in base64", lambda it: _b64(bz2.compress(it.encode()))),
    Encoding("xz in base64", lambda it: _b64(lzma.compress(it.encode()))),
    Encoding("zip in base64", lambda it: _b64(_zip(it.encode()))),
    Encoding("gzip in hex", lambda it: gzip.compress(it.encode()).hex()),
    Encoding("URL, every letter", lambda it: "".join(f"%{c:02x}" for c in it.encode())),
    Encoding("URL, every other letter", lambda it: "".join(
        _percent(c) if i % 2 else c for i, c in enumerate(it))),
    Encoding("URL twice", lambda it: "".join(f"%25{c:02x}" for c in it.encode())),
    Encoding("JSON, every letter", lambda it: "".join(f"\\u{ord(c):04x}" for c in it)),
    Encoding("JSON in JSON", lambda it: json.dumps(json.dumps("\n" + it + "\n"))),
    Encoding("JavaScript", lambda it: "".join(f"\\u{{{ord(c):x}}}" for c in it)),
    Encoding("HTML, decimal", lambda it: "".join(f"&#{ord(c)};" for c in it)),
    Encoding("HTML, hexadecimal", lambda it: "".join(f"&#x{ord(c):X};" for c in it)),
    Encoding("quoted-printable", _quoted),
    Encoding("fullwidth", _wide),
    Encoding("tag characters", _tags),
    Encoding("zero-width spaces between", "\u200b".join),
    Encoding("soft hyphens and joiners", "\u00ad\u200d".join),
    Encoding("right-to-left marks", "\u202e".join),
    Encoding("combining marks", lambda it: "".join(c + "\u0336" for c in it)),
    Encoding("Cyrillic look-alikes", lambda it: it.translate(
        str.maketrans("aceopxyABEHKMOPCTX", "асеорхуАВЕНКМОРСТХ"))),
    Encoding("mathematical letters", lambda it: "".join(
        chr(0x1D5BA + ord(c) - 97) if c.islower() else
        chr(0x1D5A0 + ord(c) - 65) if c.isupper() else c for c in it)),
]  # fmt: skip

SPACED = Encoding("spaces between letters", " ".join)
"""For what has no white space of its own, and no letter that `spaced` leaves alone."""
