"""Layers that write a stretch of bytes in other characters, or packed: base64, hex, gzip, zip.

Rules
1. A run of the alphabet is decoded from each place where it may begin, so that letters glued to its
   front hide nothing.
2. Of what comes out only stretches of text, and what begins like a packed stream, are kept: most
   runs are names in a program, and decode to noise.
"""

import re
from binascii import a2b_base64, unhexlify
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from tollway.guard.automaton import Pattern
from tollway.guard.decoded import Decoded, Locate, Pieces, Work, whole
from tollway.guard.opening import SIGNS, opened

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
_APART = r"(?:[ \t\n\r\v\f.|,*][0-9A-Za-z@_+/=-])"
SPACED_TRIGGER = f"[0-9A-Za-z@_+/=-]{_APART}{{10}}"
_SPACED_RUN = f"{SPACED_TRIGGER}{_APART}*"
UTF16_TRIGGER = r"(?:[\t\n\r -~]\x00){8}"
_UTF16_RUN = r"(?:[\t\n\r -~]\x00){8,}"
_TEXT_RUN = r"[\t\n\r -~\x{80}-\x{10FFFF}]{8,}|" + _UTF16_RUN

_NOT_HEX = re.compile(rb"0x|[^0-9A-Fa-f]")
_STANDARD = bytes.maketrans(b"-_", b"+/")


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
        self._signs = Pattern(SIGNS, binary=True)

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
            back = _from_base64(runs, shift)
            texts = self._keep(decoded, runs, pieces, back, work)
            for start, end in texts if shift else ():
                # The first three bytes of a run are, in part, of the letters that are glued to its
                # front, and may look like a letter of the word.
                at = start - start % 3
                if end > at + 3 and runs.begins_at(at // 3 * 4):
                    pieces.add(decoded[at + 3 : end], _shifted(back, at + 3))

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
        """Letters with one mark between each two of them; with and without the first and the last,
        where those are of the words beside."""
        pieces = Pieces()
        spans = self._spaced.spans(data)
        segments = [data[max(start - 1, 0) : end + 1] for start, end in spans]
        for place in work.fresh("spaced", segments):
            start, end = spans[place]
            if not work.take(end - start):
                break
            pieces.add(data[start:end:2], _from_every_other(start))
            first = start + 2 * data[max(start - 1, 0) : start].isalnum()
            last = end - 2 * data[end : end + 1].isalnum()
            if (first, last) != (start, end):
                pieces.add(data[first:last:2], _from_every_other(first))
        return pieces.decoded()

    def utf16(self, data: bytes, work: Work) -> Decoded | None:
        """ASCII as UTF-16, of either byte order."""
        pieces = Pieces()
        spans = self._utf16.spans(data)
        segments = [data[start:end] for start, end in spans]
        for place in work.fresh("utf-16", segments):
            if work.take(len(segments[place])):
                pieces.add(segments[place][::2], _from_every_other(spans[place][0]))
        return pieces.decoded()

    def packed(self, data: bytes, work: Work) -> Decoded | None:
        """What gzip, zlib, zip, bzip2 and xz streams within a text hold. Of a damaged one what came
        out before the fault, where that is text: noise, too, begins like streams."""
        pieces, view = Pieces(), memoryview(data)
        for at, _ in self._signs.spans(data):
            if not work.fresh("packed", [data[at : at + 256] + b"%d" % (len(data) - at)]):
                continue
            back = whole(at, len(data))
            for content, complete in opened(view[at:], work):
                if complete and self._is_worth(content):
                    pieces.add(content, back)
                else:
                    self._keep_text(content, pieces, back)
        return pieces.decoded()

    def _keep(
        self, decoded: bytes, runs: "_Runs", pieces: Pieces, back: Locate, work: Work
    ) -> list[Span]:
        """Keep what is text and what packed streams hold; where the texts are."""
        texts = self._keep_text(decoded, pieces, back)
        if decoded.isascii():
            return texts
        for at, _ in self._signs.spans(decoded):
            stream = decoded[at : at + runs.rest(back(at, at + 1)[0])]
            # What comes out, never the stream: noise that begins like one goes on for long.
            for content, _ in opened(memoryview(stream), work):
                if self._is_worth(content):
                    pieces.add(content, whole(*back(at, at + len(stream))))
        return texts

    def _is_worth(self, content: bytes) -> bool:
        return any(one.first(content, 0) is not None for one in (self._text, self._signs))

    def _keep_text(self, decoded: bytes, pieces: Pieces, back: Locate) -> list[Span]:
        texts = self._text.spans(decoded)
        for start, end in texts:
            pieces.add(decoded[start:end], _shifted(back, start))
        return texts


def _one_line(runs: list[bytes]) -> list[bytes]:
    newline, backslash = b"\n\\"  # a byte is looked for three times as fast as a string of one
    return [_unwrapped(run) if newline in run or backslash in run else run for run in runs]


def _unwrapped(run: bytes) -> bytes:
    return run.replace(rb"\r", b"").replace(rb"\n", b"").translate(None, b' \t\r\n>#"')


def _digits(runs: list[bytes]) -> list[bytes]:
    return [run if run.isalnum() and run[1:2] != b"x" else _NOT_HEX.sub(b"", run) for run in runs]


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

    def begins_at(self, at: int) -> bool:
        """Whether a run begins at a position in the string."""
        starts = self._all_starts()
        return starts[bisect_right(starts, at) - 1] == at

    def _all_starts(self) -> list[int]:
        if not self._starts:
            self._starts = [*accumulate(self._sizes, initial=0)]
        return self._starts

    def place(self, start: int, end: int) -> Span:
        """Positions in the string -> positions in the text."""
        self._all_starts()
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
