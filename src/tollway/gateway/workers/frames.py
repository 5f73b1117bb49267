"""What the accountant and a worker say to each other, and how it is framed.

Rules
1. A frame is four bytes of length and a msgpack list of messages; what one turn of a loop says
   goes out as one frame, in order.
2. No credential is ever said: each worker reads those itself.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from tollway.dispatch.messages import (
    Abort,
    Arrived,
    Cancelled,
    Content,
    EndWithError,
    Failed,
    Finished,
    Progressed,
    Reject,
    Relay,
    Send,
)
from tollway.gateway.counts import Counts
from tollway.gateway.pauses import Pause
from tollway.ledger.keys import KeyRecord

_HEAD = 4
_LARGEST = 256 * 1024 * 1024


class Said(msgspec.Struct, frozen=True, tag=True):
    """Base of what is said beside events and actions."""


# --- a worker says -------------------------------------------------------------------------------


class Hello(Said, frozen=True):
    """The first message: worker `number`, and its process id."""

    number: int
    pid: int


class Prepared(Said, frozen=True):
    """The worker is ready for that fleet, or names its faults."""

    number: int
    faults: tuple[str, ...]


class Counted(Said, frozen=True):
    """Twice a second: client connections open now, and what was counted since the last time."""

    connections: int
    counts: Counts


class Traced(Said, frozen=True):
    """Requests for the collector, a JSON line each, and how many more were lost."""

    lines: bytes
    lost: int


class Paused(Said, frozen=True):
    """Where an attempt's stream stood still: seconds after it was sent, and for how long."""

    request: str
    attempt: int
    pauses: list[Pause]


class AskPage(Said, frozen=True):
    """The worker wants the metrics of the whole gateway."""

    number: int


# --- the accountant says -------------------------------------------------------------------------


class Welcome(Said, frozen=True):
    """The first message: the fleet in force, and since when the gateway runs (UTC seconds)."""

    documents: dict[str, str]
    started: int


class Keys(Said, frozen=True):
    """The virtual keys that may be used, all of them."""

    records: tuple[KeyRecord, ...]


class Prepare(Said, frozen=True):
    """Read the secrets and certificates of this fleet, and go on with the old one."""

    number: int
    documents: dict[str, str]


class Adopt(Said, frozen=True):
    """Go by the fleet that was prepared under this number."""

    number: int


class Standing(Said, frozen=True):
    """Why no new work should come (None where it may), and the client connections of others."""

    why: str | None
    elsewhere: int


class Page(Said, frozen=True):
    """The metrics of the whole gateway."""

    number: int
    text: bytes


Up = (
    Arrived | Content | Progressed | Finished | Failed | Cancelled
    | Hello | Prepared | Counted | Traced | Paused | AskPage
)  # fmt: skip
Down = (
    Send | Reject | Relay | EndWithError | Abort
    | Welcome | Keys | Prepare | Adopt | Standing | Page
)  # fmt: skip

_encoder = msgspec.msgpack.Encoder()
decode_up = msgspec.msgpack.Decoder(list[Up]).decode
decode_down = msgspec.msgpack.Decoder(list[Down]).decode


class Wire(asyncio.Protocol):
    """One end of a connection between the accountant and a worker.

    `taken` is called with the messages of each frame, `lost` once when the connection is over.
    """

    def __init__(
        self,
        decode: Callable[[bytes], list[Any]],
        taken: Callable[["Wire", list[Any]], None],
        lost: Callable[["Wire"], None],
    ) -> None:
        self._decode = decode
        self._taken = taken
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._unsent: list[object] = []

    # --- the transport ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no asyncio.Transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._unsent.clear()
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _HEAD:
            size = int.from_bytes(buffer[start : start + _HEAD], "big")
            end = start + _HEAD + size
            if size > _LARGEST:
                self.abort()
                return
            if len(buffer) < end:
                break
            try:
                messages = self._decode(bytes(buffer[start + _HEAD : end]))
            except msgspec.MsgspecError:
                self.abort()
                return
            start = end
            self._taken(self, messages)
        del buffer[:start]

    # --- saying ----------------------------------------------------------------------------------

    def say(self, message: object) -> None:
        """Send a message with whatever else this turn of the loop says (rule 1)."""
        if self._transport is None:
            return
        if not self._unsent:
            self._loop.call_soon(self.flush)
        self._unsent.append(message)

    def flush(self) -> None:
        """Send what waits."""
        if self._transport is not None and self._unsent:
            frame = bytearray(_HEAD)
            _encoder.encode_into(self._unsent, frame, _HEAD)
            frame[:_HEAD] = (len(frame) - _HEAD).to_bytes(_HEAD, "big")
            self._transport.write(frame)
        self._unsent.clear()

    def close(self) -> None:
        """Send what waits, then end the connection."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()
