"""The standard streams of a sandbox: pipes, or a terminal of its own, between it and the caller's.

Rules
1. The sandbox never has a descriptor of the caller's: what it could do to one (a terminal's ioctls,
   a file's offset and flags) it can not do to a pipe.
2. What bubblewrap says when it fails is not taken for what the command says.
3. The caller's terminal is as it was at the end, whatever happened.
"""

import asyncio
import fcntl
import os
import select
import signal
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tollway.sandbox.order import Streams
from tollway.sandbox.printing import CHUNK, Printing

FAILED = b"bwrap: "
"""How bubblewrap's own words begin."""
LONGEST = 4096
"""Bytes of such words; what goes on is the command's."""


class Relay:
    """The streams of one sandbox. `ends` are those for bubblewrap to have; `started` closes them
    here. `held` are words that are bubblewrap's own if it failed, and else the command's."""

    def __init__(self, streams: Streams, terminal: bool) -> None:
        self._streams, self._terminal = streams, terminal
        self.held = b""
        self._sifting = True
        if terminal:
            master, slave = os.openpty()
            self._to, self._from = os.dup(master), [(master, streams.stdout)]
            self.ends = (slave, slave, slave)
            _resize(streams.stdin, self._to)
        else:
            pipes = [os.pipe() for _ in range(3)]
            (inner, self._to), *outward = pipes
            sinks = (streams.stdout, streams.stderr)
            self._from = [(pair[0], to) for pair, to in zip(outward, sinks, strict=True)]
            self.ends = (inner, outward[0][1], outward[1][1])
        self._stop, self._stopping = os.pipe()
        self._running = False

    def started(self) -> None:
        """bubblewrap has its ends."""
        for each in set(self.ends):
            os.close(each)
        self.ends = (-1, -1, -1)

    async def run(self, printing: Printing) -> None:
        """Relay until what comes out of the sandbox is at its end. Cancelled, it stops at once."""
        self._running = True
        feeding = threading.Thread(target=self._feed, args=(self._stop, self._to), daemon=True)
        feeding.start()
        sources, self._from = self._from, []
        try:
            with _raw(self._streams.stdin, self._to, self._terminal):
                *plain, last = sources
                ways = [printing.copy(*each) for each in plain]
                await asyncio.gather(*ways, printing.copy(*last, self._sift))
        finally:
            os.close(self._stopping)

    def _sift(self, chunk: bytes) -> bytes:
        if not self._sifting:
            return chunk
        self.held += chunk
        begins = self.held.startswith(FAILED) or FAILED.startswith(self.held)
        if begins and len(self.held) <= LONGEST:
            return b""
        self._sifting = False
        return self.taken()

    def taken(self) -> bytes:
        """What was held, once."""
        held, self.held = self.held, b""
        return held

    def last_words(self) -> bytes:
        """What came before the run, of a sandbox that could not be made."""
        source = self._from[-1][0]
        os.set_blocking(source, False)
        with suppress(OSError):
            return os.read(source, LONGEST).removeprefix(FAILED)
        return b""

    def close(self) -> None:
        """Close what never ran. Idempotent."""
        if self.ends[0] >= 0:
            self.started()
        if not self._running:
            self._running = True
            sources = [source for source, _ in self._from]
            for each in (self._to, self._stop, self._stopping, *sources):
                os.close(each)

    def _feed(self, stop: int, to: int) -> None:
        ready = select.poll()
        ready.register(stop, select.POLLIN)
        ready.register(self._streams.stdin, select.POLLIN)
        try:
            with suppress(OSError):
                while stop not in (found := dict(ready.poll())) and found:
                    data = os.read(self._streams.stdin, CHUNK)
                    if not data:
                        break
                    while data:
                        data = data[os.write(to, data) :]
        finally:
            os.close(to)
            os.close(stop)


@contextmanager
def _raw(ours: int, theirs: int, terminal: bool) -> Iterator[None]:
    """The caller's terminal passes every key on while this lasts, and its size."""
    if not terminal or not os.isatty(ours):
        yield
        return
    before = termios.tcgetattr(ours)
    loop = asyncio.get_running_loop()
    with suppress(ValueError, RuntimeError):  # not the main thread: the size stays as it is
        loop.add_signal_handler(signal.SIGWINCH, _resize, ours, theirs)
    try:
        tty.setraw(ours)
        yield
    finally:
        termios.tcsetattr(ours, termios.TCSADRAIN, before)
        with suppress(ValueError, RuntimeError):
            loop.remove_signal_handler(signal.SIGWINCH)


def _resize(ours: int, theirs: int) -> None:
    with suppress(OSError):
        size = fcntl.ioctl(ours, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
