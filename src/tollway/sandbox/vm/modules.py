"""The kernel's modules that a guest needs to find its disk and its port, in order of loading."""

import lzma
import re
from collections.abc import Iterable
from pathlib import Path

from tollway.errors import TollwayError

WANTED = ("virtio_pci", "virtio_blk", "virtio_console", "overlay")
NETWORK = ("virtio_net",)
"""Loaded only where a test turns the defence off that gives a guest no network."""


def in_order(names: Iterable[str], tree: Path) -> list[tuple[str, bytes]]:
    """These modules after those that they depend on, as (name, ELF file). What the kernel has
    built in has no file and is left out.

    Raises:
        TollwayError: a module is packed in a way that nobody here can unpack.
    """
    files = {it.name.split(".", 1)[0].replace("-", "_"): it for it in tree.rglob("*.ko*")}
    order: dict[str, bytes] = {}

    def visit(name: str) -> None:
        if name in order or name not in files:
            return
        data = _read(files[name])
        found = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in (found[1].decode() if found else "").split(","):
            visit(other.replace("-", "_"))
        order[name] = data

    for name in names:
        visit(name)
    return list(order.items())


def _read(file: Path) -> bytes:
    if file.suffix == ".ko":
        return file.read_bytes()
    if file.suffix == ".xz":
        return lzma.decompress(file.read_bytes())
    raise TollwayError(f"sandbox build: {file.name}: only .ko and .ko.xz modules can be read.")
