"""Opens packed streams: gzip, zlib, zip, bzip2 and xz, as far as their damage lets them be read.

Rules
1. Checksums, sizes and the method that a zip member's local header states are not believed: who
   reads past them has the contents.
2. Of a damaged stream all that comes before the fault comes out: it is read again, in ever smaller
   steps, from where the last one failed.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from tollway.guard.decoded import Work

_GZIP, _BZIP2, _XZ, _ZIP = b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04"
_FAULTS = (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError)
_LARGEST_STEP = 1 << 16
_STEPS = (_LARGEST_STEP, 256, 1)
_READ_AT_ONCE = 512
_ENDS_OF_MEMBER = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08")

_Read = Callable[[int, int], Iterator[bytes]]
"""How many bytes were made before and how many more to make at a time -> the contents, in parts."""


def _zlib_heads() -> str:
    """Two bytes of zlib (RFC 1950, 2.2), of any window and level, without a preset dictionary."""
    heads: list[str] = []
    for method in range(0x08, 0x79, 0x10):
        flags = (it for it in range(256) if (method * 256 + it) % 31 == 0 and not it & 0x20)
        heads.append(rf"\x{method:02X}[" + "".join(rf"\x{it:02X}" for it in flags) + "]")
    return "|".join(heads)


_NO_BLOCK = "".join(rf"\x{it:02X}" for it in range(256) if it & 6 == 6)
"""No block of deflate begins with these (RFC 1951, 3.2.3)."""
SIGNS = rf"\x1F\x8B\x08|(?:{_zlib_heads()})[^{_NO_BLOCK}]|BZh[1-9]|\xFD7zXZ\x00|PK\x03\x04"
"""How gzip, zlib, bzip2, xz and zip begin: RE2 over bytes."""


def opened(stream: memoryview, work: Work) -> Iterator[tuple[bytes, bool]]:
    """What a packed stream holds, as far as it can be read and the budget allows, and whether it
    was read without a fault. Of a zip member that is every way to read it."""
    for read in _readers(stream, work.left):
        parts: list[bytes] = []
        complete = True
        try:
            for part in _as_far_as_it_goes(read):
                if not work.take(len(part)):
                    complete = False
                    break
                parts.append(part)
        except _FAULTS:
            complete = False
        if parts:
            yield b"".join(parts), complete


def _readers(stream: memoryview, most: int) -> Iterator[_Read]:
    head = bytes(stream[:6])
    if head.startswith(_BZIP2):
        yield partial(_expanded, bz2.BZ2Decompressor, stream)
    elif head == _XZ:
        yield partial(_expanded, lzma.LZMADecompressor, stream)
    elif head.startswith(_GZIP):
        yield partial(_inflated, stream[_gzip_header(stream) :])
    elif head.startswith(_ZIP):
        sizes = (int.from_bytes(stream[at : at + 2], "little") for at in (26, 28))
        yield from _member(stream[30 + sum(sizes) :], most)
    else:
        yield partial(_inflated, stream[2:])


def _member(content: memoryview, most: int) -> Iterator[_Read]:
    """A zip member, whatever its method is. A bzip2 or xz stream in one has a sign of its own."""
    yield partial(_inflated, content)
    filters = _lzma_filter(content, most)
    if filters is not None:
        new = partial(lzma.LZMADecompressor, lzma.FORMAT_RAW, filters=[filters])
        yield partial(_expanded, new, content[9:])
    yield partial(_stored, content)


def _gzip_header(stream: memoryview) -> int:
    """How long it is (RFC 1952, 2.3)."""
    flags, at = (stream[3] if len(stream) > 3 else 0), 10
    if flags & 4:
        at += 2 + int.from_bytes(stream[at : at + 2], "little")
    for text in (8, 16):
        if flags & text:
            at = bytes(stream).find(b"\0", at) + 1 or len(stream)
    return at + (2 if flags & 2 else 0)


def _lzma_filter(content: memoryview, most: int) -> dict[str, int] | None:
    """The properties of LZMA in a zip member (APPNOTE 5.8.8); None where there are none. The
    dictionary need not be larger than what may be made."""
    if len(content) < 9 or bytes(content[2:4]) != b"\x05\x00" or content[4] >= 9 * 5 * 5:
        return None
    rest, lc = divmod(content[4], 9)
    pb, lp = divmod(rest, 5)
    size = int.from_bytes(content[5:9], "little")
    size = max(min(size, most), 4096)
    return {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": size}


def _as_far_as_it_goes(read: _Read) -> Iterator[bytes]:
    made = 0
    for step in _STEPS:
        try:
            for part in read(made, step):
                made += len(part)
                yield part
        except _FAULTS:
            if step == _STEPS[-1]:
                raise
        else:
            return


def _most(count: int, made: int, step: int) -> int:
    return min(made - count, _LARGEST_STEP) if count < made else step


def _inflated(stream: memoryview, made: int, step: int) -> Iterator[bytes]:
    inflate, count = zlib.decompressobj(-15), 0
    for at in range(0, len(stream), _READ_AT_ONCE):
        rest: bytes | memoryview = stream[at : at + _READ_AT_ONCE]
        while rest and not inflate.eof:
            part = inflate.decompress(rest, _most(count, made, step))
            rest = inflate.unconsumed_tail
            count += len(part)
            if part and count > made:
                yield part
        if inflate.eof:
            return


def _expanded(
    new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor],
    stream: memoryview,
    made: int,
    step: int,
) -> Iterator[bytes]:
    other, count = new(), 0
    rest: bytes | memoryview = stream
    while not other.eof:
        part = other.decompress(rest, _most(count, made, step))
        rest = b""
        if not part and other.needs_input:
            return
        count += len(part)
        if part and count > made:
            yield part


def _stored(content: memoryview, made: int, step: int) -> Iterator[bytes]:
    data = bytes(content)
    ends = (data.find(sign) for sign in _ENDS_OF_MEMBER)
    yield data[: min((end for end in ends if end >= 0), default=len(data))]
