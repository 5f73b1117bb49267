"""An initramfs: a "newc" cpio archive, as the kernel's early userspace documentation defines it."""

from collections.abc import Iterable

_FOLDER, _FILE = 0o040755, 0o100755


def archive(folders: Iterable[str], files: Iterable[tuple[str, bytes]]) -> bytes:
    """The archive of these folders and executable files, all of them root's."""
    entries = [_entry(at, name, _FOLDER, b"") for at, name in enumerate(folders, 1)]
    first = len(entries) + 1
    entries += [_entry(at, name, _FILE, data) for at, (name, data) in enumerate(files, first)]
    return b"".join((*entries, _entry(0, "TRAILER!!!", 0, b"")))


def _entry(inode: int, name: str, mode: int, data: bytes) -> bytes:
    raw = name.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, device and its device (major, minor), name, sum
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = b"070701" + b"".join(f"{it:08x}".encode() for it in fields) + raw
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
