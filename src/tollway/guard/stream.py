"""A stream of text, of which goes out only what can no longer be a part of something found.

Rules
1. Held back is the last word, since it may be the beginning of anything in any encoding, and what
   stands before it where a match may hold white space: digits in groups, lines of base64, letters
   with spaces between them, a PEM block, a term of several words.
2. At most `MOST_HELD` bytes are held. A longer word goes out from its beginning, the last
   `KEPT` bytes of it staying, so that what is encoded in less is found before any of it is out.
3. What went out stays known for `CONTEXT` bytes, for what stands before a match to count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tollway.guard.automaton import Pattern
from tollway.guard.finding import Finding
from tollway.guard.limit import Limit, OverLimitError
from tollway.guard.scanner import Scanner, uninspected

KEPT = 4096
MOST_HELD = 2 * KEPT
CONTEXT = 128

_WORD = (
    r"[!-~\x{7F}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{200F}\x{202A}-\x{202E}"
    r"\x{2060}-\x{2FFF}\x{A000}-\x{ABFF}\x{D7B0}-\x{FFFD}\x{10000}-\x{1FFFF}\x{E0000}-\x{E0FFF}]"
)
"""Of a word: everything but white space and the letters of Chinese, Japanese and Korean, which are
written without any."""

_LINES = (
    # Lines of base64, and a soft line break of quoted-printable.
    r"[A-Za-z0-9+/_=-]{14,}[ \t]*\r?\n?[ \t>#\"]*",
    r"(?:[A-Za-z0-9+/_-]{14,}[ \t]*\r?\n[ \t>#\"]*)+[A-Za-z0-9+/_=-]*",
    r"(?:[!-~]{1,100}=[ \t]*\r?\n)+[!-~]{0,100}",
)
"""What may reach over white space, from the beginning of the word that it begins in: the beginning
may be escaped."""

_APART = (
    r"(?:^|[ \t\n])(?:0x)?[0-9A-Fa-f]{2},?[ \n](?:(?:0x)?[0-9A-Fa-f]{2},?[ \n])*",
    r"(?:^|[ \t\n])[0-9A-Za-z@_+/=-][ \t\n.|,*](?:[0-9A-Za-z@_+/=-][ \t\n.|,*])*",
)
"""Pairs of hexadecimal digits, and letters, that are set apart. They begin where a word does, or
every word's last letter would be held."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What a stream may give out now. `findings` lie in `text`; their positions are bytes of it as
    UTF-8, negative where a finding began in what is out already."""

    text: str
    findings: tuple[Finding, ...] = ()


_LIMIT = Limit(bytes=1 << 18, texts=48)
"""A stream is inspected word by word, on the loop that all streams share."""


class StreamScanner:
    """One stream. Feed it text as it comes, give out what it returns, and end it."""

    __slots__ = ("_context", "_held", "_hold", "_scanner")

    def __init__(self, scanner: Scanner, hold: "Hold") -> None:
        self._scanner = scanner
        self._hold = hold
        self._held = b""
        self._context = b""

    @property
    def held(self) -> int:
        """Bytes that are held back now."""
        return len(self._held)

    @property
    def pending(self) -> bytes:
        """What is held back now."""
        return self._held

    def feed(self, text: str) -> Passage:
        """What may go out after this piece."""
        self._held += text.encode("utf-8", "surrogatepass")
        cut = self._hold.cut(self._held)
        if len(self._held) - cut > MOST_HELD:
            return self._out(len(self._held) - KEPT, len(self._held))
        return self._out(cut, cut) if cut else _NOTHING

    def end(self) -> Passage:
        """What is left, when nothing more comes."""
        size = len(self._held)
        return self._out(size, size) if size else _NOTHING

    def _out(self, cut: int, inspected: int) -> Passage:
        """Give out `cut` bytes, having inspected as many as `inspected`."""
        cut = _whole_letter(self._held, cut)
        before = len(self._context)
        text = self._context + self._held[: max(inspected, cut)]
        try:
            found = self._scanner.scan(text, _LIMIT)
        except OverLimitError:
            found = (uninspected(text, (), "takes more to decode than a stream may wait for"),)
        cut = _beside(found, before, cut) if inspected > cut else cut
        passage, self._held = self._held[:cut], self._held[cut:]
        self._context = _recent(self._context + passage)
        text = passage.decode("utf-8", "surrogatepass")
        if not found:
            return Passage(text)
        return Passage(text, _after(found, before, cut))


_NOTHING = Passage("")


def _beside(found: Sequence[Finding], before: int, cut: int) -> int:
    """Where to cut instead, so that no finding is cut in two: before the first that would be. One
    that begins where the passage does is longer than may be held, and is cut."""
    starts = [one.start - before for one in found if one.start < before + cut < one.end]
    return min((start for start in starts if start > 0), default=cut)


def _after(found: Sequence[Finding], before: int, cut: int) -> tuple[Finding, ...]:
    """Those that are in the passage: not wholly in what is out already, nor in what stays."""
    return tuple(
        replace(one, start=one.start - before, end=one.end - before)
        for one in found
        if one.end > before and one.start < before + max(cut, 1)
    )


def _recent(out: bytes) -> bytes:
    """The end of what is out, from the beginning of a word."""
    if len(out) <= CONTEXT:
        return out
    at = len(out) - CONTEXT
    blank = max(out.find(b" ", at), out.find(b"\n", at))
    return out[blank if blank >= 0 else _whole_letter(out, at) :]


def _whole_letter(data: bytes, at: int) -> int:
    """The last position up to `at` at which a letter of UTF-8 begins."""
    while 0 < at < len(data) and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


class Hold:
    """Where what may be unfinished begins, for a scanner's detectors. One serves many streams."""

    __slots__ = ("_open",)

    def __init__(self, scanner: Scanner) -> None:
        opens = sorted({one.opens for one in scanner.detectors if one.opens is not None})
        whole = "|".join(f"(?:{way})" for way in (*_LINES, *opens))
        apart = "|".join(f"(?:{way})" for way in _APART)
        self._open = Pattern(rf"(?:{_WORD}*(?:{whole})|{apart})*{_WORD}*\z")

    def cut(self, held: bytes) -> int:
        """How many bytes from the start cannot be a part of anything unfinished."""
        found = self._open.first(held, 0)
        return len(held) if found is None else found
