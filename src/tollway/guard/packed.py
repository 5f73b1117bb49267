"""Layers that write a stretch of bytes in other characters, or packed: base64, hex, gzip, zip.

Rules
1. A run of the alphabet is decoded from each place where it may begin, so that letters glued to its
   front hide nothing.
2. Of what comes out only stretches of text, and what begins like a packed stream, are kept: most
   runs are names in a program, and decode to noise.
"""

import bz2
import lzma
import re
import zlib
from binascii import a2b_base64, unhexlify
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate

from tollway.guard.automaton import Pattern
from tollway.guard.decoded import Decoded, Locate, Pieces, Work, whole

_BASE64 = "[A-Za-z0-9+/_-]"
_SHORTEST = 12
"""Letters of base64: nine bytes, the shortest number that a detector finds."""

_WRAPPED = rf"(?:[ \t]*(?:\r?\n|\\r\\n|\\n)[ \t>#\"]*{_BASE64}{{4,}})*"
_LOW, _TELLING = "[a-z_/-]", "[A-Z0-9+]"
_UNBROKEN = "(?:{})".format(
    "|".join(
        f"{_BASE64}{_LOW}{{{low}{',48' if low == _SHORTEST - 2 else ''}}}{_TELLING}"
        f"{_BASE64}{{{max(_SHORTEST - 2 - low, 0)},}}"
        for low in range(_SHORTEST - 2, -1, -1)
    )
)
_BASE64_RUN = _UNBROKEN + _WRAPPED
"""A run of small letters, the first of them perhaps a capital, is a word, a name or a path: of 12
letters of base64 one in ten thousand is such, of 20 one in ten million. A run in which more than 48
small letters come first is taken from the 48th before the first other."""

_HEX_APART = "[0-9A-Fa-f]{2}(?:[ :,-][0-9A-Fa-f]{2}){7,}|(?:0x[0-9A-Fa-f]{2},?[ \n]*){8,}"
HEX_TRIGGER = f"[0-9A-Fa-f]{{18}}|{_HEX_APART}"
_HEX_RUN = f"[0-9A-Fa-f]{{18,}}|{_HEX_APART}"
SPACED_TRIGGER = r"[0-9A-Za-z@_+/=-](?:[ \t\n.|,*][0-9A-Za-z@_+/=-]){10}"
_SPACED_RUN = f"{SPACED_TRIGGER}(?:[ \\t\\n.|,*][0-9A-Za-z@_+/=-])*"
UTF16_TRIGGER = r"(?:[\t\n\r -~]\x00){8}"
_UTF16_RUN = r"(?:[\t\n\r -~]\x00){8,}"
_TEXT_RUN = r"[\t\n\r -~\x{80}-\x{10FFFF}]{8,}|" + _UTF16_RUN

_NOT_HEX = re.compile(rb"0x|[^0-9A-Fa-f]")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_SIGNS = r"\x1F\x8B\x08|x[\x01\x5E\x9C\xDA]|BZh|\xFD7zXZ\x00|PK\x03\x04"
"""How gzip, zlib (at each level), bzip2, xz and zip begin."""
_LARGEST_STEP = 1 << 16


Span = tuple[int, int]


