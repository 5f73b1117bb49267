"""Secrets in an answer: found in every simple encoding, and replaced before a task sees them.

Rules
1. A secret is found as it is, with any of its bytes escaped (URL, JSON, HTML, once or within one
   another), as hexadecimal digits, and as base64 of either alphabet from any offset.
2. A stream always holds back its last `LAG` bytes. Holding back only what begins like a secret
   would tell a guess's right letters from wrong ones, one by one, to who can make a host answer.
3. Of a long secret each stretch of `_STRETCH` bytes is looked for, so that a part is found too.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping

from tollway.guard.automaton import Pattern

SHORTEST = 8
"""Bytes of a secret, at least: a shorter one would be found everywhere."""
_STRETCH = 48
_SURROUNDINGS = 12
"""No byte takes more letters, however it is escaped."""
LAG = 2 * _STRETCH * _SURROUNDINGS
"""Bytes that one match may take, at most, whatever the secret: it tells nothing of one."""
_BREAK = r"(?:\r?\n|\\r\\n|\\n)?"
_NAMED = {'"': "quot", "'": "apos", "&": "amp", "<": "lt", ">": "gt"}
_CONTROL = {"\n": "n", "\r": "r", "\t": "t"}


class Reflections:
    """The secrets of one task, ready to be looked for. It may serve many answers at once."""

    __slots__ = ("_whole", "names")

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        """`secrets` are values by name; one that is too short to be looked for is an error.

        Raises:
            TollwayError: google-re2 is missing.
        """
        short = [name for name, value in secrets.items() if len(value) < SHORTEST]
        if short:
            raise ValueError(f"secrets of less than {SHORTEST} bytes: {', '.join(short)}")
        self.names = tuple(secrets)
        self._whole = {name: Pattern("|".join(_needles(value))) for name, value in secrets.items()}

    def found(self, data: bytes) -> tuple[tuple[int, int, str], ...]:
        """Where secrets stand: start, end and name, from the left, not overlapping."""
        spans = [
            (start, end, name)
            for name, pattern in self._whole.items()
            for start, end in pattern.spans(data)
        ]
        apart: list[tuple[int, int, str]] = []
        for start, end, name in sorted(spans):
            if apart and start < apart[-1][1]:
                first, last, one = apart[-1]
                apart[-1] = (first, max(last, end), one)
            else:
                apart.append((start, end, name))
        return tuple(apart)


class Filter:
    """One stream of an answer. `seen` are the names of what was found so far."""

    __slots__ = ("_held", "_instead", "_reflections", "seen")

    def __init__(self, reflections: Reflections, instead: Mapping[str, bytes]) -> None:
        """`instead` is what is written in the place of each secret."""
        self._reflections = reflections
        self._instead = instead
        self._held = b""
        self.seen: set[str] = set()

    def feed(self, data: bytes) -> bytes:
        """What may go on now."""
        text = self._held + data
        spans = self._reflections.found(text)
        settled = spans[-1][1] if spans else 0
        cut = max(len(text) - LAG, settled)
        self._held = text[cut:]
        return self._written(text[:cut], spans)

    def end(self) -> bytes:
        """The rest, when nothing more comes."""
        text, self._held = self._held, b""
        return self._written(text, self._reflections.found(text))

    def _written(self, text: bytes, spans: tuple[tuple[int, int, str], ...]) -> bytes:
        if not spans:
            return text
        parts: list[bytes] = []
        at = 0
        for start, end, name in spans:
            parts += [text[at:start], self._instead.get(name, b"[secret]")]
            self.seen.add(name)
            at = end
        return b"".join((*parts, text[at:]))


def _needles(value: bytes) -> Iterator[str]:
    """RE2 of a value's stretches, in each encoding."""
    for stretch in _stretches(value):
        yield "".join(map(_escaped, stretch))
        yield "[ :-]?".join(f"(?i:{byte:02x})" for byte in stretch)
        for offset in range(3):
            yield _BREAK.join(map(_base64, _inner_base64(stretch, offset)))


def _stretches(value: bytes) -> Iterator[bytes]:
    """The value, or the stretches of a long one; the last one reaches its end."""
    if len(value) < 2 * _STRETCH:
        yield value
        return
    for at in range(0, len(value) - _STRETCH, _STRETCH):
        yield value[at : at + _STRETCH]
    yield value[-_STRETCH:]


def _escaped(byte: int) -> str:
    """RE2 of one byte, as it is or escaped."""
    code = f"(?i:{byte:02x})"
    ways = [
        rf"\x{{{byte:x}}}" if byte < 0x80 else r"\C",  # RE2 reads UTF-8: any one byte
        f"%(?:25){{0,3}}{code}",
        rf"\\{{1,4}}(?:u00{code}|x{code})",
        f"&#(?:0{{0,4}}{byte}|[xX]0{{0,4}}{code});",
    ]
    letter = chr(byte)
    if letter in "\"'/\\":
        ways.append(rf"\\{{1,4}}\x{{{byte:x}}}")
    if letter in _NAMED:
        ways.append(f"&{_NAMED[letter]};")
    if letter in _CONTROL:
        ways.append(rf"\\{{1,4}}{_CONTROL[letter]}")
    if letter == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _inner_base64(stretch: bytes, offset: int) -> str:
    """The letters of base64 that are the stretch's alone, where it begins `offset` bytes into a
    group of three."""
    text = b64encode(b"\0" * offset + stretch).decode()
    first = -(-offset * 8 // 6)
    last = (offset + len(stretch)) * 8 // 6
    return text[first:last]


def _base64(letter: str) -> str:
    return {"+": "(?:[+-]|%2[Bb])", "/": r"(?:[/_]|%2[Ff]|\\/)"}.get(letter, letter)
