"""Fingerprints of registered documents: a verbatim leak of one is found, also in part.

Rules
1. A text is its words in small letters: layout, case and punctuation do not matter. Every run of
   `SHINGLE` words is hashed, and of every `WINDOW` runs the one with the least hash is kept
   (winnowing: Schleimer, Wilkerson, Aiken, https://doi.org/10.1145/872757.872770). So any
   `SHINGLE + WINDOW - 1` words in a row that two texts share leave a hash that they share.
2. Kept hashes are keyed with the installation's salt: who has the file without the salt learns how
   many there are, and how long each document is, and nothing of what is in it.
3. Of most texts the pairs of words tell that they have no run of a document's: a document's pairs
   are kept too, as numbers that are encrypted with the salt (a keyed digest is the key stream).
4. Tags, and digits, may stand between a document's words: where a text has many it is read without
   them too.
5. A leak is told once `LEAST` hashes of a document are there, or all of a shorter one.
"""

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import repeat
from zlib import crc32

import msgspec

from tollway.errors import TollwayError
from tollway.guard.finding import Finding

SHINGLE = 6
WINDOW = 6
LEAST = 3
_FORMAT = "tollway-fingerprints-2"
_WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
_LOWERED = bytes(
    ord(chr(byte).lower()) if byte < 128 and chr(byte).isalnum() else byte if byte > 127 else 32
    for byte in range(256)
)
"""The letters of words in small, anything else as a blank."""
_TAG = re.compile(rb"</?[A-Za-z][^<>]{0,200}>")
_NO_DIGITS = bytes(32 if 48 <= byte <= 57 else byte for byte in range(256))
_BYTES_EACH = 64
"""Fewer tags and digits than one in so many bytes leave `SHINGLE + WINDOW - 1` words in a row."""


@dataclass(frozen=True, slots=True)
class Document:
    """A registered document: what it is called, its kept hashes, and its pairs (rule 3)."""

    name: str
    hashes: frozenset[int]
    pairs: bytes = b""


class _File(msgspec.Struct, frozen=True):
    """How fingerprints are written down: eight bytes a hash, sorted, big-endian."""

    format: str
    documents: dict[str, bytes]
    pairs: dict[str, bytes]


def fingerprint(name: str, data: bytes, salt: bytes) -> Document:
    """The fingerprint of a document's text.

    Raises:
        TollwayError: it has too few words to be told from others.
    """
    words = _words(data)
    hashes = frozenset(number for number, _ in _kept(words, salt))
    if not hashes:
        raise TollwayError(f"{name}: has fewer than {SHINGLE} words. Register a longer text.")
    pairs = {*_pairs(words, words[1:], salt)}
    numbers = b"".join(it.to_bytes(4, "big") for it in sorted(pairs))
    return Document(name, hashes, _encrypted(numbers, name, salt))


def _readings(data: bytes) -> Iterator[bytes]:
    """The text; and, where they are many, without its tags and digits, which are blanks then, so
    that everything stays where it is."""
    yield data
    tags = data.count(b">") if b"<" in data else 0
    digits = len(data) - len(data.translate(None, b"0123456789"))
    if (tags + digits) * _BYTES_EACH > len(data):
        bare = _TAG.sub(lambda tag: b" " * len(tag[0]), data) if tags else data
        yield bare.translate(_NO_DIGITS)


def _words(data: bytes) -> list[bytes]:
    return data.translate(_LOWERED).split()


def _numbers(words: list[bytes], salt: bytes) -> Iterator[int]:
    return map(crc32, words, repeat(crc32(salt)))


def _pairs(firsts: list[bytes], seconds: list[bytes], salt: bytes) -> Iterator[int]:
    """A number for each pair of a first and a second word."""
    return map(crc32, seconds, _numbers(firsts, salt))


def _encrypted(data: bytes, name: str, salt: bytes) -> bytes:
    """The bytes with a key stream of this salt and name over them; twice gives them back."""
    stream = bytearray()
    while len(stream) < len(data):
        block = f"{len(stream)} {name}".encode()
        stream += blake2b(block, key=salt[:64], person=b"tollway-pairs").digest()
    number = int.from_bytes(data, "big") ^ int.from_bytes(stream[: len(data)], "big")
    return number.to_bytes(len(data), "big")