class Packing:
    """The decoders of runs, with their compiled patterns."""

    __slots__ = ("_base64", "_hex", "_line", "_signs", "_spaced", "_text", "_utf16")

    def __init__(self) -> None:
        self._base64 = Pattern(_BASE64_RUN)
        self._line = Pattern(_UNBROKEN)
        self._hex = Pattern(_HEX_RUN)
        self._spaced = Pattern(_SPACED_RUN)
        self._text = Pattern(_TEXT_RUN)
        self._utf16 = Pattern(_UTF16_RUN)
        self._signs = Pattern(_SIGNS, binary=True)

    def base64(self, data: bytes, work: Work) -> Decoded | None:
        """Base64 of either alphabet, padded or not, in lines or one. Lines may also be one each."""
        spans = self._base64.spans(data) if len(data) >= _SHORTEST else []
        if not spans:
            return None
        runs = _Runs(data, "base64", spans, work, _one_line, 4)
        pieces = Pieces()
        self._from_base64(runs, pieces, work)
        lines = [
            (first + start, first + end)
            for first, last in runs.in_lines()
            for start, end in self._line.spans(data[first:last])
        ]
        if lines:
            self._from_base64(_Runs(data, "base64", lines, work, _one_line, 4), pieces, work)
        return pieces.decoded()

    def _from_base64(self, runs: "_Runs", pieces: Pieces, work: Work) -> None:
        text = runs.text.translate(_STANDARD)
        for shift in range(4):
            if not text or not work.take(len(text)):
                break
            decoded = a2b_base64(b"AAAA"[:shift] + text[: len(text) - shift])
            self._keep(decoded, runs, pieces, _from_base64(runs, shift), work)

    def hex(self, data: bytes, work: Work) -> Decoded | None:
        """Hexadecimal digits, alone or in pairs with marks between them."""
        runs = _Runs(data, "hex", self._hex.spans(data), work, _digits, 2)
        pieces = Pieces()
        for shift in range(2):
            if not runs.text or not work.take(len(runs.text)):
                break
            digits = b"0"[:shift] + runs.text[: len(runs.text) - 2 * shift] + b"0"[:shift]
            self._keep(unhexlify(digits), runs, pieces, _from_hex(runs, shift), work)
        return pieces.decoded()

    def spaced(self, data: bytes, work: Work) -> Decoded | None:
        """Letters with one mark between each two of them."""
        return _every_other("spaced", self._spaced.spans(data), data, work)

    def utf16(self, data: bytes, work: Work) -> Decoded | None:
        """ASCII as UTF-16, of either byte order."""
        return _every_other("utf-16", self._utf16.spans(data), data, work)

    def packed(self, data: bytes, work: Work) -> Decoded | None:
        """What gzip, zlib, zip (deflate), bzip2 and xz streams within a text hold. Of a damaged one
        what came out before the fault, where that is text: noise, too, begins like streams."""
        pieces = Pieces()
        for at, _ in self._signs.spans(data):
            stream = data[at:]
            if not work.fresh("packed", [stream[:256] + b"%d" % len(stream)]):
                continue
            back = whole(at, len(data))
            opened, complete = _opened(stream, work)
            if complete:
                pieces.add(opened, back)
            else:
                self._keep_text(opened, pieces, back)
        return pieces.decoded()

    def _keep(
        self, decoded: bytes, runs: "_Runs", pieces: Pieces, back: Locate, work: Work
    ) -> None:
        self._keep_text(decoded, pieces, back)
        if decoded.isascii():
            return
        for at, _ in self._signs.spans(decoded):
            stream = decoded[at : at + runs.rest(back(at, at + 1)[0])]
            left = work.left
            opened, complete = _opened(stream, work)
            work.left = left  # it is opened again, as a text within this one
            worth = (self._text, self._signs)
            if complete or any(one.first(opened, 0) is not None for one in worth):
                pieces.add(stream, _shifted(back, at))

    def _keep_text(self, decoded: bytes, pieces: Pieces, back: Locate) -> None:
        for start, end in self._text.spans(decoded):
            pieces.add(decoded[start:end], _shifted(back, start))


def _every_other(layer: str, spans: list[Span], data: bytes, work: Work) -> Decoded | None:
    pieces = Pieces()
    segments = [data[start:end] for start, end in spans]
    for place in work.fresh(layer, segments):
        if work.take(len(segments[place])):
            pieces.add(segments[place][::2], _from_every_other(spans[place][0]))
    return pieces.decoded()


def _one_line(runs: list[bytes]) -> list[bytes]:
    newline, backslash = b"\n\\"  # a byte is looked for three times as fast as a string of one
    return [_unwrapped(run) if newline in run or backslash in run else run for run in runs]


def _unwrapped(run: bytes) -> bytes:
    return run.replace(rb"\r", b"").replace(rb"\n", b"").translate(None, b' \t\r\n>#"')


def _digits(runs: list[bytes]) -> list[bytes]:
    return [run if run.isalnum() and run[1:2] != b"x" else _NOT_HEX.sub(b"", run) for run in runs]


