"""A tar's entries.

Rules
1. Links, devices, climbing names and what lies behind the end are findings.
2. A sparse file is Unaudited: how its pieces lie is told in several ways.
Source: POSIX.1-2001 pax; GNU tar's manual.
"""

from dataclasses import dataclass

from tollway.pins.weights.archives.names import wrong_name
from tollway.pins.weights.look import Look, Piece
from tollway.pins.weights.reader import Reader

_BLOCK = 512
_MOST_ENTRIES = 200_000
_LINKS = {b"1": "a link", b"2": "a link", b"3": "a device", b"4": "a device", b"6": "a pipe"}


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a tar: its name, and where its bytes lie."""

    name: str
    start: int
    size: int


def is_tar(reader: Reader) -> bool:
    """A tar by its first header's sum, as tarfile reads it."""
    head = reader.read(0, _BLOCK)
    return len(head) == _BLOCK and _sum_fits(head)


def read_tar(reader: Reader, piece: Piece, look: Look) -> list[Member]:
    """Its files, and what is wrong with it as findings."""
    members: list[Member] = []
    at = 0
    long_name: str | None = None
    long_size: int | None = None
    while at < reader.size:
        head = reader.read(at, _BLOCK)
        if not any(head):
            break
        if len(head) < _BLOCK or not _sum_fits(head):
            look.finding(piece.place, "archive-broken", f"is a tar that breaks at byte {at:,}")
            return members
        kind = head[156:157]
        size = _number(head[124:136])
        start = at + _BLOCK
        if size is None or start + size > reader.size or len(members) >= _MOST_ENTRIES:
            look.finding(piece.place, "archive-broken", f"is a tar that breaks at byte {at:,}")
            return members
        if kind in (b"x", b"g", b"L", b"K"):
            name, given = _extended(reader.read(start, min(size, 1 << 20)), kind)
            long_name, long_size = name or long_name, given if given is not None else long_size
            if kind == b"g" and (name or given is not None):
                look.finding(piece.place, "archive-differs", "renames all that it holds")
            at = start + -(-size // _BLOCK) * _BLOCK
            continue
        size = size if long_size is None else long_size
        name = long_name or _name(head)
        long_name = long_size = None
        at = start + -(-size // _BLOCK) * _BLOCK
        if start + size > reader.size:
            look.finding(piece.place, "archive-broken", f"is a tar that breaks in {name}")
            return members
        _judge(kind, name, piece, look)
        if kind in (b"0", b"\0", b"7"):
            members.append(Member(name, start, size))
    _behind(reader, at, piece, look)
    return members


def _judge(kind: bytes, name: str, piece: Piece, look: Look) -> None:
    wrong = wrong_name(name.rstrip("/").removeprefix("./") or "." * (name in ("./", ".")))
    if wrong:
        look.finding(piece.place, "archive-path", wrong)
    if kind in _LINKS:
        look.finding(piece.place, "archive-link", f"holds {_LINKS[kind]}: {name}")
    elif kind not in (b"0", b"\0", b"5", b"7"):
        look.unread(f"{piece.place}!{name}", f"it is an entry of a kind that is not read: {kind!r}")


def _behind(reader: Reader, at: int, piece: Piece, look: Look) -> None:
    """Behind the end there are only zeros, at most a tape's record of them or so."""
    while at < reader.size:
        data = reader.read(at, 1 << 20)
        if any(data):
            look.finding(piece.place, "trailing", f"has bytes behind its end, at byte {at:,}")
            return
        at += max(1, len(data))


def _sum_fits(head: bytes) -> bool:
    said = _number(head[148:156])
    plain = head[:148] + b" " * 8 + head[156:]
    signed = sum(it - 256 if it > 127 else it for it in plain)
    return said is not None and said in (sum(plain), signed) and bool(head[0])


def _number(field: bytes) -> int | None:
    if field[:1] in (b"\x80", b"\xff"):
        value = int.from_bytes(field[1:], "big")
        return value if field[0] == 0x80 else None
    text = field.split(b"\0")[0].strip()
    try:
        return int(text or b"0", 8)
    except ValueError:
        return None


def _name(head: bytes) -> str:
    name = head[:100].split(b"\0")[0].decode("utf-8", "replace")
    prefix = head[345:500].split(b"\0")[0].decode("utf-8", "replace")
    return f"{prefix}/{name}" if prefix and head[257:262] == b"ustar" else name


def _extended(data: bytes, kind: bytes) -> tuple[str | None, int | None]:
    """The name and the size that an extended header gives to the next entry."""
    if kind == b"L":
        return data.split(b"\0")[0].decode("utf-8", "replace"), None
    name: str | None = None
    size: int | None = None
    at = 0
    while at < len(data) and kind != b"K":
        length, _, _ = data[at : at + 20].partition(b" ")
        if not length.isdigit() or int(length) <= len(length) + 1:
            break
        record = data[at + len(length) + 1 : at + int(length) - 1]
        key, _, value = record.partition(b"=")
        if key == b"path":
            name = value.decode("utf-8", "replace")
        if key == b"size" and value.isdigit():
            size = int(value)
        at += int(length)
    return name, size
