"""Exact values to look for: secrets that are known, and an organisation's own words.

Rules
1. Known values and terms are detectors like any other: they are found in every layer.
2. A known value is held in memory only. Where even that is too much, `Digests` holds keyed digests
   of values, and finds a value where it stands as a token of its own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

from tollway.errors import Fault, FaultsFound
from tollway.guard.automaton import Pattern
from tollway.guard.detector import Detector
from tollway.guard.finding import Finding, masked

SHORTEST = 8
"""Bytes of a known value, at least; from 10 on it is found in base64 too."""

_BLOCK = 200
"""Values of one automaton pattern; more are further patterns."""

_WORDS = r"[!-~]{8,512}"


def known_values(values: Mapping[str, bytes]) -> tuple[Detector, ...]:
    """Detectors of values by name: `known:NAME` fires where its value is, exactly, in any layer.

    Raises:
        FaultsFound: a value is shorter than `SHORTEST` bytes and would fire everywhere.
    """
    short = [
        Fault(f"known:{name}", f"has {len(value)} bytes", f"Give it {SHORTEST} or more.")
        for name, value in values.items()
        if len(value) < SHORTEST
    ]
    if short:
        raise FaultsFound(short)
    return tuple(
        Detector(
            id=f"known:{name}",
            title=f"Known secret {name}",
            kind="secret",
            pattern=(pattern := literal(value)),
            anchor=pattern,
            source="the credentials of this installation",
            opens=_beginnings(value),
        )
        for name, value in values.items()
    )


def terms(words: Iterable[str], name: str = "terms") -> tuple[Detector, ...]:
    """One detector of an organisation's words: whole words, whatever their case; the white space
    within one may be of any kind and length. None for no words."""
    spelled = sorted(
        {" ".join(word.split()) for word in words} - {""}, key=lambda it: (-len(it), it)
    )
    found: list[Detector] = []
    for block, at in enumerate(range(0, len(spelled), _BLOCK)):
        chosen = spelled[at : at + _BLOCK]
        pattern = "(?i:" + "|".join(map(_word, chosen)) + ")"
        opens = "|".join(it for it in map(_open_words, chosen) if it)
        found.append(
            Detector(
                id=f"term:{name}" + (f".{block + 1}" if block else ""),
                title="Organisation's own term",
                kind="term",
                pattern=pattern,
                anchor=pattern,
                source="the fleet file",
                opens=f"(?i:{opens})" if opens else None,
            )
        )
    return tuple(found)


def literal(value: bytes) -> str:
    """RE2 that fits exactly these bytes, as UTF-8 where they are."""
    text = value.decode("utf-8", "surrogateescape")
    return "".join(_escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is not UTF-8
        return r"\C"
    return letter if letter.isalnum() and letter.isascii() else rf"\x{{{ord(letter):x}}}"


def _beginnings(value: bytes) -> str | None:
    """What the value up to one of its blanks looks like; nothing for a value without any."""
    blanks = [match.start() for match in re.finditer(rb"\s", value)]
    if not blanks:
        return None
    head, rest = value[: blanks[0]], value[blanks[0] :]
    nested = ""
    for byte in reversed(rest.decode("utf-8", "surrogateescape")):
        nested = f"(?:{_escaped(byte)}{nested})?"
    return literal(head) + nested


def _word(word: str) -> str:
    inner = r"\s+".join("".join(map(_escaped, part)) for part in word.split())
    first, last = word[0], word[-1]
    return (r"\b" if _bounded(first) else "") + inner + (r"\b" if _bounded(last) else "")


def _bounded(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter == "_")


def _open_words(word: str) -> str:
    first, *rest = word.split()
    nested = ""
    for part in reversed(rest):
        nested = rf"(?:\s+(?:{''.join(map(_escaped, part))}{nested})?)?"
    return "".join(map(_escaped, first)) + nested if rest else ""


class Digests:
    """Keyed digests of values (BLAKE2b, 16 bytes), for a process that may not hold the values."""

    __slots__ = ("_key", "_names", "_tokens")

    def __init__(self, key: bytes, digests: Mapping[bytes, str]) -> None:
        """`digests` are what `digest` gave for each value, and its name."""
        self._key = key
        self._names = dict(digests)
        self._tokens = Pattern(_WORDS)

    @staticmethod
    def digest(key: bytes, value: bytes) -> bytes:
        """What stands for a value."""
        return blake2b(value, key=key, digest_size=16).digest()

    def found(self, data: bytes, layers: Sequence[str] = ()) -> Iterator[Finding]:
        """The values that stand in `data` as tokens, quotes and brackets around them or not."""
        for start, end in self._tokens.spans(data):
            token = data[start:end]
            for part in _parts(token):
                name = self._names.get(self.digest(self._key, part))
                if name is not None:
                    at = start + token.index(part)
                    yield Finding(
                        f"known:{name}", "secret", at, at + len(part), tuple(layers), masked(part),
                        f"Known secret {name}",
                    )  # fmt: skip


def _parts(token: bytes) -> Iterator[bytes]:
    yield token
    stripped = token.strip(b"\"'`()[]{}<>,;:.")
    if stripped != token:
        yield stripped
    for part in re.split(rb"[\"'`=,;:()\[\]{}<>]+", token):
        if len(part) >= SHORTEST and part not in (token, stripped):
            yield part