def _opened(stream: bytes, work: Work) -> tuple[bytes, bool]:
    """What a packed stream holds, as far as it can be read and the budget allows, and whether it
    came to its end."""
    parts: list[bytes] = []
    try:
        for part in _parts(stream, min(work.left, _LARGEST_STEP)):
            if not work.take(len(part)):
                return b"".join(parts), False
            parts.append(part)
    except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError):
        return b"".join(parts), False
    return b"".join(parts), True


def _parts(stream: bytes, step: int) -> Iterator[bytes]:
    if stream[:2] == b"BZ" or stream[:1] == b"\xfd":
        other = bz2.BZ2Decompressor() if stream[:2] == b"BZ" else lzma.LZMADecompressor()
        rest = stream
        while not other.eof:
            part = other.decompress(rest, step)
            rest = b""
            if not part and other.needs_input:
                return
            yield part
        return
    bits = 47
    if stream[:2] == b"PK":
        if stream[8:10] != b"\x08\x00":
            return  # stored: its bytes are in the text as they are
        header = (
            30 + int.from_bytes(stream[26:28], "little") + int.from_bytes(stream[28:30], "little")
        )
        bits, stream = -15, stream[header:]
    yield from _inflated(stream, bits, step)


def _inflated(stream: bytes, bits: int, step: int) -> Iterator[bytes]:
    inflate = zlib.decompressobj(bits)
    for at in range(0, len(stream), 512):  # in steps: a damaged end does not hide the beginning
        rest = stream[at : at + 512]
        while rest and not inflate.eof:
            part = inflate.decompress(rest, step)
            rest = inflate.unconsumed_tail
            if part:
                yield part
        if inflate.eof:
            return


class _Runs:
    """The runs of one alphabet in a text, in one string, each followed by what decodes to NUL.
    Those that a layer left as they were in a text before are not decoded again."""

    __slots__ = ("_lengths", "_sizes", "_spans", "_starts", "text")

    def __init__(
        self,
        data: bytes,
        layer: str,
        spans: list[Span],
        work: Work,
        clean: Callable[[list[bytes]], list[bytes]],
        unit: int,
    ) -> None:
        segments = [data[start:end] for start, end in spans]
        places = work.fresh(layer, segments)
        cleaned = clean([segments[place] for place in places])
        zero = b"A" if unit == 4 else b"0"
        pads = [zero * (unit + -size % unit) for size in range(unit)]
        padded = [run + pads[len(run) % unit] for run in cleaned]
        self.text = b"".join(padded)
        self._spans = [spans[place] for place in places]
        self._lengths = [*map(len, cleaned)]
        self._sizes = [*map(len, padded)]
        self._starts: list[int] = []

    def in_lines(self) -> list[Span]:
        """Those that had something to take out."""
        sized = zip(self._spans, self._lengths, strict=True)
        return [(start, end) for (start, end), size in sized if size != end - start]

    def place(self, start: int, end: int) -> Span:
        """Positions in the string -> positions in the text."""
        if not self._starts:
            self._starts = [*accumulate(self._sizes, initial=0)]
        row = min(max(bisect_right(self._starts, start) - 1, 0), len(self._spans) - 1)
        first, last = self._spans[row]
        if self._lengths[row] != last - first:
            return first, last
        offset = first - self._starts[row]
        return max(start + offset, first), min(end + offset, last)

    def rest(self, at: int) -> int:
        """At most how many bytes the run that holds position `at` of the text decodes to."""
        row = max(bisect_right(self._spans, (at, len(self.text) + at)) - 1, 0)
        return self._lengths[row]


def _from_base64(runs: _Runs, shift: int) -> Locate:
    def locate(start: int, end: int) -> tuple[int, int]:
        return runs.place(max(start * 4 // 3 - shift, 0), -(-end * 4 // 3) - shift)

    return locate


def _from_hex(runs: _Runs, shift: int) -> Locate:
    return lambda start, end: runs.place(max(2 * start - shift, 0), 2 * end - shift)


def _from_every_other(start: int) -> Locate:
    return lambda first, last: (start + 2 * first, start + 2 * last - 1)


def _shifted(back: Locate, by: int) -> Locate:
    return lambda start, end: back(start + by, end + by)
