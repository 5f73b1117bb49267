"""A process of its own that books: one interpreter's lock is then no place to wait for the other.

Rules
1. It does what its gateway hands it over a socket, one transaction a batch, and answers each.
2. It ends when its gateway does, however that ends, and holds the gateway's lock until then: nobody
   else opens the books while it may still write.
3. It is given no environment: it has no use for anybody's credentials.
4. One that dies is a failed transaction; the next one starts another.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from struct import Struct

from tollway.ledger.records import Batch, Item, encode, items_of, joined
from tollway.ledger.sqlite import SqliteLedger, open_for_bookkeeper
from tollway.ledger.store import LedgerUnavailableError

_SIZE = Struct("<Q")
_ENOUGH = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG")
_LAST_BATCH = 10.0


class Bookkeeper:
    """A `Booker` whose work is done elsewhere. `ledger` is open for this gateway."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process, if one has been started."""
        return None if self._process is None else self._process.pid

    def start(self) -> socket.socket:
        """Start the process, which need not be waited for; gives the line to it."""
        ours, theirs = socket.socketpair()
        descriptors = (theirs.fileno(), self._ledger.lock_descriptor)
        command = (sys.executable, "-m", __name__, str(self._ledger.path), *map(str, descriptors))
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
                env={name: os.environ[name] for name in _ENOUGH if name in os.environ},
            )
        self._socket = ours
        return ours

    def take(self, batch: Batch) -> None:
        """See `Booker.take`. What cannot be handed over is booked here, in words."""
        handed: list[bytes] = []
        odd: list[Item] = []
        for item in batch.rest:
            try:
                handed.append(encode(item))
            except (ValueError, OverflowError):
                odd.append(item)
        if odd:
            self._ledger.book(odd)
        if batch.records or handed:
            self._ask([batch.piece(), joined(handed)])

    def checkpoint(self) -> None:
        """See `Booker.checkpoint`."""
        self._ask([])

    def close(self) -> None:
        """Let the process end, and wait for it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_BATCH)
            self._process = None

    def _ask(self, parts: list[bytes]) -> None:
        line = self._socket or self.start()
        try:
            _send(line, parts)
            (said,) = _receive(line)
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise LedgerUnavailableError(
                f"{self._ledger.path}: the process that books has ended. It is started again."
            ) from error
        if said:
            raise LedgerUnavailableError(said.decode())


def _send(to: socket.socket, parts: Sequence[bytes]) -> None:
    sizes = [_SIZE.pack(len(parts)), *(_SIZE.pack(len(part)) for part in parts)]
    to.sendall(b"".join([*sizes, *parts]))


def _receive(of: socket.socket) -> list[bytes]:
    """The parts of one message. Raises EOFError where there is no more."""
    (count,) = _SIZE.unpack(_exactly(of, _SIZE.size))
    sizes = [_SIZE.unpack(_exactly(of, _SIZE.size))[0] for _ in range(count)]
    return [_exactly(of, size) for size in sizes]


def _exactly(of: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = of.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _do(ledger: SqliteLedger, parts: Sequence[bytes]) -> bytes:
    """Why it was not done; empty where it was."""
    try:
        if not parts:
            ledger.checkpoint()
        else:
            ledger.book([item for part in parts for item in items_of(part)])
    except Exception as error:  # noqa: BLE001 - whatever it is, the gateway is to know
        return str(error).encode() or type(error).__name__.encode()
    return b""


def main(path: str, talking: str) -> None:
    """Book until the gateway is gone (rule 2)."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    with socket.socket(fileno=int(talking)) as gateway:
        ledger = open_for_bookkeeper(Path(path))
        try:
            while True:
                _send(gateway, [_do(ledger, _receive(gateway))])
        except (EOFError, OSError):
            return
        finally:
            ledger.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
