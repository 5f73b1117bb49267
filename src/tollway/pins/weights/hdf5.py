"""HDF5, as Keras writes it: which other files it reads, and which code its configuration names.

Rules
1. Every object is walked to from the root. A link to, or data in, another file is a finding.
2. Each JSON that lies in the file is judged as a configuration, wherever it lies.
3. What the walk does not understand is Unaudited.
Source: the HDF5 file format specification, version 3.0.
"""

import json
import re
from collections.abc import Iterator
from struct import error as struct_error

from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.pickles.judge import tell_hidden
from tollway.pins.weights.reader import Reader
from tollway.pins.weights.texts.values import judge_values

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_OBJECTS = 200_000
_MOST_SEARCHED = 512 << 20
_CHUNK = 8 << 20
_MOST_JSON = 20_000
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000, 32001, 32004, 32008, 32015})
_OBJECT = re.compile(rb"\{\s*(?:\"|\\u0022)")
_EXTERNAL = re.compile(rb"\x01[\x08-\x1f]\x40")


def judge_hdf5(reader: Reader, piece: Piece, look: Look) -> None:
    try:
        _Walk(reader, piece, look).run()
    except (struct_error, IndexError, ValueError, EOFError) as error:
        look.unread(piece.place, f"its structure is not understood: {error}")
    _configurations(reader, piece, look)
    tell_hidden(reader, (0, reader.size), piece, look)


