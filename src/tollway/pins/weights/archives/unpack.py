"""Unpacks a stream, within the budget of the look."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Protocol

from tollway.pins.weights.archives.lz4 import unpack_lz4
from tollway.pins.weights.look import Budget
from tollway.pins.weights.reader import Reader, Unreadable

_PIECE = 1 << 18
KINDS = ("gzip", "zlib", "bz2", "xz", "lzma", "lz4", "zstd")


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def unpack(reader: Reader, kind: str, budget: Budget) -> tuple[bytes, int]:
    """A whole file, and how many bytes lie behind its end. Unreadable where it is broken."""
    if kind == "lz4":
        return unpack_lz4(reader.read(0, reader.size), budget)
    if kind == "zstd":
        return _unpack_zstd(reader, budget)
    make: Callable[[], _Decompressor] = {
        "gzip": lambda: zlib.decompressobj(31),
        "zlib": zlib.decompressobj,
        "bz2": bz2.BZ2Decompressor,
        "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=1 << 28),
        "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=1 << 28),
    }[kind]
    return _streams(reader, make, budget, many=kind in ("gzip", "bz2", "xz"))


def _unpack_zstd(reader: Reader, budget: Budget) -> tuple[bytes, int]:
    try:
        from compression import zstd  # type: ignore[import-not-found] - Python 3.14
    except ImportError:
        raise Unreadable("this Python has no reader of zstd") from None
    return _streams(reader, zstd.ZstdDecompressor, budget, many=True)  # type: ignore[arg-type]


def _streams(
    reader: Reader, make: Callable[[], _Decompressor], budget: Budget, many: bool
) -> tuple[bytes, int]:
    out: list[bytes] = []
    at = 0
    while True:
        used = _stream(reader, at, make(), budget, out)
        at += used
        if at >= reader.size or not many or not _again(reader, at, make):
            return b"".join(out), reader.size - at


def _again(reader: Reader, at: int, make: Callable[[], _Decompressor]) -> bool:
    """Does another stream begin here?"""
    try:
        make().decompress(reader.read(at, 512), 1)
    except (OSError, zlib.error, lzma.LZMAError, EOFError):
        return False
    return True


def _stream(
    reader: Reader, start: int, engine: _Decompressor, budget: Budget, out: list[bytes]
) -> int:
    """One stream; gives how many bytes of the file it took."""
    at = start
    waiting = b""
    try:
        while not engine.eof:
            if not waiting and getattr(engine, "needs_input", True):
                waiting = reader.read(at, _PIECE)
                at += len(waiting)
                if not waiting:
                    raise Unreadable("it ends within its compressed bytes")
            held = engine.decompress(waiting, _PIECE)
            waiting = getattr(engine, "unconsumed_tail", b"")
            budget.unpack(len(held))
            out.append(held)
    except (OSError, zlib.error, lzma.LZMAError, EOFError, MemoryError) as error:
        raise Unreadable(f"its compressed bytes are broken: {error}") from None
    return at - len(engine.unused_data) - len(waiting) - start


def inflate(reader: Reader, method: int, size: int, budget: Budget) -> bytes:
    """An entry of a zip, which says that it is `size` bytes."""
    if method == 8:
        engine: _Decompressor = zlib.decompressobj(-15)
    elif method == 12:
        engine = bz2.BZ2Decompressor()
    elif method == 14:
        head = reader.read(0, 9)
        try:
            filters = [{"id": lzma.FILTER_LZMA1, **_lzma_filter(head[4:9])}]
            engine = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        except (lzma.LZMAError, ValueError, IndexError):
            raise Unreadable("its compressed bytes are broken") from None
        return _bounded(reader, 9, engine, size, budget)
    else:
        raise Unreadable(f"it is packed by method {method}, which is not read here")
    return _bounded(reader, 0, engine, size, budget)


def _lzma_filter(properties: bytes) -> dict[str, int]:
    first = properties[0]
    size = int.from_bytes(properties[1:5], "little")
    return {
        "lc": first % 9,
        "lp": first // 9 % 5,
        "pb": first // 45,
        "dict_size": min(size, 1 << 28),
    }


def _bounded(reader: Reader, at: int, engine: _Decompressor, size: int, budget: Budget) -> bytes:
    out: list[bytes] = []
    got = 0
    waiting = b""
    try:
        while not engine.eof and got <= size:
            if not waiting and getattr(engine, "needs_input", True):
                waiting = reader.read(at, _PIECE)
                at += len(waiting)
                if not waiting:
                    break
            held = engine.decompress(waiting, _PIECE)
            waiting = getattr(engine, "unconsumed_tail", b"")
            budget.unpack(len(held))
            got += len(held)
            out.append(held)
    except (OSError, zlib.error, lzma.LZMAError, EOFError, MemoryError) as error:
        raise Unreadable(f"its compressed bytes are broken: {error}") from None
    if got != size:
        raise Unreadable(f"it unpacks to another size than the {size:,} bytes that it says")
    return b"".join(out)
