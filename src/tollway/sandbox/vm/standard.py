"""The command's standard streams, between a guest's streams and the caller's descriptors.

Rules
1. The caller's descriptors stay as they are: they are read and written by threads that may block.
2. A terminal of the caller is raw while the command has one of its own, and as it was afterwards.
"""

import asyncio
import fcntl
import os
import select
import struct
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tollway.sandbox.printing import Printing
from tollway.sandbox.vm.link import Incoming, Outgoing

_READ = 32 << 10


async def printed(printing: Printing, incoming: Incoming, outgoing: Outgoing, to: int) -> None:
    """Lead what a stream brings to a descriptor, until it ends or nobody reads it any more."""
    near, far = os.pipe()
    os.set_blocking(far, False)
    copying = asyncio.create_task(printing.copy(near, to))
    try:
        with suppress(OSError):  # broken on either side
            while data := await incoming.read(_READ):
                await _written(far, data)
    finally:
        outgoing.close()
        os.close(far)
    await copying


async def _written(descriptor: int, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            room = asyncio.Event()
            loop.add_writer(descriptor, room.set)
            try:
                await room.wait()
            finally:
                loop.remove_writer(descriptor)


class Typed:
    """What the caller types or pipes in, led to a stream by a thread that ends with `stop`."""

    def __init__(self, source: int, outgoing: Outgoing) -> None:
        self._source, self._outgoing = source, outgoing
        self._loop = asyncio.get_running_loop()
        self._heard, self._told = os.pipe()
        threading.Thread(target=self._read, daemon=True).start()

    def stop(self) -> None:
        """Read no more."""
        os.close(self._told)

    def _read(self) -> None:
        ready = select.poll()
        ready.register(self._heard, select.POLLIN)
        ready.register(self._source, select.POLLIN)
        try:
            # RuntimeError: the loop has ended; OSError: the stream broke or the descriptor is bad.
            with suppress(RuntimeError, OSError):
                while all(it != self._heard for it, _ in ready.poll()):
                    data = _read(self._source)
                    sending = asyncio.run_coroutine_threadsafe(self._send(data), self._loop)
                    sending.result()
                    if not data:
                        return
        finally:
            os.close(self._heard)

    async def _send(self, data: bytes) -> None:
        if data:
            self._outgoing.write(data)
            await self._outgoing.drain()
        else:
            self._outgoing.write_eof()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _READ)
    except OSError:  # not open, or a terminal that is gone
        return b""


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """A terminal that passes every key on; nothing where it is no terminal."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def size(descriptor: int) -> tuple[int, int]:
    """A terminal's rows and columns; the classic ones where it has none."""
    with suppress(OSError):
        packed = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
        rows, columns, _, _ = struct.unpack("HHHH", packed)
        if rows and columns:
            return rows, columns
    return 24, 80
