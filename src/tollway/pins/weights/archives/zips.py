"""A zip as all its readers see it: the directory at its end, and the headers before each entry.

Rules
1. The two must agree, and together fill the file: what only one kind of reader would see, bytes
   before, between or behind, entries twice, links and climbing names are findings.
2. A wrong CRC stops some readers and not others: it is a finding, and the entry is looked at.
3. What is encrypted, or packed in a way that is not read here, is Unaudited.
Source: PKWARE's APPNOTE 6.3.10; how zipfile and miniz read it.
"""

from collections import Counter
from dataclasses import dataclass
from struct import unpack

from tollway.pins.weights.archives.names import wrong_name
from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.reader import Reader

_END = b"PK\x05\x06"
_MOST_ENTRIES = 200_000
_MOST_DIRECTORY = 64 << 20
_NOT_HERE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its name, how it is packed, and where its bytes lie. `begin` is its header."""

    name: str
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    begin: int
    start: int
    link: bool

    @property
    def encrypted(self) -> bool:
        return bool(self.flags & 0x41)

    @property
    def folder(self) -> bool:
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class _Directory:
    count: int
    size: int
    offset: int
    end: int  # where the directory ends and its end records begin
    shift: int  # bytes before the archive


def zip_end(reader: Reader) -> int | None:
    """Where the end record of a zip begins, as zipfile finds it; None where there is none."""
    last = reader.read(max(0, reader.size - 22), 22)
    if last[:4] == _END and last[-2:] == b"\0\0" and len(last) == 22:
        return reader.size - 22
    start = max(0, reader.size - (1 << 16) - 22)
    found = reader.read(start, reader.size - start).rfind(_END)
    if found < 0 or start + found + 22 > reader.size:
        return None
    return start + found


def is_zip(reader: Reader) -> bool:
    """A zip to whoever asks at its end, where its directory is, or at its start."""
    if reader.read(0, 4) in (b"PK\x03\x04", b"PK\x05\x06"):
        return True
    end = zip_end(reader)
    if end is None:
        return False
    count, size, offset = unpack("<HII", reader.read(end + 10, 10))
    if count == 0 or count == 0xFFFF or _NOT_HERE in (size, offset):
        return count != 0
    return size <= end and reader.read(end - size, 4) == b"PK\x01\x02"


def read_zip(reader: Reader, piece: Piece, look: Look) -> list[Entry] | None:
    """Its entries, and what is wrong with it as findings; None where it cannot be read."""
    end = zip_end(reader)
    if end is None:
        look.finding(piece.place, "archive-broken", "is a zip without its directory")
        return None
    directory = _directory(reader, end, piece, look)
    if directory is None:
        look.finding(piece.place, "archive-broken", "has a directory that does not fit the file")
        return None
    if directory.shift:
        look.finding(
            piece.place, "polyglot", f"has {directory.shift:,} bytes before the zip that it is"
        )
    entries = _entries(reader, directory, piece, look)
    if entries is not None:
        _tiled(reader, directory, entries, piece, look)
        for name, times in Counter(it.name for it in entries).items():
            if times > 1:
                look.finding(piece.place, "archive-twice", f"holds {name} {times} times")
    return entries


def _directory(reader: Reader, end: int, piece: Piece, look: Look) -> _Directory | None:
    disk, start_disk, here, count, size, offset, comment = unpack(
        "<HHHHIIH", reader.read(end + 4, 18)
    )
    behind = reader.size - end - 22
    text = reader.read(end + 22, min(comment, 1 << 16))
    if behind != comment or not _plain(text):
        look.finding(piece.place, "trailing", f"has {behind:,} bytes behind its directory")
    before = end
    locator = reader.read(end - 20, 20) if end >= 20 else b""
    if locator[:4] == b"PK\x06\x07":
        found = _directory64(reader, end, (here, count, size, offset), piece, look)
        if found is None:
            return None
        here, count, size, offset, before = found
    if disk or start_disk or here != count:
        look.finding(piece.place, "archive-broken", "says that it is one of several disks")
    if size > before or size > _MOST_DIRECTORY or count > _MOST_ENTRIES:
        return None
    return _Directory(count, size, offset, before, before - size - offset)


def _plain(comment: bytes) -> bool:
    return all(32 <= it < 127 or it in b"\r\n\t" for it in comment)


def _directory64(
    reader: Reader, end: int, small: tuple[int, int, int, int], piece: Piece, look: Look
) -> tuple[int, int, int, int, int] | None:
    (said,) = unpack("<Q", reader.read(end - 12, 8))
    at = end - 20 - 56
    if at < 0 or reader.read(at, 4) != b"PK\x06\x06":
        return None
    if said != at:
        look.finding(piece.place, "archive-differs", "has a zip64 record elsewhere than it says")
    here, count, size, offset = unpack("<QQQQ", reader.read(at + 24, 32))
    limits = (0xFFFF, 0xFFFF, _NOT_HERE, _NOT_HERE)
    large = (here, count, size, offset)
    if any(a not in (b, limit) for a, b, limit in zip(small, large, limits, strict=True)):
        look.finding(piece.place, "archive-differs", "says two things in its two directory ends")
    return here, count, size, offset, at


def _entries(reader: Reader, directory: _Directory, piece: Piece, look: Look) -> list[Entry] | None:
    data = reader.read(directory.end - directory.size, directory.size)
    entries: list[Entry] = []
    at = 0
    while at < len(data):
        if data[at : at + 4] != b"PK\x01\x02" or len(data) < at + 46:
            look.finding(piece.place, "archive-broken", "has a directory that breaks off")
            return entries
        fields = unpack("<HHHHHHIIIHHHHHII", data[at + 4 : at + 46])
        names = data[at + 46 : at + 46 + fields[9]]
        extra = data[at + 46 + fields[9] : at + 46 + fields[9] + fields[10]]
        at += 46 + fields[9] + fields[10] + fields[11]
        entry = _entry(reader, directory, fields, (names, extra), piece, look)
        if entry is not None:
            entries.append(entry)
    if len(entries) != directory.count:
        look.finding(
            piece.place,
            "archive-differs",
            f"says {directory.count:,} entries and holds {len(entries):,}",
        )
    return entries


def _entry(
    reader: Reader,
    directory: _Directory,
    fields: tuple[int, ...],
    texts: tuple[bytes, bytes],
    piece: Piece,
    look: Look,
) -> Entry | None:
    made, _, flags, method, _, _, crc, packed, size = fields[:9]
    attributes, offset = fields[14], fields[15]
    name = texts[0].decode("utf-8" if flags & 0x800 else "cp437", "replace")
    size, packed, offset = _wide(texts[1], [size, packed, offset])
    begin = offset + directory.shift
    head = reader.read(begin, 30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        look.finding(piece.place, "archive-differs", f"has no header where {name} should begin")
        return None
    local = unpack("<HHHHHIIIHH", head[4:30])
    start = begin + 30 + local[8] + local[9]
    own = reader.read(begin + 30, local[8] + local[9])
    local_size, local_packed = _wide(own[local[8] :], [local[7], local[6]])
    wrong = wrong_name(name.rstrip("/"))
    if wrong:
        look.finding(piece.place, "archive-path", wrong)
    later = bool(local[1] & 8)
    differs = own[: local[8]] != texts[0] or local[2] != method or (local[1] ^ flags) & 1
    sizes = (local_size, local_packed) == (size, packed)
    if differs or not (sizes or (later and local_size == local_packed == 0)):
        look.finding(piece.place, "archive-differs", f"says two things of {name}")
    link = made >> 8 == 3 and (attributes >> 16) & 0o170000 == 0o120000
    return Entry(name, method, flags | local[1], crc, packed, size, begin, start, link)


def _wide(extra: bytes, values: list[int]) -> list[int]:
    """Sizes and offset, from the zip64 field where the header says that they are there."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = unpack("<HH", extra[at : at + 4])
        if kind == 1:
            held = extra[at + 4 : at + 4 + length]
            for index, value in enumerate(values):
                if value == _NOT_HERE and len(held) >= 8:
                    values[index] = int.from_bytes(held[:8], "little")
                    held = held[8:]
            break
        at += 4 + length
    return values


def _tiled(
    reader: Reader, directory: _Directory, entries: list[Entry], piece: Piece, look: Look
) -> None:
    at = directory.shift
    for entry in sorted(entries, key=lambda it: it.begin):
        if entry.begin < at:
            look.finding(
                piece.place, "archive-overlap", f"has entries over each other: {entry.name}"
            )
            return
        if entry.begin > at and not _descriptor(reader, at, entry.begin):
            _gap(at, entry.begin, piece, look)
        at = entry.start + entry.packed
    begin = directory.end - directory.size
    if at > begin:
        look.finding(piece.place, "archive-overlap", "has entries that reach into its directory")
    elif at < begin and not _descriptor(reader, at, begin):
        _gap(at, begin, piece, look)


def _gap(start: int, end: int, piece: Piece, look: Look) -> None:
    look.finding(
        piece.place, "polyglot", f"has {end - start:,} bytes between entries, at {start:,}"
    )


def _descriptor(reader: Reader, start: int, end: int) -> bool:
    """The sizes behind an entry that was written before they were known."""
    if end - start not in (12, 16, 20, 24):
        return False
    return end - start in (12, 20) or reader.read(start, 4) == b"PK\x07\x08"
