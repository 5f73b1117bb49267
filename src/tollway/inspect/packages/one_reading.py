"""Whether a zip archive reads the same from its start as from its directory.

Rule
1. Who streams an archive finds what who reads its directory finds (uv does the one, pip the other),
   and nothing lies between or behind its members.
"""

import struct
import zipfile
from typing import IO, Final

_LOCAL: Final = struct.Struct("<4s5H3L2H")
"""The header of a zip's member: signature, ..., name's length, extra's length (APPNOTE 4.3.7)."""
_END: Final = 22
"""Bytes of the record that ends a zip, without its comment."""
_DESCRIPTORS: Final = frozenset((0, 12, 16, 20, 24))
"""Bytes that may follow a member's data: none, or its sizes, with or without a signature."""


def check_one_reading(archive: zipfile.ZipFile, raw: IO[bytes]) -> None:
    """Hold an open archive to rule 1; `raw` are its bytes.

    Raises:
        ValueError: it breaks the rule; the text says how, as a clause.
    """
    members, at = archive.infolist(), 0
    for member in sorted(members, key=lambda it: it.header_offset):
        raw.seek(member.header_offset)
        start = raw.read(_LOCAL.size)
        if len(start) < _LOCAL.size:
            raise ValueError("its directory names what is not there")
        head = _LOCAL.unpack(start)
        name = raw.read(head[9])
        coded = "utf-8" if head[2] & 0x800 else "cp437"
        if head[0] != b"PK\x03\x04" or name.decode(coded, "replace") != member.orig_filename:
            raise ValueError("its members are others than its directory names")
        if member.header_offset - at not in _DESCRIPTORS or (at == 0 and member.header_offset):
            raise ValueError("something lies between its members")
        at = member.header_offset + _LOCAL.size + head[9] + head[10] + member.compress_size
    raw.seek(0, 2)
    raw.seek(max(0, raw.tell() - _END - len(archive.comment)))
    if archive.start_dir - at not in _DESCRIPTORS or raw.read(4) != b"PK\x05\x06":
        raise ValueError("something lies behind its members")
    if len({it.orig_filename for it in members}) != len(members):
        raise ValueError("it has a member twice")
