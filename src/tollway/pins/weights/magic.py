"""What a file is, by its first bytes."""

from tollway.pins.weights.reader import Reader

_STARTS = (
    (b"GGUF", "gguf"),
    (b"\x93NUMPY", "npy"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x5d\0\0", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"MSCF", "cab"),
    (b"!<arch>\n", "ar"),
    (b"xar!", "xar"),
    (b"\x7fELF", "an ELF program"),
    (b"\xfe\xed\xfa\xce", "a Mach-O program"),
    (b"\xfe\xed\xfa\xcf", "a Mach-O program"),
    (b"\xce\xfa\xed\xfe", "a Mach-O program"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program"),
    (b"\xca\xfe\xba\xbe", "a Mach-O or Java program"),
    (b"\0asm", "a WebAssembly program"),
    (b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut"),
    (b"dex\n", "an Android program"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a compound file that may hold macros"),
    (b"#!", "a script"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
)
PROGRAMS = frozenset(
    {what for _, what in _STARTS if what.startswith(("a ", "an "))}
    | {"a Windows program", "compiled Python"}
)
UNREAD_ARCHIVES = frozenset({"7z", "rar", "cab", "ar", "xar"})
_USER_BLOCKS = (0, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)


def kind_of(reader: Reader) -> str | None:
    """Its kind where the first bytes say so."""
    head = reader.read(0, 64)
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind if kind != "bz2" or head[3:4] in b"123456789" else None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image"
    if head[4:8] == b"TFL3":
        return "tflite"
    if head[:2] == b"MZ" and _portable(reader, head):
        return "a Windows program"
    if head[2:4] == b"\r\n" and head[:2] != b"\r\n" and not head[:2].isascii():
        return "compiled Python"
    if head[2:4] == b"\r\n" and len(head) >= 16 and head[1] in (0x0C, 0x0D, 0x0E, 0x0F):
        return "compiled Python"
    if any(reader.read(at, 8) == b"\x89HDF\r\n\x1a\n" for at in _USER_BLOCKS[1:]):
        return "hdf5"
    if _is_zlib(head):
        return "zlib"
    return None


def _portable(reader: Reader, head: bytes) -> bool:
    """A PE, or a DOS program; text may begin with MZ too."""
    at = int.from_bytes(head[60:64], "little")
    return reader.read(at, 2) == b"PE" or (len(head) == 64 and 0 in head[:32])


def _is_zlib(head: bytes) -> bool:
    return (
        len(head) > 6
        and head[0] in (0x78, 0x58, 0x68, 0x48, 0x38, 0x28, 0x18, 0x08)
        and int.from_bytes(head[:2], "big") % 31 == 0
        and not head[1] & 0x20
        and not all(it in b"\t\r\n" or 32 <= it < 127 for it in head[:32])
    )
