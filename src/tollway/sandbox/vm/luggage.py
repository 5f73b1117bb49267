"""What goes into a guest before its command and comes out after it: files, as parcels.

Rules
1. What goes in is the order's own: its files and copies of its mounts.
2. What comes out is hostile: it is held against the bounds here and offered to the keeper.
"""

import asyncio
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tollway.errors import TollwayError
from tollway.sandbox.defences import Defences
from tollway.sandbox.exits import Reader
from tollway.sandbox.keeping import Keeper, Writing
from tollway.sandbox.order import Limits, Order
from tollway.sandbox.sources import source_of
from tollway.sandbox.vm.guest import parcels
from tollway.sandbox.vm.link import Outgoing

_READ = 64 << 10
_BATCH = 256 << 10
_SPARE_BYTES = 64 << 20
"""What may come of files that are refused meanwhile, beyond what may be kept."""


def checked(order: Order) -> None:
    """Refuse what a machine of its own cannot have.

    Raises:
        TollwayError: a mount is to be written to, is not there, or has no absolute target.
    """
    for mount in order.mounts:
        if mount.writable:
            raise TollwayError(
                f"--mount {mount.source}:{mount.target}:rw: in the tier vm a mount is a copy, so "
                "nothing written there comes back. Mount it without :rw and take results by --out."
            )
        if not mount.target.startswith("/") or ".." in Path(mount.target).parts:
            raise TollwayError(f"--mount {mount.source}:{mount.target}: name an absolute target.")
        source_of(mount)


async def sent(
    order: Order, defences: Defences, calls: Sequence[bytes], outgoing: Outgoing
) -> None:
    """Send files, mounts and the order itself; `calls` are seccomp programs for its command.

    Raises:
        TollwayError: a mount cannot be read, or is no file or folder.
        ConnectionResetError: the guest is gone.
    """
    pieces = _pieces(order, _as_told(order, defences, calls))
    while batch := await asyncio.to_thread(_batch, pieces):
        outgoing.write(batch)
        await outgoing.drain()


def _batch(pieces: Iterator[bytes]) -> bytes:
    batch = bytearray()
    try:
        for piece in pieces:
            batch += piece
            if len(batch) >= _BATCH:
                break
    except OSError as error:
        raise TollwayError(
            f"--mount {error.filename or ''}: {error.strerror or error}. Name what can be read."
        ) from error
    return bytes(batch)


def _as_told(order: Order, defences: Defences, calls: Sequence[bytes]) -> bytes:
    return json.dumps(
        {
            "argv": order.argv,
            "environment": dict(order.environment),
            "limits": as_limits(order.limits),
            "defences": dataclasses.asdict(defences),
            "exits": sorted(order.exits),
            "mounts": [it.target for it in order.mounts],
            "calls": [it.hex() for it in calls],
        }
    ).encode()


def as_limits(limits: Limits) -> dict[str, Any]:
    """Limits for the guest."""
    return dataclasses.asdict(limits)


def _pieces(order: Order, told: bytes) -> Iterator[bytes]:
    for name, data in (*order.files.items(), (".order", told)):
        yield parcels.head_line(["files", name], "file", len(data), 0o444)
        yield data
    for number, mount in enumerate(order.mounts):
        yield from parcels.packed(mount.source.resolve(), ["mounts", str(number)])
    yield parcels.END


class Collecting:
    """Offers what a guest sends to a keeper."""

    def __init__(self, keeper: Keeper, limits: Limits) -> None:
        self._keeper = keeper
        self._unpacking = parcels.Unpacking()
        self._writing: Writing | None = None
        self._heads = limits.inodes + limits.kept_files
        self._bytes = limits.kept + _SPARE_BYTES

    async def collect(self, incoming: Reader) -> None:
        """Take everything up to the end.

        Raises:
            parcels.Unreadable: it is no parcel, or more than any guest has.
            ConnectionResetError: the guest broke off.
            TollwayError: it cannot be written here.
        """
        try:
            while not self._unpacking.over:
                data = await incoming.read(_READ)
                if not data:
                    raise ConnectionResetError
                self._bytes -= len(data)
                if self._bytes < 0:
                    raise parcels.Unreadable("more bytes than may be kept")
                for it in self._unpacking.feed(data):
                    self._take(it)
        finally:
            if self._writing is not None:
                self._writing.drop("did not come to its end")

    def _take(self, it: "dict[str, Any] | bytes") -> None:
        if isinstance(it, dict):
            self._head(it)
        elif self._writing is not None:
            if not it:
                self._writing.end()
                self._writing = None
            elif not self._writing.write(it):
                self._writing = None

    def _head(self, head: "dict[str, Any]") -> None:
        self._heads -= 1
        if self._heads < 0:
            raise parcels.Unreadable("more files than any guest has")
        try:
            parts = tuple(os.fsencode(it) for it in head["path"])
        except UnicodeEncodeError:
            raise parcels.Unreadable("a name that is none") from None
        if head["kind"] == "file":
            self._writing = self._keeper.begin(parts, head["size"])
        elif head["kind"] == "folder":
            self._keeper.folder(parts)
        elif head["kind"] == "link":
            self._keeper.link(parts, os.fsencode(head["target"]))
        else:
            self._keeper.refused(parts, "no plain file")
