"""Fingerprints of registered documents: a verbatim leak of one is found, also in part.

Rules
1. A text is its words in small letters: layout, case and punctuation do not matter. Every run of
   `SHINGLE` words is hashed, and of every `WINDOW` runs the one with the least hash is kept
   (winnowing: Schleimer, Wilkerson, Aiken, https://doi.org/10.1145/872757.872770). So any
   `SHINGLE + WINDOW - 1` words in a row that two texts share leave a hash that they share.
2. Kept hashes are keyed with the installation's salt: who has the file without the salt learns how
   many there are, and how long each document is, and nothing of what is in it.
3. A leak is told once `LEAST` hashes of a document are there, or all of a shorter one.
"""

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from zlib import crc32

import msgspec

from tollway.errors import TollwayError
from tollway.guard.finding import Finding

SHINGLE = 6
WINDOW = 6
LEAST = 3
_FORMAT = "tollway-fingerprints-1"
_WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")


@dataclass(frozen=True, slots=True)
class Document:
    """A registered document: what it is called, and its kept hashes."""

    name: str
    hashes: frozenset[int]


class _File(msgspec.Struct, frozen=True):
    """How fingerprints are written down: eight bytes a hash, sorted, big-endian."""

    format: str
    documents: dict[str, bytes]


def fingerprint(name: str, data: bytes, salt: bytes) -> Document:
    """The fingerprint of a document's text.

    Raises:
        TollwayError: it has too few words to be told from others.
    """
    hashes = frozenset(number for number, _, _ in _kept(data, salt))
    if not hashes:
        raise TollwayError(f"{name}: has fewer than {SHINGLE} words. Register a longer text.")
    return Document(name, hashes)


def _kept(data: bytes, salt: bytes) -> Iterator[tuple[int, int, int]]:
    """The kept hashes of a text, each with the bytes from its first word to its last."""
    spans = [match.span() for match in _WORD.finditer(data)]
    words = [data[start:end].lower() for start, end in spans]
    count = len(words) - SHINGLE + 1
    if count < 1:
        return
    seed = crc32(salt)
    each = [crc32(word, seed) for word in words]
    mixed = _mixed(each, count)
    key = salt[:64]
    for at in _least_of_windows(mixed):
        run = b" ".join(words[at : at + SHINGLE])
        digest = blake2b(run, key=key, digest_size=8).digest()
        yield int.from_bytes(digest, "big"), spans[at][0], spans[at + SHINGLE - 1][1]


def _mixed(each: list[int], count: int) -> list[int]:
    """One number a run of words, of the numbers of its words; only to choose by, never kept."""
    prime, mask = 0x9E3779B1, 0xFFFFFFFF
    a, b, c, d, e, f = (each[place : place + count] for place in range(SHINGLE))
    return [
        (u * 3 ^ v * 5 ^ w * 7 ^ x * 11 ^ y * 13 ^ z * 17) * prime & mask
        for u, v, w, x, y, z in zip(a, b, c, d, e, f, strict=True)
    ]


def _least_of_windows(numbers: list[int]) -> Iterator[int]:
    """The place of the least number of each window, the last of equals, each place once."""
    size = min(WINDOW, len(numbers))
    chosen = -1
    for end in range(size, len(numbers) + 1):
        start = end - size
        if chosen < start:
            least = min(numbers[start:end])
            chosen = end - 1 - numbers[start:end][::-1].index(least)
        elif numbers[end - 1] <= numbers[chosen]:
            chosen = end - 1
        else:
            continue
        yield chosen


class Fingerprints:
    """Registered documents, ready to be looked for."""

    __slots__ = ("_owners", "_salt", "documents")

    def __init__(self, documents: Iterable[Document], salt: bytes) -> None:
        self.documents = {one.name: one for one in documents}
        self._salt = salt
        self._owners: dict[int, list[str]] = {}
        for one in self.documents.values():
            for number in one.hashes:
                self._owners.setdefault(number, []).append(one.name)

    def found(self, data: bytes, layers: tuple[str, ...] = ()) -> Iterator[Finding]:
        """Every document of which enough is in the text, with the share of it that is there."""
        if not self._owners:
            return
        hits: dict[str, set[int]] = {}
        spans: dict[str, tuple[int, int]] = {}
        for number, start, end in _kept(data, self._salt):
            for name in self._owners.get(number, ()):
                hits.setdefault(name, set()).add(number)
                first, last = spans.get(name, (start, end))
                spans[name] = min(first, start), max(last, end)
        for name, there in hits.items():
            size = len(self.documents[name].hashes)
            if len(there) >= min(LEAST, size):
                share = len(there) / size
                why = f"{share:.0%} of the registered document {name}"
                yield Finding(
                    f"document:{name}", "document", *spans[name], layers, "", why, round(share, 4)
                )


def written(documents: Iterable[Document]) -> bytes:
    """Fingerprints as bytes, for a file."""
    parts = {one.name: _packed(one.hashes) for one in documents}
    return msgspec.msgpack.encode(_File(_FORMAT, parts))


def read(data: bytes) -> tuple[Document, ...]:
    """Fingerprints from bytes.

    Raises:
        TollwayError: they are not what `written` gives.
    """
    try:
        file = msgspec.msgpack.decode(data, type=_File)
    except msgspec.MsgspecError:
        raise TollwayError("These are no fingerprints. Write them anew.") from None
    if file.format != _FORMAT:
        raise TollwayError(f'The fingerprints are "{file.format}"; this release reads {_FORMAT}.')
    return tuple(Document(name, _unpacked(name, part)) for name, part in file.documents.items())


def _packed(hashes: frozenset[int]) -> bytes:
    return b"".join(number.to_bytes(8, "big") for number in sorted(hashes))


def _unpacked(name: str, part: bytes) -> frozenset[int]:
    numbers = array("Q")
    if len(part) % 8:
        raise TollwayError(f"The fingerprints of {name} are cut off. Write them anew.")
    numbers.frombytes(part)
    if memoryview(b"\1\0").cast("H")[0] == 1:  # a little-endian machine
        numbers.byteswap()
    return frozenset(numbers)