class _Walk:
    """Walks the objects from the root group."""

    def __init__(self, reader: Reader, piece: Piece, look: Look) -> None:
        self.reader = reader
        self.piece = piece
        self.look = look
        self.base = 0
        self.wide = 8  # bytes of an address
        self.long = 8  # bytes of a length
        self.waiting: list[int] = []
        self.seen: set[int] = set()

    def run(self) -> None:
        self.waiting.append(self._root())
        while self.waiting:
            at = self.waiting.pop()
            if at in self.seen or at == (1 << 8 * self.wide) - 1:
                continue
            self.seen.add(at)
            if len(self.seen) > _MOST_OBJECTS:
                raise ValueError("it has too many objects")
            for kind, data in self._messages(at):
                self._message(kind, data)

    def _bytes(self, at: int, count: int) -> bytes:
        data = self.reader.read(self.base + at, count)
        if len(data) < count:
            raise EOFError(f"byte {at:,} is not there")
        return data

    def _number(self, data: bytes, at: int, size: int) -> int:
        if len(data) < at + size:
            raise EOFError("a message ends early")
        return int.from_bytes(data[at : at + size], "little")

    def _root(self) -> int:
        for start in (0, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536):
            if self.reader.read(start, 8) == _SIGNATURE:
                self.base = start
                break
        head = self._bytes(0, 24)
        if head[8] in (0, 1):
            self.wide, self.long = head[13], head[14]
            at = 24 + (4 if head[8] == 1 else 0) + 4 * self.wide
            self._sane()
            return self._number(self._bytes(at, 2 * self.wide), self.wide, self.wide)
        if head[8] not in (2, 3):
            raise ValueError(f"version {head[8]}")
        self.wide, self.long = head[9], head[10]
        self._sane()
        return self._number(self._bytes(12, 4 * self.wide), 3 * self.wide, self.wide)

    def _sane(self) -> None:
        if self.wide not in (2, 4, 8) or self.long not in (2, 4, 8):
            raise ValueError("addresses of an unknown size")

    def _messages(self, at: int) -> Iterator[tuple[int, bytes]]:
        """Of an object's header: each message's type and bytes, in all its chunks."""
        head = self._bytes(at, 16)
        new = head[:4] == b"OHDR"
        if not new and head[0] != 1:
            raise ValueError(f"no object at {at:,}")
        if new:
            flags = head[5]
            begin = at + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            size = self._number(self._bytes(begin, width), 0, width)
            chunks = [(begin + width, size)]
            step = 4 + (2 if flags & 4 else 0)
        else:
            chunks, step = [(at + 16, int.from_bytes(head[8:12], "little"))], 8
        for start, size in chunks:
            if size > 64 << 20 or len(chunks) > 10_000:
                raise ValueError("a header too large")
            data = self._bytes(start, size)
            for kind, body in self._split(data, new, step):
                if kind == 0x10:
                    where = self._number(body, 0, self.wide)
                    length = self._number(body, self.wide, self.long)
                    chunks.append((where + 4, length - 8) if new else (where, length))
                else:
                    yield kind, body

    def _split(self, data: bytes, new: bool, step: int) -> Iterator[tuple[int, bytes]]:
        at = 0
        while at + step <= len(data):
            kind = data[at] if new else self._number(data, at, 2)
            size = self._number(data, at + (1 if new else 2), 2)
            yield kind, data[at + step : at + step + size]
            at += step + size

    def _message(self, kind: int, data: bytes) -> None:
        if kind == 0x06:
            self._link(data)
        elif kind == 0x07:
            self._tell("keeps its data in other files")
        elif kind == 0x11:
            self._tree(self._number(data, 0, self.wide))
        elif kind == 0x02 and data:
            at = 2 + (8 if data[1] & 1 else 0)
            if self._number(data, at, self.wide) != (1 << 8 * self.wide) - 1:
                self._dense(self._number(data, at, self.wide))
        elif kind == 0x08 and len(data) > 1 and data[0] >= 4 and data[1] == 3:
            self._tell("is put together from other files (a virtual dataset)")
        elif kind == 0x0B:
            self._filters(data)

    def _tell(self, words: str) -> None:
        self.look.finding(self.piece.place, "external-file", words)

    def _link(self, data: bytes) -> None:
        flags = data[1]
        at = 2
        kind = data[at] if flags & 8 else 0
        at += (1 if flags & 8 else 0) + (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = self._number(data, at, width)
        at += width + length
        if kind == 0:
            self.waiting.append(self._number(data, at, self.wide))
        elif kind >= 64:
            target = data[at + 3 :].split(b"\0")[0].decode("utf-8", "replace")
            self._tell(f"links to another file: {target}")

    def _tree(self, at: int) -> None:
        """Symbol tables, through their B-tree."""
        nodes = [at]
        seen: set[int] = set()
        while nodes:
            node = nodes.pop()
            if node in seen or len(seen) > _MOST_OBJECTS:
                continue
            seen.add(node)
            head = self._bytes(node, 8)
            if head[:4] == b"SNOD":
                self._symbols(node, int.from_bytes(head[6:8], "little"))
                continue
            if head[:4] != b"TREE":
                raise ValueError(f"no tree at {node:,}")
            used = int.from_bytes(head[6:8], "little")
            start = node + 8 + 2 * self.wide
            step = self.wide + self.long
            data = self._bytes(start, used * step + self.long)
            nodes += [self._number(data, it * step + self.long, self.wide) for it in range(used)]

    def _symbols(self, at: int, count: int) -> None:
        step = 2 * self.wide + 24
        data = self._bytes(at + 8, count * step)
        for index in range(count):
            if self._number(data, index * step + 2 * self.wide, 4) != 2:  # 2: a link by name
                self.waiting.append(self._number(data, index * step + self.wide, self.wide))

    def _dense(self, heap: int) -> None:
        """Links in a heap: the heap's blocks are searched for links of the external kind."""
        if self._bytes(heap, 4) != b"FRHP":
            raise ValueError(f"no heap at {heap:,}")
        at = 0
        while at < min(self.reader.size, _MOST_SEARCHED):
            data = self.reader.read(at, _CHUNK + 4096)
            for found in _EXTERNAL.finditer(data):
                flags, rest = data[found.start() + 1], data[found.end() :][:4096]
                skip = (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
                width = 1 << (flags & 3)
                length = int.from_bytes(rest[skip : skip + width], "little")
                target = rest[skip + width + length + 3 :].split(b"\0")[0]
                if 0 < length < 1024 and 0 < len(target) < 1024 and target.isascii():
                    self._tell(f"links to another file: {target.decode('ascii', 'replace')}")
            at += _CHUNK

    def _filters(self, data: bytes) -> None:
        at = 8 if data[0] == 1 else 2
        for _ in range(data[1]):
            number = self._number(data, at, 2)
            if number not in _FILTERS:
                self.look.unread(self.piece.place, f"a plugin packs its data: filter {number}")
            named = data[0] == 1 or number >= 256
            length = self._number(data, at + 2, 2) if named else 0
            values = self._number(data, at + (6 if named else 4), 2)
            length = -(-length // 8) * 8 if data[0] == 1 else length
            at += (8 if named else 6) + length + 4 * values
            at += 4 if data[0] == 1 and values % 2 else 0


def _configurations(reader: Reader, piece: Piece, look: Look) -> None:
    """Rule 2."""
    decoder = json.JSONDecoder()
    at = tried = read = 0
    named = False
    while at < min(reader.size, _MOST_SEARCHED):
        data = reader.read(at, 2 * _CHUNK)
        named = named or b"model_config" in data
        skip = 0
        for found in _OBJECT.finditer(data):
            if found.start() < skip or found.start() >= _CHUNK:
                continue
            tried += 1
            if tried > _MOST_JSON:
                break
            text = data[found.start() :].split(b"\0", 1)[0].decode("utf-8", "replace")
            try:
                value, length = decoder.raw_decode(text)
            except ValueError:
                continue
            except RecursionError:
                look.finding(piece.place, "bomb", "has a JSON that is nested too deep")
                continue
            read += 1
            skip = found.start() + length
            judge_values(value, piece.place, look)
        at += _CHUNK
    if tried > _MOST_JSON:
        look.unread(piece.place, "it holds too much that looks like JSON")
    if named and not read:
        look.unread(piece.place, "its model_config is not found as JSON")
