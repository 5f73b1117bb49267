"""Pickles by hand, as picklers write them and as they never would."""

import struct

MARKER = "MARKER-FILE-THAT-IS-TOUCHED"


def short(text: str) -> bytes:
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data if len(data) < 256 else text_of(text)


def text_of(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def value(it: object) -> bytes:
    """The opcodes of a plain value."""
    if it is None:
        return b"N"
    if isinstance(it, bool):
        return b"\x88" if it else b"\x89"
    if isinstance(it, Raw):
        return it.code
    if isinstance(it, str):
        return text_of(it)
    if isinstance(it, bytes):
        return b"B" + struct.pack("<I", len(it)) + it
    if isinstance(it, int):
        return b"J" + struct.pack("<i", it)
    if isinstance(it, tuple):
        return b"(" + b"".join(map(value, it)) + b"t"
    if isinstance(it, list):
        return b"](" + b"".join(map(value, it)) + b"e"
    if isinstance(it, dict):
        return b"}(" + b"".join(value(k) + value(v) for k, v in it.items()) + b"u"
    raise TypeError(type(it))


class Raw:
    """Opcodes that leave one value."""

    def __init__(self, code: bytes) -> None:
        self.code = code


def named(path: str) -> Raw:
    """GLOBAL of `module:name`."""
    module, _, name = path.partition(":")
    return Raw(b"c" + module.encode() + b"\n" + name.encode() + b"\n")


def called(path: "str | Raw", *args: object) -> Raw:
    what = named(path) if isinstance(path, str) else path
    return Raw(what.code + value(tuple(args)) + b"R")


def pickled(it: "Raw | bytes", protocol: int = 4) -> bytes:
    code = it.code if isinstance(it, Raw) else it
    return b"\x80" + bytes([protocol]) + code + b"."