def _kept(words: list[bytes], salt: bytes) -> Iterator[tuple[int, int]]:
    """The kept hashes of a text, each with the place of its first word."""
    count = len(words) - SHINGLE + 1
    if count < 1:
        return
    mixed = _mixed([*_numbers(words, salt)], count)
    key = salt[:64]
    for at in _least_of_windows(mixed):
        run = b" ".join(words[at : at + SHINGLE])
        yield int.from_bytes(blake2b(run, key=key, digest_size=8).digest(), "big"), at


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

    __slots__ = ("_owners", "_pairs", "_salt", "documents")

    def __init__(self, documents: Iterable[Document], salt: bytes) -> None:
        self.documents = {one.name: one for one in documents}
        self._salt = salt
        self._owners: dict[int, list[str]] = {}
        self._pairs: set[int] = set()
        for one in self.documents.values():
            numbers = _encrypted(one.pairs, one.name, salt)
            places = range(0, len(numbers), 4)
            self._pairs.update(int.from_bytes(numbers[at : at + 4], "big") for at in places)
            for number in one.hashes:
                self._owners.setdefault(number, []).append(one.name)

    def found(self, data: bytes, layers: tuple[str, ...] = ()) -> Iterator[Finding]:
        """Every document of which enough is in the text, with the share of it that is there."""
        for text in _readings(data):
            found = [*self._found(text, layers)]
            if found:
                yield from found
                return

    def _found(self, data: bytes, layers: tuple[str, ...]) -> Iterator[Finding]:
        hits: dict[str, set[int]] = {}
        places: dict[str, tuple[int, int]] = {}
        for number, at in self._hits(_words(data)):
            for name in self._owners[number]:
                hits.setdefault(name, set()).add(number)
                first, last = places.get(name, (at, at))
                places[name] = min(first, at), max(last, at)
        if not hits:
            return
        letters = [match.span() for match in _WORD.finditer(data)]
        spans = {
            name: (letters[first][0], letters[last + SHINGLE - 1][1])
            for name, (first, last) in places.items()
        }
        for name, there in hits.items():
            size = len(self.documents[name].hashes)
            if len(there) >= min(LEAST, size):
                share = len(there) / size
                why = f"{share:.0%} of the registered document {name}"
                yield Finding(
                    f"document:{name}", "document", *spans[name], layers, "", why, round(share, 4)
                )

    def _hits(self, words: list[bytes]) -> Iterator[tuple[int, int]]:
        """The hashes of documents in a text. What is around a run that may be of one tells which of
        its hashes are kept."""
        for start, stop in self._runs(words):
            first = max(start - WINDOW - SHINGLE, 0)
            for number, at in _kept(words[first : stop + WINDOW + SHINGLE], self._salt):
                if number in self._owners:
                    yield number, first + at

    def _runs(self, words: list[bytes]) -> Iterator[tuple[int, int]]:
        """Where `SHINGLE` words and more are in a row of which each pair is of documents. Every
        other pair is looked at first: of so many words in a row those hold two."""
        if not all(one.pairs for one in self.documents.values()):
            yield 0, len(words)  # of one whose pairs nobody kept, all may be
            return
        for start, stop in _ones(self._known(words[::2], words[1::2]), SHINGLE // 2 - 1):
            first, last = max(2 * start - 1, 0), 2 * stop + 1
            known = self._known(words[first:last], words[first + 1 : last])
            for begin, end in _ones(known, SHINGLE - 1):
                yield first + begin, first + end + 1

    def _known(self, firsts: list[bytes], seconds: list[bytes]) -> bytes:
        return bytes(map(self._pairs.__contains__, _pairs(firsts, seconds, self._salt)))


def _ones(flags: bytes, least: int) -> Iterator[tuple[int, int]]:
    """Start and end of each row of so many ones and more."""
    end = 0
    while (start := flags.find(b"\1" * least, end)) >= 0:
        end = flags.find(0, start)
        end = len(flags) if end < 0 else end
        yield start, end


def written(documents: Iterable[Document]) -> bytes:
    """Fingerprints as bytes, for a file."""
    them = list(documents)
    parts = {one.name: _packed(one.hashes) for one in them}
    return msgspec.msgpack.encode(_File(_FORMAT, parts, {one.name: one.pairs for one in them}))


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
    return tuple(
        Document(name, _unpacked(name, part), file.pairs.get(name, b""))
        for name, part in file.documents.items()
    )


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
