"""A process of its own that books: one interpreter's lock is then no place to wait for the other.

Rules
1. It books what its gateway points at in the journal, which both have in memory, and what comes
   with the order: one transaction a batch. It answers each.
2. It ends when its gateway does, however that ends, and holds the gateway's lock until then: nobody
   else opens the books while it may still write.
3. It is given no environment: it has no use for anybody's credentials.
4. One that dies is a failed transaction; the next one starts another.
"""

import gc
import mmap
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from struct import Struct

from tollway.ledger.journal import Span
from tollway.ledger.records import Batch, Item, encode, items_of, joined, journalled
from tollway.ledger.sqlite import SqliteLedger, open_for_bookkeeper
from tollway.ledger.store import LedgerUnavailableError

_ORDER = Struct("<QQQQ")  # the records' start, end and number; bytes of what comes with it
_SIZE = Struct("<Q")
_NOTHING = Span(0, 0, 0)
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
        ledger = self._ledger
        descriptors = (theirs.fileno(), ledger.journal.descriptor, ledger.lock_descriptor)
        command = (sys.executable, "-m", __name__, str(ledger.path), *map(str, descriptors))
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
        span = batch.span or _NOTHING
        if span.records or handed:
            self._ask(span, joined(handed) if handed else b"")

    def checkpoint(self) -> None:
        """See `Booker.checkpoint`."""
        self._ask(_NOTHING, b"")

    def close(self) -> None:
        """Let the process end, and wait for it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_BATCH)
            self._process = None

    def _ask(self, span: Span, rest: bytes) -> None:
        """Give an order; one for nothing is a checkpoint."""
        line = self._socket or self.start()
        try:
            line.sendall(_ORDER.pack(span.start, span.end, span.records, len(rest)) + rest)
            said = _exactly(line, *_SIZE.unpack(_exactly(line, _SIZE.size)))
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise LedgerUnavailableError(
                f"{self._ledger.path}: the process that books has ended. It is started again."
            ) from error
        if said:
            raise LedgerUnavailableError(said.decode())


def _exactly(of: socket.socket, size: int) -> bytes:
    """So many bytes. Raises EOFError where there are no more."""
    data = bytearray()
    while len(data) < size:
        part = of.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _do(ledger: SqliteLedger, span: Span, records: memoryview, rest: bytes) -> bytes:
    """Why it was not done; empty where it was."""
    try:
        if not span.records and not rest:
            ledger.checkpoint()
        else:
            more = items_of(rest) if rest else []
            ledger.book([*journalled(span, records), *more])
    except Exception as error:  # noqa: BLE001 - whatever it is, the gateway is to know
        return str(error).encode() or type(error).__name__.encode()
    return b""


def _serve(ledger: SqliteLedger, gateway: socket.socket, journal: memoryview) -> None:
    """Do what is ordered. Raises EOFError or OSError when the gateway is gone."""
    while True:
        *where, size = _ORDER.unpack(_exactly(gateway, _ORDER.size))
        span = Span(*where)
        said = _do(ledger, span, journal[span.start : span.end], _exactly(gateway, size))
        gateway.sendall(_SIZE.pack(len(said)) + said)


def main(path: str, talking: str, journal: str) -> None:
    """Book until the gateway is gone (rule 2)."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    gc.disable()  # a batch is thousands of objects and no cycle
    seen = mmap.mmap(int(journal), 0, access=mmap.ACCESS_READ)
    with socket.socket(fileno=int(talking)) as gateway, memoryview(seen) as records:
        ledger = open_for_bookkeeper(Path(path))
        with suppress(EOFError, OSError), closing(ledger):
            _serve(ledger, gateway, records)


if __name__ == "__main__":
    main(*sys.argv[1:4])
